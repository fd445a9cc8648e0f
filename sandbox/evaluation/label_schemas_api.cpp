#include "sandbox/base/error.h"
#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/label_schemas.h"
#include "sandbox/evaluation/lookups.h"

namespace sandbox::evaluation {
namespace {

struct LabelSchemaAnswer {
  LabelSchema label_schema;
  static constexpr auto fields() {
    return std::tuple{field("label_schema", &LabelSchemaAnswer::label_schema)};
  }
};

struct LabelSchemaById {
  std::string schema_id;
  static constexpr auto fields() {
    return std::tuple{required("schema_id", &LabelSchemaById::schema_id)};
  }
};

struct LabelSchemaByName {
  std::string experiment_id;
  std::string name;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &LabelSchemaByName::experiment_id),
                      required("name", &LabelSchemaByName::name)};
  }
};

struct ListLabelSchemas {
  std::string experiment_id;
  std::int64_t max_results = 100;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &ListLabelSchemas::experiment_id),
                      field("max_results", &ListLabelSchemas::max_results),
                      field("page_token", &ListLabelSchemas::page_token)};
  }
};

}  // namespace

void install_label_schemas(http::Api& api, LabelSchemas& schemas) {
  const std::string root = "3.0/mlflow/label-schemas";
  api.post<NewLabelSchema, LabelSchemaAnswer>(
      root + "/create", "Create a question for reviewers of an experiment's traces.",
      [&](const NewLabelSchema& in) { return LabelSchemaAnswer{schemas.create(in)}; });
  api.get<LabelSchemaById, LabelSchemaAnswer>(
      root + "/get", "A label schema by its id.",
      [&](const LabelSchemaById& in) { return LabelSchemaAnswer{schemas.get(in.schema_id)}; });
  api.get<LabelSchemaByName, LabelSchemaAnswer>(
      root + "/get-by-name", "A label schema by its name.", [&](const LabelSchemaByName& in) {
        return LabelSchemaAnswer{schemas.get_by_name(in.experiment_id, in.name)};
      });
  api.get<ListLabelSchemas, LabelSchemaPage>(
      root + "/list", "The label schemas of an experiment.", [&](const ListLabelSchemas& in) {
        check_page_size(in.max_results);
        return schemas.list(in.experiment_id, in.max_results, in.page_token);
      });
  api.patch<UpdateLabelSchema, LabelSchemaAnswer>(
      root + "/update", "Change a label schema.",
      [&](const UpdateLabelSchema& in) { return LabelSchemaAnswer{schemas.update(in)}; });
  api.remove<LabelSchemaById, Empty>(root + "/delete", "Delete a label schema.",
                                     [&](const LabelSchemaById& in) {
                                       schemas.remove(in.schema_id);
                                       return Empty{};
                                     });
}

}  // namespace sandbox::evaluation
