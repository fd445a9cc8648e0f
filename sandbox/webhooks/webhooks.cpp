#include "sandbox/webhooks/webhooks.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/http/outgoing.h"
#include "sandbox/http/public_address.h"
#include "sandbox/tracking/filter.h"

namespace sandbox::webhooks {
namespace {

constexpr std::size_t name_max = 63;
constexpr std::int64_t page_standard = 100;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool is_alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

void check_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= name_max && is_alphanumeric(name.front()) &&
                    is_alphanumeric(name.back()) &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
                    });
  if (fits) return;
  refuse("Webhook name '" + name +
         "' is invalid. It must start and end with a letter or digit, be less than 63 characters "
         "long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).");
}

void check_at_most(std::string_view what, const std::string& text, std::size_t characters_max) {
  if (utf8_length(text) <= characters_max) return;
  refuse("Webhook " + std::string(what) + " exceeds the maximum length of " +
         std::to_string(characters_max) + " characters.");
}

std::string scheme_of(const std::string& url) {
  const std::size_t colon = url.find(':');
  if (colon == std::string::npos || !std::isalpha(static_cast<unsigned char>(url[0]))) return "";
  const std::string scheme = url.substr(0, colon);
  const bool is_scheme = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
  });
  return is_scheme ? lower(scheme) : "";
}

void check_status(const std::string& status) {
  if (status == "ACTIVE" || status == "DISABLED") return;
  refuse("Invalid webhook status. Valid statuses are ACTIVE, DISABLED.");
}

void check(const UrlRules& rules, const WebhookChange& change) {
  if (change.name) check_name(*change.name);
  if (change.url) {
    check_at_most("URL", *change.url, url_max);
    check_url(rules, *change.url);
  }
  if (change.description) check_at_most("description", *change.description, description_max);
  if (change.status) check_status(*change.status);
  if (change.secret && change.secret->reveal().size() > secret_bytes_max) {
    refuse("Webhook secret exceeds the maximum length of " + std::to_string(secret_bytes_max) +
           " bytes.");
  }
}

Webhook webhook_of(const db::Rows& row) {
  Webhook webhook;
  webhook.id = row.text(0);
  webhook.name = row.text(1);
  webhook.description = row.maybe_text(2);
  if (webhook.description == "") webhook.description.reset();
  webhook.url = row.text(3);
  webhook.status = row.text(4);
  webhook.creation_timestamp = row.integer(5);
  webhook.last_updated_timestamp = row.integer(6);
  return webhook;
}

constexpr std::string_view one_webhook =
    "SELECT webhook_id, name, description, url, status, creation_timestamp, "
    "last_updated_timestamp FROM webhooks WHERE workspace = 'default' AND webhook_id = ? AND "
    "deleted_timestamp IS NULL";
constexpr std::string_view newest_webhooks =
    "SELECT webhook_id, name, description, url, status, creation_timestamp, "
    "last_updated_timestamp FROM webhooks WHERE workspace = 'default' AND deleted_timestamp IS "
    "NULL ORDER BY creation_timestamp DESC, webhook_id LIMIT ? OFFSET ?";
constexpr std::string_view their_events =
    "SELECT webhook_id, entity, action FROM webhook_events WHERE webhook_id IN (SELECT webhook_id "
    "FROM webhooks WHERE workspace = 'default' AND deleted_timestamp IS NULL ORDER BY "
    "creation_timestamp DESC, webhook_id LIMIT ? OFFSET ?) ORDER BY webhook_id, entity, action";

[[noreturn]] void refuse_absent(std::string_view id) {
  throw Error(Code::resource_does_not_exist, "Webhook with ID " + std::string(id) + " not found.");
}

void read_events(db::Tx& tx, Webhook& webhook) {
  db::Rows rows = tx.query(
      "SELECT entity, action FROM webhook_events WHERE webhook_id = ? ORDER BY entity, action",
      webhook.id);
  while (rows.next()) webhook.events.push_back({rows.text(0), rows.text(1)});
}

Webhook read_webhook(db::Tx& tx, std::string_view id) {
  Webhook webhook;
  {
    db::Rows rows = tx.query(one_webhook, id);
    if (!rows.next()) refuse_absent(id);
    webhook = webhook_of(rows);
  }
  read_events(tx, webhook);
  return webhook;
}

}  // namespace

bool has_allowed_scheme(const UrlRules& rules, const std::string& url) {
  const std::string scheme = scheme_of(url);
  return std::find(rules.schemes.begin(), rules.schemes.end(), scheme) != rules.schemes.end();
}

void check_url(const UrlRules& rules, const std::string& url) {
  if (trim(url).empty()) {
    refuse("Webhook URL cannot be empty or just whitespace: '" + url + "'");
  }
  if (!has_allowed_scheme(rules, url)) {
    refuse("Invalid webhook URL scheme: '" + scheme_of(url) +
           "'. Allowed schemes are: " + join(rules.schemes, ", ") + ".");
  }
  const std::string host = http::url_host(url);
  if (host.empty()) refuse("Webhook URL must include a hostname: '" + url + "'");
  if (rules.private_addresses) return;
  const auto addresses = http::resolve(host, "Cannot resolve Webhook URL hostname '" + host + "'");
  for (const http::ResolvedAddress& address : addresses) {
    if (address.is_public) continue;
    refuse("Webhook URL must not resolve to a non-public IP address. '" + host + "' resolves to " +
           address.text + ".");
  }
}

