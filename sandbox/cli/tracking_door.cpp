#include "sandbox/cli/tracking_door.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "embedded_store/object_store.h"
#include "sandbox/adoption.h"
#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/lab.h"
#include "sandbox/db/database.h"
#include "sandbox/mlflow_server.h"
#include "sandbox/object_stores.h"
#include "sandbox/snapshots/restore.h"

namespace sandbox::cli {
namespace {

constexpr int lines_timeout_ms = 24 * 3600 * 1000;  // a run of many million points goes in one line

class TextBody final : public http::BodyReader {
 public:
  explicit TextBody(std::string_view text) : rest_(text), size_(text.size()) {}
  std::size_t read(char* out, std::size_t max) override {
    const std::size_t count = std::min(max, rest_.size());
    std::memcpy(out, rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return size_; }

 private:
  std::string_view rest_;
  std::uint64_t size_;
};

class PiecesBody final : public http::BodyReader {
 public:
  explicit PiecesBody(const std::function<std::size_t(char*, std::size_t)>& source)
      : source_(source) {}
  std::size_t read(char* out, std::size_t max) override { return source_(out, max); }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  const std::function<std::size_t(char*, std::size_t)>& source_;
};

// What `up` would use, with what the last lab used in its place, with what the flags say above all.
enum class Needs { database, objects_too };
Config config_of(const LabFlags& flags,
                 const std::string& data_dir,
                 Needs needs,
                 const SettingTexts& changes = {}) {
  SettingTexts texts;
  texts["data-dir"] = {data_dir};
  const auto add = [&](const char* name, const std::string& flag, const std::string& last) {
    if (!flag.empty()) {
      texts[name] = {flag};
    } else if (!last.empty()) {
      texts[name] = {last};
    }
  };
  const LabPlaces last = lab_places(data_dir).value_or(LabPlaces{});
  add("backend-store-uri", flags.backend_store_uri, last.backend_store_uri);
  add("default-artifact-root", "", last.default_artifact_root);
  add("artifacts-destination", flags.artifacts_destination, last.artifacts_destination);
  add("artifacts-endpoint", flags.artifacts_endpoint, last.artifacts_endpoint);
  if (texts.contains("artifacts-endpoint")) {
    add("artifacts-region", "", last.artifacts_region);
    add("artifacts-addressing", "", last.artifacts_addressing);
    add("artifacts-ca-file", "", last.artifacts_ca_file);
  }
  // Who does not go to that store needs no keys for it.
  if (needs == Needs::database) texts["artifacts-endpoint"] = {""};
  add("auth", "", last.auth);
  for (const auto& [name, values] : changes) texts[name] = values;
  return load_config(texts, process_environment());
}

void need_database(const std::string& uri, const std::string& data_dir) {
  constexpr std::string_view scheme = "sqlite:///";
  if (uri.starts_with(scheme) && !std::filesystem::exists(uri.substr(scheme.size()))) {
    throw Error(Code::invalid_state, "There is no metadata database at " + uri +
                                         ". No lab has run in " + data_dir +
                                         ", or it used another one: name it with "
                                         "--backend-store-uri, or the lab with --data-dir.");
  }
}

struct Failure {
  std::string error_code;
  std::string message;
  static constexpr auto fields() {
    return std::tuple{field("error_code", &Failure::error_code),
                      field("message", &Failure::message)};
  }
};

}  // namespace

void LabFlags::declare(Arguments& arguments, bool stores) {
  arguments.text("--data-dir,--data", data_dir, "The lab's data directory");
  if (!stores) return;
  arguments.text("--backend-store-uri", backend_store_uri,
                 "For a stopped lab: its database, when it is not the one it used last");
  arguments.text("--artifacts-destination", artifacts_destination,
                 "For a stopped lab: where mlflow-artifacts:/ lies, when it is not where it was");
  arguments.text("--artifacts-endpoint", artifacts_endpoint,
                 "For a stopped lab: the object store, when it is not the one it used last; keys "
                 "and the rest as `up` reads them");
}

Config stopped_lab_config(const LabFlags& flags, const SettingTexts& changes) {
  const std::string data_dir = find_data_dir(flags.data_dir, process_environment());
  const Config config = config_of(flags, data_dir, Needs::objects_too, changes);
  if (!changes.contains("backend-store-uri")) need_database(config.backend_store_uri, data_dir);
  return config;
}

std::string backend_store_of(const LabFlags& flags) {
  const std::string data_dir = find_data_dir(flags.data_dir, process_environment());
  const auto running = running_lab(data_dir);
  std::string uri = running && flags.backend_store_uri.empty()
                        ? running->backend_store_uri
                        : config_of(flags, data_dir, Needs::database).backend_store_uri;
  need_database(uri, data_dir);
  return uri;
}

MlflowServerOptions options_of(const Config& config, const std::string& local_token) {
  MlflowServerOptions options;
  options.local_token = local_token;
  options.default_artifact_root = config.default_artifact_root;
  options.artifacts_destination = config.artifacts_destination;
  options.lab = snapshots::lab_facts(config);
  options.jobs.directory = config.data_dir + "/jobs";
  return options;
}

// The stores of a lab that does not run, and the server in front of them, in this process.
struct TrackingDoor::Stopped {
  explicit Stopped(const Config& config)
      : lock(config.data_dir),
        objects(open_artifact_store(env, config)),
        database(open_metadata(env, config)),
        token(env.new_id()),
        server(env, *database, *objects, options_of(config, token)) {}

