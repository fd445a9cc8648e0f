#include "sandbox/db/postgres_uri.h"

#include <algorithm>
#include <map>
#include <memory>

#include <libpq-fe.h>

#include "sandbox/base/env.h"
#include "sandbox/base/error.h"

namespace sandbox::db {
namespace {

// A server that does not answer must not hold a caller for the minutes TCP would wait.
constexpr std::string_view connect_timeout_s = "5";
constexpr std::string_view keepalive_idle_s = "30";
constexpr std::string_view unanswered_ms = "30000";

struct OptionsDeleter {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, OptionsDeleter>;

constexpr std::string_view encode_hint =
    " In the user name and the password write %40 for @, %2F for /, %3A for :, %23 for #, %3F for "
    "? and %25 for %.";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value,
              "The PostgreSQL URI of the backend store " + sentence +
                  " It looks like postgresql://USER:PASSWORD@HOST:5432/DATABASE?sslmode=prefer.");
}

// postgresql+psycopg2://… as libpq knows it: without the driver.
std::string plain_scheme(const std::string& uri) {
  return "postgresql" + uri.substr(uri.find("://"));
}

using Settings = std::map<std::string, std::string>;

void add(const Options& options, Settings& settings) {
  for (const PQconninfoOption* one = options.get(); one != nullptr && one->keyword != nullptr;
       ++one) {
    if (one->val != nullptr) settings.try_emplace(one->keyword, one->val);
  }
}

// libpq's own words repeat what it could not read, which may be a piece of the password: only the
// name of an unknown parameter is safe to tell.
[[noreturn]] void refuse_unread(const std::string& reason) {
  constexpr std::string_view unknown = "invalid URI query parameter: ";
  if (reason.starts_with(unknown)) {
    std::string name = reason.substr(unknown.size());
    name.erase(std::remove(name.begin(), name.end(), '\n'), name.end());
    refuse("has a parameter libpq does not know: " + name + ".");
  }
  refuse("cannot be read." + std::string(encode_hint));
}

Settings settings_of(const std::string& uri) {
  char* message = nullptr;
  const Options parsed(PQconninfoParse(plain_scheme(uri).c_str(), &message));
  if (!parsed) {
    const std::string reason = message == nullptr ? "" : message;
    PQfreemem(message);
    refuse_unread(reason);
  }
  Settings settings;
  add(parsed, settings);
  return settings;
}

bool is_ports(const std::string& text) {
  return text.find_first_not_of("0123456789,") == std::string::npos;
}

void check(const Settings& settings) {
  const auto value = [&](const char* key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string() : found->second;
  };
  if (value("host").find('@') != std::string::npos ||
      value("dbname").find('@') != std::string::npos || !is_ports(value("port"))) {
    refuse("has no host and port where they belong." + std::string(encode_hint));
  }
}

std::string quoted(const std::string& value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + '\'';
}

// By this connections of one process are told from those of others.
const std::string& process_mark() {
  static const std::string mark = "mlops-sandbox " + SystemEnv().new_id();
  return mark;
}

}  // namespace

std::string PostgresAddress::shown() const {
  return "database '" + database + "' at " + host + (host.starts_with('/') ? " port " : ":") +
         port + " as user '" + user + "'";
}

bool is_postgres_uri(std::string_view uri) {
  const std::string_view scheme = uri.substr(0, uri.find("://"));
  if (scheme.size() == uri.size()) return false;
  return scheme == "postgres" || scheme == "postgresql" || scheme.starts_with("postgresql+");
}

PostgresAddress postgres_address(const std::string& uri) {
  Settings settings = settings_of(uri);
  check(settings);
  settings.try_emplace("connect_timeout", connect_timeout_s);
  settings.try_emplace("keepalives_idle", keepalive_idle_s);
  settings.try_emplace("tcp_user_timeout", unanswered_ms);
  settings.try_emplace("fallback_application_name", process_mark());
  settings["client_encoding"] = "UTF8";
  PostgresAddress address;
  for (const auto& [key, value] : settings) {
    address.connection += (address.connection.empty() ? "" : " ") + key + "=" + quoted(value);
  }
  add(Options(PQconndefaults()), settings);
  address.user = settings["user"];
  address.port = settings["port"];
  address.database = settings["dbname"].empty() ? address.user : settings["dbname"];
  address.host = settings["host"].empty() ? settings["hostaddr"] : settings["host"];
  if (address.host.empty()) address.host = "/var/run/postgresql";  // Debian's default socket
  return address;
}

std::string without_password(const std::string& uri) {
  if (!is_postgres_uri(uri)) return uri;
  const std::size_t start = uri.find("://") + 3;
  std::string out = uri;
  // The last @ before the parameters: a password with an unencoded one is hidden whole.
  const std::size_t at = out.rfind('@', out.find('?', start));
  const std::size_t colon = out.find(':', start);
  if (at != std::string::npos && at > start && colon < at) {
    out.replace(colon + 1, at - colon - 1, "***");
  }
  for (const std::string_view key :
       {"?password=", "&password=", "?sslpassword=", "&sslpassword="}) {
    const std::size_t found = out.find(key, start);
    if (found == std::string::npos) continue;
    const std::size_t value = found + key.size();
    out.replace(value, std::min(out.find('&', value), out.size()) - value, "***");
  }
  return out;
}

}  // namespace sandbox::db
