#include "trainers/tracking_client.h"

#include <fstream>
#include <tuple>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;
using sandbox::field;
using sandbox::percent_encode;

namespace {

constexpr std::string_view proxy_scheme = "mlflow-artifacts:";
constexpr std::int64_t connect_timeout_ms = 3'000;

struct Failure {
  std::string error_code;
  std::string message;
  static constexpr auto fields() {
    return std::tuple{field("error_code", &Failure::error_code),
                      field("message", &Failure::message)};
  }
};

struct Entry {
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{field("key", &Entry::key), field("value", &Entry::value)};
  }
};

struct WireMetric {
  std::string key;
  double value = 0;
  std::int64_t timestamp = 0;
  std::int64_t step = 0;
  static constexpr auto fields() {
    return std::tuple{field("key", &WireMetric::key), field("value", &WireMetric::value),
                      field("timestamp", &WireMetric::timestamp), field("step", &WireMetric::step)};
  }
};

struct Batch {
  std::string run_id;
  std::vector<WireMetric> metrics;
  std::vector<Entry> params;
  std::vector<Entry> tags;
  static constexpr auto fields() {
    return std::tuple{field("run_id", &Batch::run_id), field("metrics", &Batch::metrics),
                      field("params", &Batch::params), field("tags", &Batch::tags)};
  }
};

struct WireRunInfo {
  std::string run_id;
  std::string experiment_id;
  std::string run_name;
  std::string status;
  std::string artifact_uri;
  static constexpr auto fields() {
    return std::tuple{
        field("run_id", &WireRunInfo::run_id), field("experiment_id", &WireRunInfo::experiment_id),
        field("run_name", &WireRunInfo::run_name), field("status", &WireRunInfo::status),
        field("artifact_uri", &WireRunInfo::artifact_uri)};
  }
};

struct WireRunData {
  std::vector<Entry> params;
  std::vector<Entry> tags;
  static constexpr auto fields() {
    return std::tuple{field("params", &WireRunData::params), field("tags", &WireRunData::tags)};
  }
};

struct WireRun {
  WireRunInfo info;
  WireRunData data;
  static constexpr auto fields() {
    return std::tuple{field("info", &WireRun::info), field("data", &WireRun::data)};
  }
};

struct RunAnswer {
  WireRun run;
  static constexpr auto fields() { return std::tuple{field("run", &RunAnswer::run)}; }
};

struct NewRun {
  std::string experiment_id;
  std::string run_name;
  std::int64_t start_time = 0;
  std::vector<Entry> tags;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &NewRun::experiment_id),
                      field("run_name", &NewRun::run_name),
                      field("start_time", &NewRun::start_time), field("tags", &NewRun::tags)};
  }
};

struct RunEnd {
  std::string run_id;
  std::string status;
  std::optional<std::int64_t> end_time;
  static constexpr auto fields() {
    return std::tuple{field("run_id", &RunEnd::run_id), field("status", &RunEnd::status),
                      field("end_time", &RunEnd::end_time)};
  }
};

struct Named {
  std::string name;
  static constexpr auto fields() { return std::tuple{field("name", &Named::name)}; }
};

struct ExperimentId {
  std::string experiment_id;
  std::string lifecycle_stage;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &ExperimentId::experiment_id),
                      field("lifecycle_stage", &ExperimentId::lifecycle_stage)};
  }
};

struct ExperimentAnswer {
  ExperimentId experiment;
  static constexpr auto fields() {
    return std::tuple{field("experiment", &ExperimentAnswer::experiment)};
  }
};

struct NewVersion {
  std::string name;
  std::string source;
  std::string run_id;
  static constexpr auto fields() {
    return std::tuple{field("name", &NewVersion::name), field("source", &NewVersion::source),
                      field("run_id", &NewVersion::run_id)};
  }
};

struct VersionNumber {
  std::string version;
  static constexpr auto fields() { return std::tuple{field("version", &VersionNumber::version)}; }
};

