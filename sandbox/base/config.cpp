#include "sandbox/base/config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <type_traits>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view environment_prefix = "MLOPS_SANDBOX_";
constexpr std::int64_t trash_days_max = 36'500;
constexpr std::string_view file_name = "mlops-sandbox.conf";

[[noreturn]] void refuse(const std::string& message) {
  throw Error(Code::invalid_parameter_value, message);
}

std::string own_variable(std::string_view setting) {
  std::string name(environment_prefix);
  name += upper(setting);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

template <class Function>
void for_each_setting(Function function) {
  std::apply([&](const auto&... fields) { (function(fields), ...); }, Config::fields());
}

void assign(std::string& member, const std::string& text, const std::string& /*origin*/) {
  member = text;
}

void assign(Secret& member, const std::string& text, const std::string& /*origin*/) {
  member = Secret(text);
}

void assign(std::int64_t& member, const std::string& text, const std::string& origin) {
  const auto number = parse_int64(trim(text));
  if (!number) refuse(origin + " must be a whole number, not '" + text + "'.");
  member = *number;
}

void assign(bool& member, const std::string& text, const std::string& origin) {
  const std::string word = lower(trim(text));
  const bool on = word == "true" || word == "1" || word == "yes" || word == "on";
  const bool off = word == "false" || word == "0" || word == "no" || word == "off";
  if (!on && !off) refuse(origin + " must be true or false, not '" + text + "'.");
  member = on;
}

void append_items(std::vector<std::string>& member, const std::string& text) {
  for (const std::string& item : split(text, ',')) {
    if (const std::string_view word = trim(item); !word.empty()) member.emplace_back(word);
  }
}

template <class Type>
void assign_all(Type& member, const std::vector<std::string>& texts, const std::string& origin) {
  if constexpr (std::is_same_v<Type, std::vector<std::string>>) {
    member.clear();
    for (const std::string& text : texts) append_items(member, text);
  } else {
    assign(member, texts.back(), origin);
  }
}

// Lines `name = value`; '#' starts a comment line. A name may come several times for a list.
SettingTexts read_file(const fs::path& path, bool is_wanted) {
  SettingTexts texts;
  std::ifstream file(path);
  if (!file) {
    std::error_code missing;
    if (is_wanted || fs::exists(path, missing)) {
      refuse("The settings file " + path.string() + " cannot be read.");
    }
    return texts;
  }
  std::vector<std::string> known;
  for_each_setting([&](const auto& setting) { known.emplace_back(setting.name); });
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    const std::string where = path.string() + ", line " + std::to_string(number);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) refuse(where + ": expected `name = value`.");
    const std::string name(trim(text.substr(0, equals)));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse(where + ": there is no setting '" + name + "'. `mlops-sandbox up --help` lists them.");
    }
    texts[name].emplace_back(trim(text.substr(equals + 1)));
  }
  return texts;
}

struct Found {
  std::vector<std::string> texts;
  std::string origin;
};

std::optional<Found> find_in(const SettingTexts& texts, std::string_view name, const char* prefix) {
  const auto found = texts.find(std::string(name));
  if (found == texts.end() || found->second.empty()) return std::nullopt;
  return Found{found->second, prefix + found->first};
}

std::optional<Found> find_in(const Environment& environment,
                             std::string_view name,
                             std::string_view alias) {
  std::vector<std::string> variables{own_variable(name)};
  for (const std::string& other : split(alias, ' ')) {
    if (!other.empty()) variables.push_back(other);
  }
  for (const std::string& variable : variables) {
    if (auto text = environment(variable)) return Found{{*text}, variable};
  }
  return std::nullopt;
}