  http::Response ask(http::Request& request, const std::string& body) const {
    TextBody reader(body);
    return ask(request, reader);
  }
  http::Response ask(http::Request& request, http::BodyReader& body) const {
    request.body = &body;
    request.headers.set("authorization", "Bearer " + token);
    return server.handle(request);
  }

  SystemEnv env;
  LabLock lock;
  std::unique_ptr<store::ObjectStore> objects;
  std::unique_ptr<db::Database> database;
  std::string token;  // nobody else can ask this server
  MlflowServer server;
};

namespace {

http::Request request_for(const std::string& method, const std::string& path) {
  http::Request request;
  request.id = "cli";
  request.method = method;
  request.path = request.raw_path = request.target = "/api/" + path;
  request.headers.set("content-type", "application/json");
  return request;
}

}  // namespace

TrackingDoor::TrackingDoor(const LabFlags& flags) {
  const std::string data_dir = find_data_dir(flags.data_dir, process_environment());
  if (const auto state = running_lab(data_dir)) {
    if (!flags.backend_store_uri.empty() || !flags.artifacts_destination.empty() ||
        !flags.artifacts_endpoint.empty()) {
      throw Error(Code::invalid_parameter_value,
                  "The lab in " + data_dir +
                      " is running on its own database. Leave out --backend-store-uri, "
                      "--artifacts-destination and --artifacts-endpoint, or stop it first.");
    }
    peer_ = peer_of(*state, state->tracking_url);
    return;
  }
  const Config config = config_of(flags, data_dir, Needs::objects_too);
  need_database(config.backend_store_uri, data_dir);
  snapshots::refuse_unfinished(data_dir);
  stopped_ = std::make_unique<Stopped>(config);
}

TrackingDoor::~TrackingDoor() = default;

std::string TrackingDoor::checked(const std::optional<http::Answer>& answer) const {
  if (!answer) {
    throw Error(Code::invalid_state, "The tracking server at " + peer_.url +
                                         " does not answer, or ended in the middle. `" + program() +
                                         " status` says more.");
  }
  if (answer->status == 200) return answer->body;
  const auto failure = from_json<Failure>(answer->body);
  throw Error(Code::invalid_state, failure.message.empty() ? answer->body : failure.message);
}

std::string TrackingDoor::get(const std::string& path,
                              const std::vector<std::pair<std::string, std::string>>& query) {
  if (stopped_) {
    http::Request request = request_for("GET", path);
    for (const auto& [name, value] : query) request.query.add(name, value);
    const http::Response response = stopped_->ask(request, "");
    return checked(http::Answer{response.status, response.body});
  }
  std::string target = "/api/" + path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    target += separator + name + "=" + percent_encode(value);
    separator = '&';
  }
  return checked(http::ask(peer_, target));
}

std::string TrackingDoor::remove(const std::string& path) {
  if (stopped_) {
    http::Request request = request_for("DELETE", path);
    const http::Response response = stopped_->ask(request, "{}");
    return checked(http::Answer{response.status, response.body});
  }
  return checked(
      http::ask(peer_, {.method = "DELETE", .target = "/api/" + path, .json = "{}"}));
}

std::string TrackingDoor::post(const std::string& path, const std::string& json) {
  if (stopped_) {
    http::Request request = request_for("POST", path);
    const http::Response response = stopped_->ask(request, json);
    return checked(http::Answer{response.status, response.body});
  }
  return checked(http::ask(
      peer_,
      {.method = "POST", .target = "/api/" + path, .json = json, .timeout_ms = lines_timeout_ms}));
}

void TrackingDoor::post_for_lines(const std::string& path,
                                  const std::string& json,
                                  const std::function<void(std::string_view line)>& take) {
  std::string rest;
  const auto piece = [&](std::string_view bytes) {
    rest += bytes;
    std::size_t begin = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos;
         end = rest.find('\n', begin)) {
      take(std::string_view(rest).substr(begin, end - begin));
      begin = end + 1;
    }
    rest.erase(0, begin);
  };
  if (!stopped_) {
    checked(http::ask(peer_, {.method = "POST",
                              .target = "/api/" + path,
                              .json = json,
                              .piece = piece,
                              .timeout_ms = lines_timeout_ms}));
    return;
  }
  http::Request request = request_for("POST", path);
  const http::Response response = stopped_->ask(request, json);
  if (response.status != 200 || !response.stream) {
    checked(http::Answer{response.status, response.body});
    return;
  }
  response.stream(piece);
}

void TrackingDoor::get_for_pieces(const std::string& path,
                                  const std::function<void(std::string_view piece)>& take) {
  if (!stopped_) {
    checked(http::ask(peer_,
                      {.target = "/api/" + path, .piece = take, .timeout_ms = lines_timeout_ms}));
    return;
  }
  http::Request request = request_for("GET", path);
  const http::Response response = stopped_->ask(request, "");
  if (response.status != 200 || !response.stream) {
    checked(http::Answer{response.status, response.body});
    return;
  }
  response.stream(take);
}

std::string TrackingDoor::post_pieces(
    const std::string& path, const std::function<std::size_t(char* out, std::size_t max)>& source) {
  if (stopped_) {
    http::Request request = request_for("POST", path);
    PiecesBody body(source);
    const http::Response response = stopped_->ask(request, body);
    return checked(http::Answer{response.status, response.body});
  }
  return checked(http::ask(peer_, {.method = "POST",
                                   .target = "/api/" + path,
                                   .body = source,
                                   .timeout_ms = lines_timeout_ms}));
}

}  // namespace sandbox::cli