struct VersionAnswer {
  VersionNumber model_version;
  static constexpr auto fields() {
    return std::tuple{field("model_version", &VersionAnswer::model_version)};
  }
};

struct NewAlias {
  std::string name;
  std::string alias;
  std::string version;
  static constexpr auto fields() {
    return std::tuple{field("name", &NewAlias::name), field("alias", &NewAlias::alias),
                      field("version", &NewAlias::version)};
  }
};

struct File {
  std::string path;
  bool is_dir = false;
  static constexpr auto fields() {
    return std::tuple{field("path", &File::path), field("is_dir", &File::is_dir)};
  }
};

struct Files {
  std::vector<File> files;
  std::string next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("files", &Files::files),
                      field("next_page_token", &Files::next_page_token)};
  }
};

std::vector<Entry> entries(const std::map<std::string, std::string>& values) {
  std::vector<Entry> list;
  for (const auto& [key, value] : values) list.push_back({key, value});
  return list;
}

std::map<std::string, std::string> values_of(const std::vector<Entry>& list) {
  std::map<std::string, std::string> values;
  for (const Entry& entry : list) values[entry.key] = entry.value;
  return values;
}

RunInfo run_info(WireRun run) {
  return {std::move(run.info.run_id),       std::move(run.info.experiment_id),
          std::move(run.info.run_name),     std::move(run.info.status),
          std::move(run.info.artifact_uri), values_of(run.data.params),
          values_of(run.data.tags)};
}

Failure failure_of(const std::string& body) {
  try {
    return sandbox::from_json<Failure>(body);
  } catch (const Error&) {
    return {"", body};  // no JSON: a proxy's page
  }
}

Code code_named(const std::string& wire) {
  for (const Code code :
       {Code::resource_already_exists, Code::resource_does_not_exist, Code::permission_denied,
        Code::unauthenticated, Code::invalid_parameter_value}) {
    if (sandbox::wire_name(code) == wire) return code;
  }
  return Code::invalid_state;
}

[[noreturn]] void away(const std::string& url, const sandbox::http::CallAnswer& answer) {
  const std::string why = answer.status != 0
                              ? "it answers with status " + std::to_string(answer.status)
                              : answer.reason;
  throw ServerAway{"The tracking server at " + url + " cannot be reached (" + why + ")"};
}

bool is_away(const sandbox::http::CallAnswer& answer) {
  using sandbox::http::CallFailure;
  if (answer.status == 0) {
    return answer.failure != CallFailure::certificate && answer.failure != CallFailure::ca_file;
  }
  return answer.status == 429 || answer.status >= 500;
}

// Throws unless the answer is one of success.
void check(const std::string& url, const sandbox::http::CallAnswer& answer) {
  if (is_away(answer)) away(url, answer);
  if (answer.status == 0) {
    throw Error(Code::invalid_state,
                "The tracking server at " + url + " cannot be trusted: " + answer.reason +
                    ". MLFLOW_TRACKING_SERVER_CERT_PATH names the file of its certificate.");
  }
  if (answer.status < 300) return;
  const Failure failure = failure_of(answer.body);
  if (answer.status == 401) {
    throw Error(Code::unauthenticated,
                "The tracking server at " + url +
                    " wants a login: set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
                    "MLFLOW_TRACKING_PASSWORD.");
  }
  throw Error(code_named(failure.error_code),
              failure.message.empty() ? "The tracking server at " + url + " answers with status " +
                                            std::to_string(answer.status) + "."
                                      : failure.message);
}

}  // namespace