std::string absolute_path(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

std::string home_directory(const Environment& environment) {
  if (auto home = environment("HOME")) return *home;
  refuse("HOME is not set, so there is no usual place for the data. Name one with --data-dir.");
}

std::string standard_data_dir(const Environment& environment) {
  const auto data_home = environment("XDG_DATA_HOME");
  // The XDG rules tell programs to ignore a relative path there.
  if (data_home && data_home->front() == '/') return *data_home + "/mlops-sandbox";
  return home_directory(environment) + "/.local/share/mlops-sandbox";
}

void check_port(std::string_view name, std::int64_t port) {
  if (port < 0 || port > 65535) {
    refuse("--" + std::string(name) + " must be between 0 and 65535, not " + std::to_string(port) +
           ".");
  }
}

void check_ports(const Config& config) {
  check_port("port", config.port);
  check_port("s3-port", config.s3_port);
  check_port("console-port", config.console_port);
  const auto same = [](std::int64_t a, std::int64_t b) { return a != 0 && a == b; };
  if (same(config.port, config.s3_port) || same(config.port, config.console_port) ||
      same(config.s3_port, config.console_port)) {
    refuse("--port, --s3-port and --console-port must be three different ports.");
  }
}

void check_keys(const Config& config) {
  const auto plain = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  };
  if (config.access_key.size() < 3 || !plain(config.access_key) ||
      config.access_key.find_first_of("/,=") != std::string::npos) {
    refuse("--access-key must have at least 3 characters and no blanks, '/', ',' or '='.");
  }
  if (config.secret_key.reveal().size() < 8 || !plain(config.secret_key.reveal())) {
    refuse("--secret-key must have at least 8 characters and no blanks.");
  }
}

void check_between(std::string_view name,
                   std::int64_t value,
                   std::int64_t least,
                   std::int64_t most) {
  if (value >= least && value <= most) return;
  refuse("--" + std::string(name) + " must be between " + std::to_string(least) + " and " +
         std::to_string(most) + ", not " + std::to_string(value) + ".");
}

