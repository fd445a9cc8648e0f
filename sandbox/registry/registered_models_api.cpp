#include "sandbox/http/api.h"
#include "sandbox/registry/api.h"
#include "sandbox/registry/registered_models.h"

namespace sandbox::registry {
namespace {

struct CreateRegisteredModel {
  std::string name;
  std::vector<Tag> tags;
  std::string description;
  static constexpr auto fields() {
    return std::tuple{required("name", &CreateRegisteredModel::name, "Unique, without / and :."),
                      field("tags", &CreateRegisteredModel::tags),
                      field("description", &CreateRegisteredModel::description)};
  }
};

struct RenameRegisteredModel {
  std::string name;
  std::string new_name;
  static constexpr auto fields() {
    return std::tuple{required("name", &RenameRegisteredModel::name),
                      required("new_name", &RenameRegisteredModel::new_name)};
  }
};

struct UpdateRegisteredModel {
  std::string name;
  std::string description;
  static constexpr auto fields() {
    return std::tuple{required("name", &UpdateRegisteredModel::name),
                      field("description", &UpdateRegisteredModel::description)};
  }
};

struct ModelName {
  std::string name;
  static constexpr auto fields() { return std::tuple{required("name", &ModelName::name)}; }
};

struct RegisteredModelAnswer {
  RegisteredModel registered_model;
  static constexpr auto fields() {
    return std::tuple{field("registered_model", &RegisteredModelAnswer::registered_model)};
  }
};

struct SearchRegisteredModels {
  std::string filter;
  std::int64_t max_results = 100;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        field("filter", &SearchRegisteredModels::filter, "e.g. name LIKE 'a%' AND tags.team = 'b'"),
        field("max_results", &SearchRegisteredModels::max_results, "At most 1000."),
        field("order_by", &SearchRegisteredModels::order_by, "name or timestamp."),
        field("page_token", &SearchRegisteredModels::page_token)};
  }
};

struct GetLatestVersions {
  std::string name;
  std::vector<std::string> stages;
  static constexpr auto fields() {
    return std::tuple{required("name", &GetLatestVersions::name),
                      field("stages", &GetLatestVersions::stages, "All stages when absent.")};
  }
};

struct LatestVersionsAnswer {
  std::vector<ModelVersion> model_versions;
  static constexpr auto fields() {
    return std::tuple{field("model_versions", &LatestVersionsAnswer::model_versions)};
  }
};

struct SetRegisteredModelTag {
  std::string name;
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{required("name", &SetRegisteredModelTag::name),
                      required("key", &SetRegisteredModelTag::key),
                      field("value", &SetRegisteredModelTag::value)};
  }
};

struct DeleteRegisteredModelTag {
  std::string name;
  std::string key;
  static constexpr auto fields() {
    return std::tuple{required("name", &DeleteRegisteredModelTag::name),
                      required("key", &DeleteRegisteredModelTag::key)};
  }
};

}  // namespace

void install_registered_models(http::Api& api, RegisteredModels& models) {
  const std::string root = "2.0/mlflow/registered-models/";
  api.post<CreateRegisteredModel, RegisteredModelAnswer>(
      root + "create", "Create a registered model.", [&](const CreateRegisteredModel& in) {
        return RegisteredModelAnswer{models.create(in.name, in.description, in.tags)};
      });
  api.post<RenameRegisteredModel, RegisteredModelAnswer>(
      root + "rename", "Rename a registered model and its versions.",
      [&](const RenameRegisteredModel& in) {
        return RegisteredModelAnswer{models.rename(in.name, in.new_name)};
      });
  api.patch<UpdateRegisteredModel, RegisteredModelAnswer>(
      root + "update", "Set the description of a registered model.",
      [&](const UpdateRegisteredModel& in) {
        return RegisteredModelAnswer{models.describe(in.name, in.description)};
      });
  api.remove<ModelName, Empty>(root + "delete", "Delete a registered model with its versions.",
                               [&](const ModelName& in) {
                                 models.remove(in.name);
                                 return Empty{};
                               });
  api.get<ModelName, RegisteredModelAnswer>(
      root + "get", "A registered model with tags, aliases and latest versions.",
      [&](const ModelName& in) { return RegisteredModelAnswer{models.get(in.name)}; });
  api.get<SearchRegisteredModels, RegisteredModelPage>(
      root + "search", "Search registered models.", [&](const SearchRegisteredModels& in) {
        return models.search(in.filter, in.order_by, in.max_results, in.page_token);
      });
  const auto latest_versions = [&](const GetLatestVersions& in) {
    return LatestVersionsAnswer{models.latest_versions(in.name, in.stages)};
  };
  const std::string latest_about = "The highest version of each stage.";
  api.post<GetLatestVersions, LatestVersionsAnswer>(root + "get-latest-versions", latest_about,
                                                    latest_versions);
  api.get<GetLatestVersions, LatestVersionsAnswer>(root + "get-latest-versions", latest_about,
                                                   latest_versions);
  api.post<SetRegisteredModelTag, Empty>(root + "set-tag", "Set a tag of a registered model.",
                                         [&](const SetRegisteredModelTag& in) {
                                           models.set_tag(in.name, {in.key, in.value});
                                           return Empty{};
                                         });
  api.remove<DeleteRegisteredModelTag, Empty>(root + "delete-tag",
                                              "Delete a tag of a registered model.",
                                              [&](const DeleteRegisteredModelTag& in) {
                                                models.delete_tag(in.name, in.key);
                                                return Empty{};
                                              });
}

}  // namespace sandbox::registry
