// Versions of registered models: the noun, its rules and its SQL. A version's number is the highest
// one its model ever had plus one; a deleted version stays as a row of the stage Deleted_Internal
// that no answer shows. Source of the rules: MLflow 3.17's model registry store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/registry/events.h"
#include "sandbox/registry/sources.h"
#include "sandbox/registry/tags.h"

namespace sandbox::registry {

inline constexpr std::int64_t model_versions_page_max = 200'000;

struct ModelVersion {
  std::string name;                   // of its registered model
  std::string version;                // a number; the wire wants it as text
  std::int64_t creation_timestamp{};  // epoch ms
  std::optional<std::int64_t> last_updated_timestamp;
  std::optional<std::string> user_id;
  std::optional<std::string> current_stage;
  std::optional<std::string> description;
  std::optional<std::string> source;
  std::optional<std::string> run_id;
  std::optional<std::string> status;  // READY, PENDING_REGISTRATION or FAILED_REGISTRATION
  std::optional<std::string> status_message;
  std::vector<Tag> tags;  // in no promised order
  std::optional<std::string> run_link;
  std::vector<std::string> aliases;  // only in answers about one version or about the latest ones
  static constexpr auto fields() {
    return std::tuple{field("name", &ModelVersion::name),
                      field("version", &ModelVersion::version),
                      field("creation_timestamp", &ModelVersion::creation_timestamp),
                      field("last_updated_timestamp", &ModelVersion::last_updated_timestamp),
                      field("user_id", &ModelVersion::user_id),
                      field("current_stage", &ModelVersion::current_stage),
                      field("description", &ModelVersion::description),
                      field("source", &ModelVersion::source),
                      field("run_id", &ModelVersion::run_id),
                      field("status", &ModelVersion::status),
                      field("status_message", &ModelVersion::status_message),
                      field("tags", &ModelVersion::tags),
                      field("run_link", &ModelVersion::run_link),
                      field("aliases", &ModelVersion::aliases)};
  }
};

struct ModelVersionPage {
  std::vector<ModelVersion> model_versions;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("model_versions", &ModelVersionPage::model_versions),
                      field("next_page_token", &ModelVersionPage::next_page_token)};
  }
};

struct NewModelVersion {
  std::string name;
  std::string source;
  std::optional<std::string> run_id{};  // "" and absent differ for models:/ sources
  std::optional<std::string> model_id{};
  std::string run_link{};
  std::string description{};
  std::vector<Tag> tags{};
};

class ModelVersions {
 public:
  ModelVersions(Env& env, db::Database& database, SourceRules rules = {}, Announce announce = {})
      : env_(env), database_(database), rules_(std::move(rules)), announce_(std::move(announce)) {}

  // Also notes the version in the tag mlflow.modelVersions of the logged model it comes from.
  // Throws for sources the rules refuse (sources.h), unknown models, runs and logged models, and
  // bad tags.
  ModelVersion create(const NewModelVersion& version);

  // These throw Error(resource_does_not_exist) for an unknown or deleted version.
  ModelVersion get(std::string_view name, std::string_view version);
  // nullopt removes the description.
  ModelVersion describe(std::string_view name,
                        std::string_view version,
                        const std::optional<std::string>& description);
  // `archive_existing` moves every other version of that stage to Archived; it is refused for
  // stages other than Staging and Production.
  ModelVersion move_to_stage(std::string_view name,
                             std::string_view version,
                             std::string_view stage,
                             bool archive_existing);
  void remove(std::string_view name, std::string_view version);
  // Where the files are: the source, with models:/ sources followed to their origin.
  std::string download_uri(std::string_view name, std::string_view version);
  void set_tag(std::string_view name, std::string_view version, const Tag& tag);
  // Deleting an absent tag is no error.
  void delete_tag(std::string_view name, std::string_view version, std::string_view key);

  // Keys: name, version_number, run_id, source_path, tags. Ordered by last update, latest first,
  // when `order_by` is empty. Versions of prompts only when the filter asks for them.
  ModelVersionPage search(std::string_view filter,
                          const std::vector<std::string>& order_by,
                          std::int64_t max_results,
                          std::string_view page_token);

 private:
  Env& env_;
  db::Database& database_;
  SourceRules rules_;
  Announce announce_;
};

// Reading rows: the columns in the order version_of wants them, of a table called v.
inline constexpr std::string_view version_columns =
    "v.name, v.version, v.creation_time, v.last_updated_time, v.user_id, v.current_stage, "
    "v.description, v.source, v.run_id, v.status, v.status_message, v.run_link";
ModelVersion version_of(const db::Rows& row);
void read_version_tags(db::Tx& tx, ModelVersion& version);
void read_version_aliases(db::Tx& tx, ModelVersion& version);

// A version that is not deleted, with tags and aliases; throws Error(resource_does_not_exist).
ModelVersion read_version(db::Tx& tx, std::string_view name, std::int64_t version);
// The highest version of each stage, with tags, in the order the stages were first used.
std::vector<ModelVersion> read_latest_versions(db::Tx& tx, std::string_view name);

}  // namespace sandbox::registry