void check_limits(Config& config) {
  if (config.webhook_allowed_schemes.empty()) config.webhook_allowed_schemes = {"https"};
  for (const std::string& scheme : config.webhook_allowed_schemes) {
    if (scheme == "https" || scheme == "http") continue;
    refuse("--webhook-allowed-schemes takes https and http, not '" + scheme + "'.");
  }
  check_between("presigned-download-url-ttl-seconds", config.presigned_download_url_ttl_seconds, 1,
                604'800);
  check_between("webhook-request-timeout", config.webhook_request_timeout, 1, 300);
  check_between("webhook-request-max-retries", config.webhook_request_max_retries, 0, 20);
  check_between("webhook-delivery-max-workers", config.webhook_delivery_max_workers, 1, 64);
  check_between("trash-days", config.trash_days, 0, trash_days_max);
}

void settle_backend(Config& config) {
  constexpr std::string_view relative = "sqlite:///";
  std::string& uri = config.backend_store_uri;
  if (uri.empty()) uri = "sqlite:///" + config.data_dir + "/mlflow.db";
  // db/ reads the rest of it.
  if (uri.starts_with("postgresql://") || uri.starts_with("postgres://") ||
      (uri.starts_with("postgresql+") && uri.find("://") != std::string::npos)) {
    return;
  }
  if (uri.starts_with("mysql") || uri.starts_with("mssql")) {
    refuse(
        "--backend-store-uri: this server keeps runs in SQLite or PostgreSQL, not in MySQL or SQL "
        "Server. Give sqlite:///file.db or postgresql://USER:PASSWORD@HOST:5432/DATABASE, or leave "
        "the setting out.");
  }
  if (!uri.starts_with(relative) || uri.size() == relative.size()) {
    // What is misspelt may be the URI of a server with its password: only the scheme is repeated.
    const std::size_t scheme = uri.find("://");
    refuse(
        "--backend-store-uri must look like sqlite:///file.db or "
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE, not '" +
        (scheme == std::string::npos ? uri : uri.substr(0, scheme + 3) + "…") + "'.");
  }
  uri = std::string(relative) + absolute_path(uri.substr(relative.size()));
}

void add_bucket(Config& config, const std::string& bucket) {
  auto& buckets = config.buckets;
  if (std::find(buckets.begin(), buckets.end(), bucket) == buckets.end()) buckets.push_back(bucket);
}

// Both of a pair come from one place: a key of ours is never sent with AWS_SECRET_ACCESS_KEY.
void settle_artifact_keys(Config& config, const Environment& environment) {
  if (config.artifacts_access_key.empty() && config.artifacts_secret_key.empty()) {
    config.artifacts_access_key = environment("AWS_ACCESS_KEY_ID").value_or("");
    config.artifacts_secret_key = Secret(environment("AWS_SECRET_ACCESS_KEY").value_or(""));
    if (config.artifacts_session_token.empty()) {
      config.artifacts_session_token = Secret(environment("AWS_SESSION_TOKEN").value_or(""));
    }
  }
  if (config.artifacts_access_key.empty() || config.artifacts_secret_key.empty()) {
    refuse(
        "--artifacts-endpoint wants the keys of that store: set --artifacts-access-key and "
        "MLOPS_SANDBOX_ARTIFACTS_SECRET_KEY, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  }
}

bool is_own_s3_port(const Config& config) {
  if (config.no_s3 || config.s3_port == 0) return false;
  const std::string port = ":" + std::to_string(config.s3_port);
  for (const std::string& host :
       {std::string("127.0.0.1"), std::string("localhost"), std::string("[::1]"), config.host}) {
    for (const char* scheme : {"http://", "https://"}) {
      if (config.artifacts_endpoint == scheme + host + port) return true;
    }
  }
  return false;
}

void settle_artifacts_endpoint(Config& config, const Environment& environment) {
  std::string& endpoint = config.artifacts_endpoint;
  if (endpoint.empty()) return;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool is_url = endpoint.starts_with("http://") || endpoint.starts_with("https://");
  if (!is_url || endpoint.ends_with(':') ||
      endpoint.find_first_of("@?# \r\n") != std::string::npos) {
    // Not shown: someone may have put a password into it.
    refuse(
        "--artifacts-endpoint must look like https://host or http://host:9000, without a user "
        "name.");
  }
  if (is_own_s3_port(config)) {
    refuse("--artifacts-endpoint " + endpoint +
           " is this lab's own S3 port. Leave the setting out to use the built-in store.");
  }
  settle_artifact_keys(config, environment);
  if (config.artifacts_addressing != "path" && config.artifacts_addressing != "virtual") {
    refuse("--artifacts-addressing must be path or virtual, not '" + config.artifacts_addressing +
           "'.");
  }
  if (!config.artifacts_ca_file.empty()) {
    config.artifacts_ca_file = absolute_path(config.artifacts_ca_file);
  }
}

void settle_artifacts(Config& config) {
  const auto destination = parse_s3_place(config.artifacts_destination);
  if (!destination) {
    refuse(
        "--artifacts-destination must be a place in an object store, s3://bucket/path; other "
        "kinds of store come with a later version. Given: '" +
        config.artifacts_destination + "'.");
  }
  const auto root = parse_s3_place(config.default_artifact_root);
  if (!root && !config.default_artifact_root.starts_with("mlflow-artifacts:/")) {
    refuse(
        "--default-artifact-root must be mlflow-artifacts:/ or s3://bucket/path; directories and "
        "other stores come with a later version. Given: '" +
        config.default_artifact_root + "'.");
  }
  if (root && config.no_s3 && config.artifacts_endpoint.empty()) {
    refuse("--default-artifact-root " + config.default_artifact_root +
           " sends clients to the S3 port, which --no-s3 leaves out. Drop one of the two.");
  }
  // In somebody else's store nothing is made that was not asked for.
  if (!config.artifacts_endpoint.empty()) return;
  std::vector<std::string> wanted{"mlflow", "mlflow-artifacts"};
  wanted.insert(wanted.end(), config.buckets.begin(), config.buckets.end());
  config.buckets.clear();
  for (const std::string& bucket : wanted) add_bucket(config, bucket);
  add_bucket(config, destination->bucket);
  if (root) add_bucket(config, root->bucket);
}

void settle_auth(Config& config) {
  if (!config.app_name.empty() && config.app_name != "basic-auth") {
    refuse("--app-name can only be basic-auth, not '" + config.app_name + "'.");
  }
  if (config.app_name == "basic-auth") config.auth = "basic";
  if (config.auth != "none" && config.auth != "basic") {
    refuse("--auth must be none or basic, not '" + config.auth + "'.");
  }
  config.default_permission = upper(config.default_permission);
  constexpr std::array permissions{"READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS"};
  if (std::find(permissions.begin(), permissions.end(), config.default_permission) ==
      permissions.end()) {
    refuse("--default-permission must be READ, USE, EDIT, MANAGE or NO_PERMISSIONS, not '" +
           config.default_permission + "'.");
  }
  config.x_frame_options = upper(config.x_frame_options);
  if (config.x_frame_options.find_first_of("\r\n") != std::string::npos) {
    refuse("--x-frame-options must be SAMEORIGIN, DENY or NONE.");
  }
}

void settle_tls(Config& config) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    refuse(std::string("--tls-cert and --tls-key belong together: ") +
           (config.tls_cert.empty() ? "--tls-cert" : "--tls-key") + " is missing.");
  }
  if (config.tls_cert.empty()) return;
  config.tls_cert = absolute_path(config.tls_cert);
  config.tls_key = absolute_path(config.tls_key);
}

template <class Type>
SettingRow::Kind kind_of() {
  if constexpr (std::is_same_v<Type, bool>) {
    return SettingRow::Kind::flag;
  } else if constexpr (std::is_same_v<Type, std::int64_t>) {
    return SettingRow::Kind::number;
  } else if constexpr (std::is_same_v<Type, std::vector<std::string>>) {
    return SettingRow::Kind::list;
  } else {
    return SettingRow::Kind::text;
  }
}

template <class Type>
std::string text_of(const Type& value) {
  if constexpr (std::is_same_v<Type, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<Type, std::int64_t>) {
    return std::to_string(value);
  } else if constexpr (std::is_same_v<Type, Secret>) {
    return value.reveal();  // the published standard password, not anybody's own
  } else {
    return "";
  }
}

}  // namespace