TrackingClient::TrackingClient(const Variables& environment) {
  url_ = environment("MLFLOW_TRACKING_URI").value_or("");
  if (!url_.starts_with("http://") && !url_.starts_with("https://")) {
    throw Error(Code::invalid_parameter_value,
                "MLFLOW_TRACKING_URI has to be the http(s) address of a tracking server" +
                    (url_.empty() ? std::string(".") : ", not '" + url_ + "'."));
  }
  while (url_.ends_with('/')) url_.pop_back();
  if (const auto token = environment("MLFLOW_TRACKING_TOKEN")) {
    authorization_ = "Bearer " + *token;
  } else if (const auto user = environment("MLFLOW_TRACKING_USERNAME")) {
    authorization_ =
        "Basic " +
        sandbox::base64(*user + ":" + environment("MLFLOW_TRACKING_PASSWORD").value_or(""));
  }
  ca_file_ = environment("MLFLOW_TRACKING_SERVER_CERT_PATH").value_or("");
  check_certificate_ = environment("MLFLOW_TRACKING_INSECURE_TLS").value_or("") != "true";
}

sandbox::http::Call TrackingClient::call_to(const std::string& method,
                                            const std::string& target) const {
  sandbox::http::Call call;
  call.method = method;
  call.url = url_ + target;
  call.connect_timeout_ms = connect_timeout_ms;
  call.ca_file = ca_file_;
  call.check_certificate = check_certificate_;
  if (!authorization_.empty()) call.headers.emplace_back("Authorization", authorization_);
  return call;
}

std::string TrackingClient::ask(const std::string& method,
                                const std::string& path,
                                const std::string& json) {
  sandbox::http::Call call = call_to(method, "/api/2.0/mlflow/" + path);
  call.body = json;
  call.answer_bytes_max = std::size_t{16} << 20;
  if (method != "GET") call.headers.emplace_back("Content-Type", "application/json");
  sandbox::http::CallAnswer answer = caller_.call(call);
  check(url_, answer);
  return std::move(answer.body);
}

std::string TrackingClient::experiment_id(const std::string& name) {
  const std::string target = "experiments/get-by-name?experiment_name=" + percent_encode(name);
  try {
    const auto found = sandbox::from_json<ExperimentAnswer>(ask("GET", target, "")).experiment;
    if (found.lifecycle_stage == "deleted") {
      throw Error(Code::invalid_state,
                  "The experiment '" + name +
                      "' is deleted. Restore it with `mlops-sandbox experiments restore`, or say "
                      "another --experiment.");
    }
    return found.experiment_id;
  } catch (const Error& error) {
    if (error.code() != Code::resource_does_not_exist) throw;
  }
  try {
    return sandbox::from_json<ExperimentId>(
               ask("POST", "experiments/create", sandbox::to_json(Named{name})))
        .experiment_id;
  } catch (const Error& error) {
    // Somebody else made it in between.
    if (error.code() != Code::resource_already_exists) throw;
    return sandbox::from_json<ExperimentAnswer>(ask("GET", target, "")).experiment.experiment_id;
  }
}

RunInfo TrackingClient::create_run(const std::string& experiment_id,
                                   const std::string& name,
                                   std::int64_t start_ms,
                                   const std::map<std::string, std::string>& tags) {
  const NewRun run{experiment_id, name, start_ms, entries(tags)};
  return run_info(
      sandbox::from_json<RunAnswer>(ask("POST", "runs/create", sandbox::to_json(run))).run);
}

RunInfo TrackingClient::run(const std::string& run_id) {
  return run_info(
      sandbox::from_json<RunAnswer>(ask("GET", "runs/get?run_id=" + percent_encode(run_id), ""))
          .run);
}

void TrackingClient::set_status(const std::string& run_id,
                                const std::string& status,
                                std::int64_t end_ms) {
  RunEnd end{run_id, status, std::nullopt};
  if (status != "RUNNING") end.end_time = end_ms;
  ask("POST", "runs/update", sandbox::to_json(end));
}

void TrackingClient::log_batch(const std::string& run_id,
                               const std::vector<Metric>& metrics,
                               const std::map<std::string, std::string>& params,
                               const std::map<std::string, std::string>& tags) {
  Batch batch{run_id, {}, entries(params), entries(tags)};
  for (const Metric& metric : metrics) {
    batch.metrics.push_back({metric.key, metric.value, metric.timestamp, metric.step});
  }
  ask("POST", "runs/log-batch", sandbox::to_json(batch));
}

