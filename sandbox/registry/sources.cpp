#include "sandbox/registry/sources.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <regex>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/names.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/registry/uris.h"

namespace sandbox::registry {
namespace {

// Artifact roots of the two kinds of thing a source may lie in.
enum class Owner { run, logged_model };

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
  throw Error(Code::invalid_parameter_value,
              "Invalid model version source: '" + source + "'. " + why);
}

std::string parameter_of(Owner owner) {
  return owner == Owner::run ? "run_id" : "model_id";
}

[[noreturn]] void refuse_stranger(const std::string& source, Owner owner) {
  refuse(source, "The " + parameter_of(owner) +
                     " request parameter must identify the resource that contains the source.");
}

struct LoggedModel {
  std::string artifact_location;
  std::optional<std::string> source_run_id;
};

std::optional<LoggedModel> find_logged_model(db::Tx& tx, std::string_view model_id) {
  db::Rows rows = tx.query(
      "SELECT artifact_location, source_run_id FROM logged_models WHERE model_id = ? AND "
      "lifecycle_stage != 'deleted'",
      model_id);
  if (!rows.next()) return std::nullopt;
  return LoggedModel{rows.text(0), rows.maybe_text(1)};
}

LoggedModel get_logged_model(db::Tx& tx, std::string_view model_id) {
  if (auto model = find_logged_model(tx, model_id)) return *std::move(model);
  throw Error(Code::resource_does_not_exist,
              "Logged model with ID '" + std::string(model_id) + "' not found.");
}

// The artifact root of the run or logged model the request names; nullopt when there is no such
// one.
std::optional<std::string> artifact_root(db::Tx& tx, const Origin& origin, Owner owner) {
  if (owner == Owner::logged_model) {
    if (const auto model = find_logged_model(tx, *origin.model_id)) return model->artifact_location;
    return std::nullopt;
  }
  db::Rows rows = tx.query("SELECT artifact_uri FROM runs WHERE run_uuid = ?", *origin.run_id);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

void check_pattern(const SourceRules& rules, const std::string& source) {
  if (rules.pattern.empty() || std::regex_search(source, std::regex(rules.pattern))) return;
  throw Error(Code::invalid_parameter_value, "Invalid model version source: '" + source + "'.");
}

void check_host_scheme(const SourceRules& rules, const std::string& source) {
  constexpr std::array<std::string_view, 10> host_schemes{
      "ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"};
  const Uri uri = parse_uri(source);
  const bool opens = uri.authority.find('[') != std::string::npos;
  const bool closes = uri.authority.find(']') != std::string::npos;
  if (opens != closes) refuse(source, "The host in brackets is not a valid IPv6 address.");
  if (std::find(host_schemes.begin(), host_schemes.end(), uri.scheme) == host_schemes.end()) return;
  // mlflow-artifacts:/path means this very server.
  if (uri.scheme == "mlflow-artifacts" && uri.authority.empty()) return;
  for (const std::string& allowed : rules.allowed_host_schemes) {
    if (equal_ignoring_case(allowed, uri.scheme)) return;
  }
  throw Error(
      Code::invalid_parameter_value,
      "'source' cannot use the '" + uri.scheme + "' scheme: the '" + uri.scheme +
          "' scheme addresses a host other than the tracking server's configured artifact storage, "
          "so the server would connect to the host named in the URI. Set the "
          "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to "
          "allow it.");
}

void check_absolute(const std::string& source) {
  const std::string decoded = fully_decoded(source, true);
  bool valid = decoded.find('\0') == std::string::npos;
  for (const std::string& part : split(decoded, '/')) valid = valid && part != "..";
  const std::string path = parse_uri(decoded).path;
  valid = valid && path.starts_with('/') && path.find_first_not_of('/') != std::string::npos;
  for (const std::string& part : split(path, '/')) valid = valid && part != ".";
  if (!valid) {
    refuse(source,
           "If supplying a source as an http, https, local file path, ftp, objectstore, or "
           "mlflow-artifacts uri, an absolute path must be provided without relative path "
           "references present. Please provide an absolute path.");
  }
}

// The path of this machine behind a local URI, links and dots resolved; nullopt when there is none.
std::optional<std::filesystem::path> local_path(const std::string& uri) {
  const auto decoded =
      percent_decode(uri.starts_with("file:") ? parse_uri(uri).path : std::string_view(uri));
  if (!decoded || decoded->find('\0') != std::string::npos) return std::nullopt;
  std::error_code failure;
  const auto absolute = std::filesystem::absolute(*decoded, failure);
  if (failure) return std::nullopt;
  auto path = std::filesystem::weakly_canonical(absolute, failure);
  if (failure) return std::nullopt;
  return path;
}

bool is_inside_directory(const std::string& source, const std::string& root) {
  if (!is_local(root)) return false;
  const auto inner = local_path(source);
  const auto outer = local_path(root);
  if (!inner || !outer) return false;
  const auto difference = std::mismatch(outer->begin(), outer->end(), inner->begin(), inner->end());
  // A root that ends in a slash has an empty last part.
  return difference.first == outer->end() || difference.first->empty();
}

void check_local(db::Tx& tx, const Origin& origin, Owner owner) {
  const bool names_owner = owner == Owner::run ? !origin.run_id.value_or("").empty() : true;
  if (names_owner) {
    const auto root = artifact_root(tx, origin, owner);
    if (!root) refuse_stranger(origin.source, owner);
    if (is_inside_directory(origin.source, *root)) return;
  }
  const std::string parameter = parameter_of(owner);
  refuse(origin.source, "To use a local path as a model version source, the " + parameter +
                            " request parameter has to be specified and the local path has to be "
                            "contained within the artifact directory of the run specified by the " +
                            parameter + ".");
}

bool is_proxied_artifact(const Uri& uri) {
  if (uri.scheme == "mlflow-artifacts") return true;
  if (uri.scheme != "http" && uri.scheme != "https") return false;
  constexpr std::array<std::string_view, 4> route{"api", "2.0", "mlflow-artifacts", "artifacts"};
  const std::vector<std::string> parts = path_parts(uri);
  return std::search(parts.begin(), parts.end(), route.begin(), route.end()) != parts.end();
}

bool is_inside_uri(const Uri& uri, const Uri& root) {
  const std::vector<std::string> parts = path_parts(uri);
  const std::vector<std::string> root_parts = path_parts(root);
  return uri.scheme == root.scheme && equal_ignoring_case(uri.authority, root.authority) &&
         !root_parts.empty() && root_parts.size() <= parts.size() &&
         std::equal(root_parts.begin(), root_parts.end(), parts.begin());
}

// runs:/<run id>/path of the run the request names.
bool is_of_run(const Uri& uri, const Origin& origin) {
  const std::string run_id = origin.run_id.value_or("");
  return uri.authority.empty() && !run_id.empty() && uri.path.starts_with('/') &&
         split(std::string_view(uri.path).substr(1), '/')[0] == run_id;
}

// models:/<model id> of the logged model the request names; sources that name a registered model
// were judged by follow_registered_model.
bool is_of_logged_model(const Uri& uri, const Origin& origin) {
  const auto model = parse_model_uri(origin.source);
  return uri.authority.empty() && model &&
         (model->model_id.empty() || model->model_id == origin.model_id.value_or(""));
}

void check_owner(db::Tx& tx, const Origin& origin) {
  const Owner owner = origin.model_id.value_or("").empty() ? Owner::run : Owner::logged_model;
  const std::string& source = origin.source;
  if (is_local(source)) {
    check_local(tx, origin, owner);
    return;
  }
  check_absolute(source);
  const Uri uri = parse_uri(source);
  if (uri.scheme == "runs" && (owner != Owner::run || !is_of_run(uri, origin))) {
    refuse_stranger(source, owner);
  }
  if (uri.scheme == "models" && !is_of_logged_model(uri, origin)) {
    refuse_stranger(source, Owner::logged_model);
  }
  if (!is_proxied_artifact(uri)) return;
  const bool names_owner = owner == Owner::logged_model || !origin.run_id.value_or("").empty();
  const auto root = names_owner ? artifact_root(tx, origin, owner) : std::nullopt;
  if (!root || !is_inside_uri(uri, parse_uri(*root))) refuse_stranger(source, owner);
}

ModelVersion referenced_version(db::Tx& tx, const ModelUri& uri) {
  if (!uri.alias.empty()) return read_aliased_version(tx, uri.name, uri.alias);
  if (!uri.version.empty()) return read_version(tx, uri.name, parse_version(uri.version));
  const std::string stage = uri.stage.empty() ? "" : canonical_stage(uri.stage);
  std::optional<ModelVersion> latest;
  for (ModelVersion& version : read_latest_versions(tx, uri.name)) {
    if (!stage.empty() && version.current_stage != stage) continue;
    if (!latest || parse_version(latest->version) < parse_version(version.version)) {
      latest = std::move(version);
    }
  }
  if (latest) return *std::move(latest);
  throw Error(Code::resource_does_not_exist,
              "No versions of model with name '" + uri.name + "'" +
                  (stage.empty() ? "" : " and stage '" + uri.stage + "'") + " found");
}

// Replaces a models:/name/… source by the version it means at this moment.
void follow_registered_model(db::Tx& tx, Origin& origin) {
  const Uri uri = parse_uri(origin.source);
  if (uri.scheme != "models") return;
  if (!uri.authority.empty()) {
    refuse(origin.source, "Registered model sources must use the active model registry.");
  }
  const auto model = parse_model_uri(origin.source);
  if (!model) refuse_stranger(origin.source, Owner::logged_model);
  if (!model->model_id.empty()) return;
  require_model(tx, model->name);
  if (are_of_prompt(read_model_tags(tx, model->name))) {
    refuse(origin.source, "Prompt versions cannot be used as model version sources.");
  }
  const ModelVersion version = referenced_version(tx, *model);
  // A version does not remember its logged model, so naming one can never match.
  if ((origin.run_id && *origin.run_id != version.run_id.value_or("")) ||
      (origin.model_id && !origin.model_id->empty())) {
    refuse(origin.source,
           "The run_id and model_id request parameters must match the referenced model version.");
  }
  origin.source = "models:/" + version.name + "/" + version.version;
  if (!origin.run_id) origin.run_id = version.run_id;
}

}  // namespace

Origin check_source(db::Tx& tx, const SourceRules& rules, Origin requested, bool is_prompt) {
  const std::string& source = requested.source;
  if (source.size() > source_bytes_max) {
    throw Error(Code::invalid_parameter_value, "'source' exceeds the maximum length of " +
                                                   std::to_string(source_bytes_max) + " bytes");
  }
  check_pattern(rules, source);
  // Prompt versions have no files; clients fill the required field with one of these.
  if (is_prompt && source != "dummy-source" && source != "prompt-template") {
    throw Error(
        Code::invalid_parameter_value,
        "Invalid prompt source: '" + source + "'. Prompt sources must use an MLflow placeholder.");
  }
  check_host_scheme(rules, source);
  if (is_prompt) return requested;
  follow_registered_model(tx, requested);
  check_owner(tx, requested);
  return requested;
}

void locate(db::Tx& tx, Origin& origin) {
  origin.storage_location = origin.source;
  const auto model = parse_model_uri(origin.source);
  std::string model_id = origin.model_id.value_or("");
  if (model && !model->model_id.empty()) {
    model_id = model->model_id;
    origin.storage_location = get_logged_model(tx, model_id).artifact_location;
  } else if (model) {
    db::Rows rows = tx.query(
        "SELECT COALESCE(NULLIF(storage_location, ''), source) FROM model_versions WHERE workspace "
        "= 'default' AND name = ? AND version = ?",
        model->name, parse_version(model->version));
    if (rows.next()) origin.storage_location = rows.text(0);
  }
  if (origin.run_id.value_or("").empty() && !model_id.empty()) {
    origin.run_id = get_logged_model(tx, model_id).source_run_id;
  }
}

}  // namespace sandbox::registry