std::vector<SettingRow> setting_rows() {
  const Config standard;
  std::vector<SettingRow> rows;
  for_each_setting([&](const auto& setting) {
    using Type = std::remove_cvref_t<decltype(standard.*(setting.member))>;
    SettingRow row{std::string(setting.name), std::string(setting.about), {}, {}, kind_of<Type>()};
    row.environment.push_back(own_variable(setting.name));
    for (const std::string& other : split(setting.alias, ' ')) {
      if (!other.empty()) row.environment.push_back(other);
    }
    row.standard = text_of(standard.*(setting.member));
    rows.push_back(std::move(row));
  });
  return rows;
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    // The program never changes its environment, so reading it is safe from every thread.
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

std::string find_data_dir(const std::string& flag, const Environment& environment) {
  if (!flag.empty()) return absolute_path(flag);
  if (auto variable = find_in(environment, "data-dir", ""))
    return absolute_path(variable->texts[0]);
  return absolute_path(standard_data_dir(environment));
}

Config load_config(const SettingTexts& flags,
                   const Environment& environment,
                   const std::string& config_file) {
  Config config;
  const auto given = [&](std::string_view name, std::string_view alias) {
    auto found = find_in(flags, name, "--");
    return found ? found : find_in(environment, name, alias);
  };
  if (auto ci = given("ci", "")) assign_all(config.ci, ci->texts, ci->origin);
  if (config.ci) config.port = config.s3_port = config.console_port = 0;
  if (auto place = given("data-dir", "")) {
    config.data_dir = absolute_path(place->texts.back());
  } else if (!config.ci && config_file.empty()) {
    config.data_dir = find_data_dir("", environment);
  }

  SettingTexts in_file;
  std::string path = config_file;
  if (path.empty() && !config.data_dir.empty()) {
    path = config.data_dir + "/" + std::string(file_name);
  }
  if (!path.empty()) in_file = read_file(path, !config_file.empty());
  if (config_file.empty() && in_file.contains("data-dir")) {
    refuse(path + ": data-dir cannot be set in the file that lies in it.");
  }

  for_each_setting([&](const auto& setting) {
    auto found = given(setting.name, setting.alias);
    if (!found) {
      found = find_in(in_file, setting.name, "");
      if (found) found->origin += " in " + path;
    }
    if (found) assign_all(config.*(setting.member), found->texts, found->origin);
  });

  if (config.data_dir.empty() && !config.ci) config.data_dir = find_data_dir("", environment);
  if (!config.data_dir.empty()) config.data_dir = absolute_path(config.data_dir);
  if (!config.mlflow_ui.empty()) config.mlflow_ui = absolute_path(config.mlflow_ui);
  check_ports(config);
  check_keys(config);
  check_limits(config);
  if (!config.data_dir.empty()) settle_backend(config);
  settle_artifacts_endpoint(config, environment);
  settle_artifacts(config);
  settle_auth(config);
  settle_tls(config);
  return config;
}

bool is_open_to_others(const std::string& host) {
  return host != "localhost" && host != "::1" && !host.starts_with("127.");
}

std::optional<S3Place> parse_s3_place(std::string_view uri) {
  constexpr std::string_view scheme = "s3://";
  if (!uri.starts_with(scheme)) return std::nullopt;
  uri.remove_prefix(scheme.size());
  const std::size_t slash = uri.find('/');
  S3Place place{std::string(uri.substr(0, slash)), ""};
  if (slash != std::string_view::npos) {
    std::string_view prefix = uri.substr(slash);
    while (prefix.starts_with('/')) prefix.remove_prefix(1);
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    place.prefix = prefix;
  }
  if (place.bucket.empty()) return std::nullopt;
  return place;
}

}  // namespace sandbox
