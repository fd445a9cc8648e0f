#include "sandbox/base/error.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/logged_models.h"

namespace sandbox::tracking {
namespace {

struct LoggedModelAnswer {
  LoggedModel model;
  static constexpr auto fields() { return std::tuple{field("model", &LoggedModelAnswer::model)}; }
};

struct FinalizeLoggedModel {
  std::string model_id;
  JsonText status;  // a name or its number
  static constexpr auto fields() {
    return std::tuple{
        required("model_id", &FinalizeLoggedModel::model_id),
        required("status", &FinalizeLoggedModel::status,
                 "LOGGED_MODEL_PENDING, LOGGED_MODEL_READY or LOGGED_MODEL_UPLOAD_FAILED.")};
  }
};

struct GetLoggedModel {
  std::string model_id;
  bool allow_deleted = false;
  static constexpr auto fields() {
    return std::tuple{in_path("model_id", &GetLoggedModel::model_id),
                      field("allow_deleted", &GetLoggedModel::allow_deleted)};
  }
};

struct DeleteLoggedModel {
  std::string model_id;
  static constexpr auto fields() {
    return std::tuple{in_path("model_id", &DeleteLoggedModel::model_id)};
  }
};

struct LogLoggedModelParams {
  std::string model_id;
  std::vector<KeyValue> params;
  static constexpr auto fields() {
    // In the body too, as in the reference.
    return std::tuple{required("model_id", &LogLoggedModelParams::model_id),
                      field("params", &LogLoggedModelParams::params)};
  }
};

struct SetLoggedModelTags {
  std::string model_id;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{in_path("model_id", &SetLoggedModelTags::model_id),
                      field("tags", &SetLoggedModelTags::tags)};
  }
};

struct DeleteLoggedModelTag {
  std::string model_id;
  std::string tag_key;
  static constexpr auto fields() {
    return std::tuple{in_path("model_id", &DeleteLoggedModelTag::model_id),
                      in_path("tag_key", &DeleteLoggedModelTag::tag_key)};
  }
};

// An unknown word or number is taken as "unspecified", as in the reference.
std::int64_t status_of(std::string_view json) {
  if (json.size() >= 2 && json.front() == '"') json = json.substr(1, json.size() - 2);
  if (json.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Missing value for required parameter 'status'. See the API docs for more "
                "information about request parameters.");
  }
  return logged_model_status(json).value_or(0);
}

void install_one(http::Api& api, LoggedModels& models, const std::string& one) {
  api.get<GetLoggedModel, LoggedModelAnswer>(
      one, "A logged model by its id.", [&](const GetLoggedModel& in) {
        return LoggedModelAnswer{models.get(in.model_id, in.allow_deleted)};
      });
  // The body's model_id counts here, as in the reference.
  api.patch<FinalizeLoggedModel, LoggedModelAnswer>(
      one, "Set the status of a logged model.", [&](const FinalizeLoggedModel& in) {
        return LoggedModelAnswer{models.finalize(in.model_id, status_of(in.status.json))};
      });
  api.remove<DeleteLoggedModel, Empty>(one, "Mark a logged model as deleted.",
                                       [&](const DeleteLoggedModel& in) {
                                         models.remove(in.model_id);
                                         return Empty{};
                                       });
  api.post<LogLoggedModelParams, Empty>(one + "/params", "Add params to a logged model.",
                                        [&](const LogLoggedModelParams& in) {
                                          models.log_params(in.model_id, in.params);
                                          return Empty{};
                                        });
  api.patch<SetLoggedModelTags, Empty>(one + "/tags", "Set tags of a logged model.",
                                       [&](const SetLoggedModelTags& in) {
                                         models.set_tags(in.model_id, in.tags);
                                         return Empty{};
                                       });
  api.remove<DeleteLoggedModelTag, Empty>(one + "/tags/{tag_key}",
                                          "Delete a tag of a logged model.",
                                          [&](const DeleteLoggedModelTag& in) {
                                            models.delete_tag(in.model_id, in.tag_key);
                                            return Empty{};
                                          });
}

}  // namespace

void install_logged_models(http::Api& api, LoggedModels& models) {
  const std::string root = "2.0/mlflow/logged-models";
  api.post<NewLoggedModel, LoggedModelAnswer>(
      root, "Create a logged model.",
      [&](const NewLoggedModel& in) { return LoggedModelAnswer{models.create(in)}; });
  api.post<SearchLoggedModels, LoggedModelPage>(
      root + "/search", "Search logged models.",
      [&](const SearchLoggedModels& in) { return models.search(in); });
  install_one(api, models, root + "/{model_id}");
}

}  // namespace sandbox::tracking