void Webhooks::write_events(db::Tx& tx, std::string_view id, const std::vector<Event>& events) {
  tx.execute("DELETE FROM webhook_events WHERE webhook_id = ?", id);
  for (const Event& event : events) {
    tx.execute(
        "INSERT INTO webhook_events (webhook_id, entity, action) VALUES (?, ?, ?) ON CONFLICT "
        "(webhook_id, entity, action) DO NOTHING",
        id, event.entity, event.action);
  }
}

Webhook Webhooks::create(const WebhookChange& change) {
  check(rules_, change);
  if (change.events.empty()) {
    refuse("Webhook events must be a non-empty list of WebhookEvent objects: [].");
  }
  const std::string id = env_.new_uuid();
  const std::int64_t now = env_.now_ms();
  std::optional<std::string> sealed;
  if (change.secret) sealed = fernet_.seal(env_, change.secret->reveal());
  return database_.write([&](db::Tx& tx) {
    tx.execute(
        "INSERT INTO webhooks (webhook_id, name, description, url, status, secret, "
        "creation_timestamp, last_updated_timestamp, workspace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
        "'default')",
        id, change.name, change.description, change.url, change.status.value_or("ACTIVE"), sealed,
        now, now);
    write_events(tx, id, change.events);
    return read_webhook(tx, id);
  });
}

Webhook Webhooks::get(std::string_view id) {
  return database_.read([&](db::Tx& tx) { return read_webhook(tx, id); });
}

Webhook Webhooks::update(std::string_view id, const WebhookChange& change) {
  check(rules_, change);
  const std::int64_t now = env_.now_ms();
  std::optional<std::string> sealed;
  if (change.secret) sealed = fernet_.seal(env_, change.secret->reveal());
  return database_.write([&](db::Tx& tx) {
    const std::int64_t changed = tx.execute(
        "UPDATE webhooks SET name = COALESCE(?, name), description = COALESCE(?, description), url "
        "= COALESCE(?, url), status = COALESCE(?, status), secret = COALESCE(?, secret), "
        "last_updated_timestamp = ? WHERE workspace = 'default' AND webhook_id = ? AND "
        "deleted_timestamp IS NULL",
        change.name, change.description, change.url, change.status, sealed, now, id);
    if (changed == 0) refuse_absent(id);
    if (!change.events.empty()) write_events(tx, id, change.events);
    return read_webhook(tx, id);
  });
}

void Webhooks::remove(std::string_view id) {
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    const std::int64_t changed = tx.execute(
        "UPDATE webhooks SET deleted_timestamp = ?, last_updated_timestamp = ? WHERE workspace = "
        "'default' AND webhook_id = ? AND deleted_timestamp IS NULL",
        now, now, id);
    if (changed == 0) refuse_absent(id);
  });
}

WebhookPage Webhooks::list(std::int64_t max_results, std::string_view page_token) {
  if (max_results == 0) max_results = page_standard;
  if (max_results < 1 || max_results > webhooks_page_max) {
    refuse("max_results must be between 1 and 1000.");
  }
  const std::int64_t offset = tracking::token_offset(page_token);
  return database_.read([&](db::Tx& tx) {
    WebhookPage page;
    db::Rows rows = tx.query(newest_webhooks, max_results + 1, offset);
    while (rows.next()) page.webhooks.push_back(webhook_of(rows));
    if (static_cast<std::int64_t>(page.webhooks.size()) > max_results) {
      page.webhooks.pop_back();
      page.next_page_token = tracking::offset_token(offset + max_results);
    }
    std::map<std::string, std::vector<Event>, std::less<>> events;
    db::Rows of_page = tx.query(their_events, max_results, offset);
    while (of_page.next()) {
      events[of_page.text(0)].push_back({of_page.text(1), of_page.text(2)});
    }
    for (Webhook& webhook : page.webhooks) webhook.events = std::move(events[webhook.id]);
    return page;
  });
}

Target Webhooks::target_of(const db::Rows& row) const {
  Target target{row.text(0), row.text(1), !row.is_null(2), {}};
  if (target.has_secret) target.secret = fernet_.open(row.view(2));
  // MLflow keeps a removed secret as a sealed empty text.
  if (target.secret && target.secret->empty()) target.has_secret = false;
  return target;
}

Target Webhooks::target(std::string_view id) {
  return database_.read([&](db::Tx& tx) {
    db::Rows rows = tx.query(
        "SELECT webhook_id, url, secret FROM webhooks WHERE workspace = 'default' AND webhook_id = "
        "? AND deleted_timestamp IS NULL",
        id);
    if (!rows.next()) refuse_absent(id);
    return target_of(rows);
  });
}

std::vector<Target> Webhooks::targets_of(std::string_view entity, std::string_view action) {
  return database_.read([&](db::Tx& tx) {
    std::vector<Target> targets;
    db::Rows rows = tx.query(
        "SELECT w.webhook_id, w.url, w.secret FROM webhook_events e JOIN webhooks w ON "
        "w.webhook_id = e.webhook_id WHERE e.entity = ? AND e.action = ? AND w.workspace = "
        "'default' AND w.status = 'ACTIVE' AND w.deleted_timestamp IS NULL ORDER BY "
        "w.creation_timestamp DESC",
        entity, action);
    while (rows.next()) targets.push_back(target_of(rows));
    return targets;
  });
}

}  // namespace sandbox::webhooks
