// Registered models: the noun, its rules and its SQL. A prompt is a registered model too, told
// apart by a tag (tags.h). Source of the rules: MLflow 3.17's model registry store.
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
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/tags.h"

namespace sandbox::registry {

inline constexpr std::int64_t registered_models_page_max = 1000;

struct Alias {
  std::string alias;
  std::string version;
  static constexpr auto fields() {
    return std::tuple{field("alias", &Alias::alias), field("version", &Alias::version)};
  }
};

struct RegisteredModel {
  std::string name;
  std::optional<std::int64_t> creation_timestamp;  // epoch ms
  std::optional<std::int64_t> last_updated_timestamp;
  std::optional<std::string> description;     // absent when empty
  std::vector<ModelVersion> latest_versions;  // one of each stage in use
  std::vector<Tag> tags;                      // in no promised order
  std::vector<Alias> aliases;
  static constexpr auto fields() {
    return std::tuple{field("name", &RegisteredModel::name),
                      field("creation_timestamp", &RegisteredModel::creation_timestamp),
                      field("last_updated_timestamp", &RegisteredModel::last_updated_timestamp),
                      field("description", &RegisteredModel::description),
                      field("latest_versions", &RegisteredModel::latest_versions),
                      field("tags", &RegisteredModel::tags),
                      field("aliases", &RegisteredModel::aliases)};
  }
};

struct RegisteredModelPage {
  std::vector<RegisteredModel> registered_models;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("registered_models", &RegisteredModelPage::registered_models),
                      field("next_page_token", &RegisteredModelPage::next_page_token)};
  }
};

class RegisteredModels {
 public:
  RegisteredModels(Env& env, db::Database& database, Announce announce = {})
      : env_(env), database_(database), announce_(std::move(announce)) {}

  // Throws Error(resource_already_exists) when the name is taken, by a prompt as well.
  RegisteredModel create(std::string_view name,
                         std::string_view description,
                         const std::vector<Tag>& tags);

  // These throw Error(resource_does_not_exist) for an unknown name.
  RegisteredModel get(std::string_view name);
  RegisteredModel rename(std::string_view name, std::string_view new_name);
  RegisteredModel describe(std::string_view name, std::string_view description);
  void remove(std::string_view name);  // with versions, tags and aliases
  void set_tag(std::string_view name, const Tag& tag);
  // Deleting an absent tag is no error.
  void delete_tag(std::string_view name, std::string_view key);
  // The highest version of each of the stages, of all stages when there are none.
  std::vector<ModelVersion> latest_versions(std::string_view name,
                                            const std::vector<std::string>& stages);

  // Keys: name, tags. Ordered by name when `order_by` is empty. Prompts only when the filter asks
  // for them.
  RegisteredModelPage search(std::string_view filter,
                             const std::vector<std::string>& order_by,
                             std::int64_t max_results,
                             std::string_view page_token);

 private:
  Env& env_;
  db::Database& database_;
  Announce announce_;
};

// Checks the name's form, then that such a model exists; throws Error(resource_does_not_exist).
void require_model(db::Tx& tx, std::string_view name);
std::vector<Tag> read_model_tags(db::Tx& tx, std::string_view name);
bool is_of_prompt(db::Tx& tx, std::string_view name);

// Reading rows: the columns in the order model_of wants them; the rest of a model comes separately.
inline constexpr std::string_view model_columns =
    "name, creation_time, last_updated_time, description";
RegisteredModel model_of(const db::Rows& row);
void read_model_details(db::Tx& tx, RegisteredModel& model);

}  // namespace sandbox::registry
