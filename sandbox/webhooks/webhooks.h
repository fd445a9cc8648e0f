// Webhooks: addresses that are told when something happens in the registry. The noun, its rules and
// its SQL. Source of the rules: MLflow 3.17's model registry store and mlflow/utils/validation.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fernet.h"
#include "sandbox/base/log.h"
#include "sandbox/db/database.h"
#include "sandbox/webhooks/events.h"

namespace sandbox::webhooks {

inline constexpr std::int64_t webhooks_page_max = 1000;
inline constexpr std::size_t url_max = 500;  // characters
inline constexpr std::size_t description_max = 1000;
inline constexpr std::size_t secret_bytes_max = 512;  // what fits the column once it is sealed

struct Webhook {
  std::string id;
  std::string name;
  std::optional<std::string> description;
  std::string url;
  std::string status;  // ACTIVE or DISABLED
  std::vector<Event> events;
  std::int64_t creation_timestamp = 0;  // epoch ms
  std::int64_t last_updated_timestamp = 0;
};

struct WebhookPage {
  std::vector<Webhook> webhooks;
  std::optional<std::string> next_page_token;
};

// What is given is set; nothing else changes.
struct WebhookChange {
  std::optional<std::string> name{};
  std::optional<std::string> description{};
  std::optional<std::string> url{};
  std::optional<std::string> status{};
  std::optional<Secret> secret{};
  std::vector<Event> events{};  // empty leaves them
};

// Where a webhook has to be delivered. An unreadable secret (sealed with another key) has no value
// and must not go out unsigned.
struct Target {
  std::string id;
  std::string url;
  bool has_secret = false;
  std::optional<Secret> secret;
};

struct UrlRules {
  std::vector<std::string> schemes{"https"};
  bool private_addresses = false;  // whether they may be reached
};

// Throws Error(invalid_parameter_value) with the reference's sentence. Asks the name server unless
// private addresses are allowed.
void check_url(const UrlRules& rules, const std::string& url);
bool has_allowed_scheme(const UrlRules& rules, const std::string& url);

class Webhooks {
 public:
  Webhooks(Env& env, db::Database& database, Fernet fernet, UrlRules rules)
      : env_(env), database_(database), fernet_(std::move(fernet)), rules_(std::move(rules)) {}

  [[nodiscard]] const UrlRules& rules() const { return rules_; }

  // `change` must hold name, URL and events.
  Webhook create(const WebhookChange& change);
  // These throw Error(resource_does_not_exist) for an unknown or deleted webhook.
  Webhook get(std::string_view id);
  Webhook update(std::string_view id, const WebhookChange& change);
  void remove(std::string_view id);  // the row stays, marked as deleted
  Target target(std::string_view id);
  // The newest first. 0 for `max_results` means 100.
  WebhookPage list(std::int64_t max_results, std::string_view page_token);
  // The active webhooks that want this event.
  std::vector<Target> targets_of(std::string_view entity, std::string_view action);

 private:
  void write_events(db::Tx& tx, std::string_view id, const std::vector<Event>& events);
  Target target_of(const db::Rows& row) const;

  Env& env_;
  db::Database& database_;
  Fernet fernet_;
  UrlRules rules_;
};

}  // namespace sandbox::webhooks
