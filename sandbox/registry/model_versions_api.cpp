#include "sandbox/http/api.h"
#include "sandbox/registry/api.h"
#include "sandbox/registry/model_versions.h"

namespace sandbox::registry {
namespace {

struct CreateModelVersion {
  std::string name;
  std::string source;
  std::optional<std::string> run_id;
  std::vector<Tag> tags;
  std::string run_link;
  std::string description;
  std::optional<std::string> model_id;
  static constexpr auto fields() {
    return std::tuple{
        required("name", &CreateModelVersion::name, "The registered model."),
        required("source", &CreateModelVersion::source, "URI of the model's files."),
        field("run_id", &CreateModelVersion::run_id, "The run that made the model."),
        field("tags", &CreateModelVersion::tags),
        field("run_link", &CreateModelVersion::run_link),
        field("description", &CreateModelVersion::description),
        field("model_id", &CreateModelVersion::model_id, "The logged model it is made from.")};
  }
};

struct VersionOfModel {
  std::string name;
  std::string version;
  static constexpr auto fields() {
    return std::tuple{required("name", &VersionOfModel::name),
                      required("version", &VersionOfModel::version)};
  }
};

// The reference checks these two in the store, with other sentences.
struct GetModelVersionDownloadUri {
  std::string name;
  std::string version;
  static constexpr auto fields() {
    return std::tuple{field("name", &GetModelVersionDownloadUri::name),
                      field("version", &GetModelVersionDownloadUri::version)};
  }
};

struct DownloadUriAnswer {
  std::string artifact_uri;
  static constexpr auto fields() {
    return std::tuple{field("artifact_uri", &DownloadUriAnswer::artifact_uri)};
  }
};

struct UpdateModelVersion {
  std::string name;
  std::string version;
  std::optional<std::string> description;
  static constexpr auto fields() {
    return std::tuple{
        required("name", &UpdateModelVersion::name),
        required("version", &UpdateModelVersion::version),
        field("description", &UpdateModelVersion::description, "Absent removes the description.")};
  }
};

struct TransitionModelVersionStage {
  std::string name;
  std::string version;
  std::string stage;
  bool archive_existing_versions = false;
  static constexpr auto fields() {
    return std::tuple{
        required("name", &TransitionModelVersionStage::name),
        required("version", &TransitionModelVersionStage::version),
        required("stage", &TransitionModelVersionStage::stage,
                 "None, Staging, Production or Archived."),
        field("archive_existing_versions", &TransitionModelVersionStage::archive_existing_versions,
              "Only for Staging and Production.")};
  }
};

struct ModelVersionAnswer {
  ModelVersion model_version;
  static constexpr auto fields() {
    return std::tuple{field("model_version", &ModelVersionAnswer::model_version)};
  }
};

struct SearchModelVersions {
  std::string filter;
  std::int64_t max_results = 10'000;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        field("filter", &SearchModelVersions::filter, "e.g. name = 'a' AND run_id IN ('b', 'c')"),
        field("max_results", &SearchModelVersions::max_results, "1 to 200000."),
        field("order_by", &SearchModelVersions::order_by),
        field("page_token", &SearchModelVersions::page_token)};
  }
};

struct SetModelVersionTag {
  std::string name;
  std::string version;
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{required("name", &SetModelVersionTag::name),
                      required("version", &SetModelVersionTag::version),
                      required("key", &SetModelVersionTag::key),
                      field("value", &SetModelVersionTag::value)};
  }
};

struct DeleteModelVersionTag {
  std::string name;
  std::string version;
  std::string key;
  static constexpr auto fields() {
    return std::tuple{required("name", &DeleteModelVersionTag::name),
                      required("version", &DeleteModelVersionTag::version),
                      required("key", &DeleteModelVersionTag::key)};
  }
};

}  // namespace

void install_model_versions(http::Api& api, ModelVersions& versions) {
  const std::string root = "2.0/mlflow/model-versions/";
  api.post<CreateModelVersion, ModelVersionAnswer>(
      root + "create", "Create a version of a registered model.",
      [&](const CreateModelVersion& in) {
        return ModelVersionAnswer{versions.create({.name = in.name,
                                                   .source = in.source,
                                                   .run_id = in.run_id,
                                                   .model_id = in.model_id,
                                                   .run_link = in.run_link,
                                                   .description = in.description,
                                                   .tags = in.tags})};
      });
  api.get<VersionOfModel, ModelVersionAnswer>(
      root + "get", "A model version with tags and aliases.", [&](const VersionOfModel& in) {
        return ModelVersionAnswer{versions.get(in.name, in.version)};
      });
  api.get<GetModelVersionDownloadUri, DownloadUriAnswer>(
      root + "get-download-uri", "Where the files of a model version are.",
      [&](const GetModelVersionDownloadUri& in) {
        return DownloadUriAnswer{versions.download_uri(in.name, in.version)};
      });
  api.patch<UpdateModelVersion, ModelVersionAnswer>(
      root + "update", "Set the description of a model version.",
      [&](const UpdateModelVersion& in) {
        return ModelVersionAnswer{versions.describe(in.name, in.version, in.description)};
      });
  api.post<TransitionModelVersionStage, ModelVersionAnswer>(
      root + "transition-stage", "Move a model version to another stage.",
      [&](const TransitionModelVersionStage& in) {
        return ModelVersionAnswer{
            versions.move_to_stage(in.name, in.version, in.stage, in.archive_existing_versions)};
      });
  api.remove<VersionOfModel, Empty>(root + "delete", "Delete a model version.",
                                    [&](const VersionOfModel& in) {
                                      versions.remove(in.name, in.version);
                                      return Empty{};
                                    });
  api.get<SearchModelVersions, ModelVersionPage>(
      root + "search", "Search model versions.", [&](const SearchModelVersions& in) {
        return versions.search(in.filter, in.order_by, in.max_results, in.page_token);
      });
  api.post<SetModelVersionTag, Empty>(root + "set-tag", "Set a tag of a model version.",
                                      [&](const SetModelVersionTag& in) {
                                        versions.set_tag(in.name, in.version, {in.key, in.value});
                                        return Empty{};
                                      });
  api.remove<DeleteModelVersionTag, Empty>(root + "delete-tag", "Delete a tag of a model version.",
                                           [&](const DeleteModelVersionTag& in) {
                                             versions.delete_tag(in.name, in.version, in.key);
                                             return Empty{};
                                           });
}

}  // namespace sandbox::registry
