#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
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

struct LogLoggedModelParams {
  std::string model_id;
  std::vector<KeyValue> params;
  static constexpr auto fields() {
    return std::tuple{required("model_id", &LogLoggedModelParams::model_id),
                      field("params", &LogLoggedModelParams::params)};
  }
};

struct SetLoggedModelTags {
  std::vector<KeyValue> tags;
  static constexpr auto fields() { return std::tuple{field("tags", &SetLoggedModelTags::tags)}; }
};

std::string model_id_of(const http::Request& request) {
  return std::string(request.parameter("model_id"));
}

http::Response answer(LoggedModel model) {
  return http::Response::json(200, to_json(LoggedModelAnswer{std::move(model)}));
}

http::Response done() {
  return http::Response::json(200, "{}");
}

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
  api.add_raw("GET", one, "A logged model by its id.", [&](http::Request& request) {
    const bool allow_deleted = lower(request.query.get("allow_deleted")) == "true";
    return answer(models.get(model_id_of(request), allow_deleted));
  });
  // The body's model_id counts here, as in the reference.
  api.add_raw("PATCH", one, "Set the status of a logged model.", [&](http::Request& request) {
    const auto in = from_json<FinalizeLoggedModel>(http::Api::json_body(request));
    return answer(models.finalize(in.model_id, status_of(in.status.json)));
  });
  api.add_raw("DELETE", one, "Mark a logged model as deleted.", [&](http::Request& request) {
    models.remove(model_id_of(request));
    return done();
  });
  api.add_raw("POST", one + "/params", "Add params to a logged model.",
              [&](http::Request& request) {
                const auto in = from_json<LogLoggedModelParams>(http::Api::json_body(request));
                models.log_params(model_id_of(request), in.params);
                return done();
              });
  api.add_raw("PATCH", one + "/tags", "Set tags of a logged model.", [&](http::Request& request) {
    const auto in = from_json<SetLoggedModelTags>(http::Api::json_body(request));
    models.set_tags(model_id_of(request), in.tags);
    return done();
  });
  api.add_raw("DELETE", one + "/tags/{tag_key}", "Delete a tag of a logged model.",
              [&](http::Request& request) {
                models.delete_tag(model_id_of(request), std::string(request.parameter("tag_key")));
                return done();
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