std::string TrackingClient::proxy_target(const RunInfo& run, const std::string& artifact) const {
  std::string_view root = run.artifact_uri;
  if (!root.starts_with(proxy_scheme)) {
    throw Error(Code::invalid_state,
                "Run " + run.run_id + " keeps its files at " + run.artifact_uri +
                    ". Trainers log through the tracking server, into mlflow-artifacts:/ "
                    "addresses: say an --experiment that has such an artifact location.");
  }
  root.remove_prefix(proxy_scheme.size());
  if (root.starts_with("//")) {
    const std::size_t path = root.find('/', 2);
    root = path == std::string_view::npos ? "" : root.substr(path);
  }
  while (root.starts_with('/')) root.remove_prefix(1);
  return "/api/2.0/mlflow-artifacts/artifacts/" +
         percent_encode(std::string(root) + "/" + artifact, "/");
}

void TrackingClient::upload(const RunInfo& run,
                            const std::filesystem::path& file,
                            const std::string& artifact) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(Code::invalid_state, file.string() + " cannot be read.");
  sandbox::http::Call call = call_to("PUT", proxy_target(run, artifact));
  call.source_bytes = std::filesystem::file_size(file);
  call.source = [&](std::uint64_t offset, char* out, std::size_t max) {
    in.clear();
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(out, static_cast<std::streamsize>(max));
    if (in.gcount() == 0) {
      throw Error(Code::invalid_state, file.string() + " became shorter while it was sent.");
    }
    return static_cast<std::size_t>(in.gcount());
  };
  check(url_, caller_.call(call));
}

bool TrackingClient::download(const RunInfo& run,
                              const std::string& artifact,
                              const std::filesystem::path& file) {
  const std::filesystem::path part = file.string() + ".part";
  std::ofstream out(part, std::ios::binary);
  sandbox::http::Call call = call_to("GET", proxy_target(run, artifact));
  call.sink = [&](std::string_view piece) {
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (!out) throw Error(Code::invalid_state, part.string() + " cannot be written.");
  };
  const sandbox::http::CallAnswer answer = caller_.call(call);
  out.close();
  if (answer.status == 404) {
    std::filesystem::remove(part);
    return false;
  }
  check(url_, answer);
  if (!out) throw Error(Code::invalid_state, part.string() + " cannot be written.");
  std::filesystem::rename(part, file);
  return true;
}

std::vector<ArtifactInfo> TrackingClient::list(const RunInfo& run, const std::string& folder) {
  std::vector<ArtifactInfo> list;
  std::string token;
  do {
    std::string target = "artifacts/list?run_id=" + percent_encode(run.run_id);
    if (!folder.empty()) target += "&path=" + percent_encode(folder);
    if (!token.empty()) target += "&page_token=" + percent_encode(token);
    auto page = sandbox::from_json<Files>(ask("GET", target, ""));
    for (File& file : page.files) list.push_back({std::move(file.path), file.is_dir});
    token = page.next_page_token;
  } while (!token.empty());
  return list;
}

std::string TrackingClient::create_version(const std::string& name,
                                           const std::string& source,
                                           const std::string& run_id) {
  try {
    ask("POST", "registered-models/create", sandbox::to_json(Named{name}));
  } catch (const Error& error) {
    if (error.code() != Code::resource_already_exists) throw;
  }
  return sandbox::from_json<VersionAnswer>(ask("POST", "model-versions/create",
                                               sandbox::to_json(NewVersion{name, source, run_id})))
      .model_version.version;
}

void TrackingClient::set_alias(const std::string& name,
                               const std::string& alias,
                               const std::string& version) {
  ask("POST", "registered-models/alias", sandbox::to_json(NewAlias{name, alias, version}));
}

}  // namespace trainers
