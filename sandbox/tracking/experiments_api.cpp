#include "sandbox/http/api.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::tracking {
namespace {

struct CreateExperiment {
  std::string name;
  std::string artifact_location;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{
        required("name", &CreateExperiment::name, "Unique, also among deleted experiments."),
        field("artifact_location", &CreateExperiment::artifact_location,
              "Where its runs keep artifacts; the server's root when absent."),
        field("tags", &CreateExperiment::tags)};
  }
};

struct ExperimentId {
  std::string experiment_id;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &ExperimentId::experiment_id)};
  }
};

struct ExperimentName {
  std::string experiment_name;
  static constexpr auto fields() {
    return std::tuple{required("experiment_name", &ExperimentName::experiment_name)};
  }
};

struct ExperimentAnswer {
  Experiment experiment;
  static constexpr auto fields() {
    return std::tuple{field("experiment", &ExperimentAnswer::experiment)};
  }
};

struct UpdateExperiment {
  std::string experiment_id;
  std::string new_name;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &UpdateExperiment::experiment_id),
                      required("new_name", &UpdateExperiment::new_name)};
  }
};

struct SetExperimentTag {
  std::string experiment_id;
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &SetExperimentTag::experiment_id),
                      required("key", &SetExperimentTag::key),
                      field("value", &SetExperimentTag::value)};
  }
};

struct DeleteExperimentTag {
  std::string experiment_id;
  std::string key;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &DeleteExperimentTag::experiment_id),
                      required("key", &DeleteExperimentTag::key)};
  }
};

struct SearchExperiments {
  std::int64_t max_results = 0;  // clients always send one
  std::string page_token;
  std::string filter;
  std::vector<std::string> order_by;
  Enum<ViewTypeWords> view_type;
  static constexpr auto fields() {
    return std::tuple{
        field("max_results", &SearchExperiments::max_results, "1 to 50000."),
        field("page_token", &SearchExperiments::page_token),
        field("filter", &SearchExperiments::filter, "e.g. name LIKE 'a%' AND tags.team = 'b'"),
        field("order_by", &SearchExperiments::order_by),
        field("view_type", &SearchExperiments::view_type, "ACTIVE_ONLY, DELETED_ONLY or ALL.")};
  }
};

}  // namespace

void install_experiments(http::Api& api, Experiments& experiments) {
  const std::string root = "2.0/mlflow/experiments/";
  api.post<CreateExperiment, ExperimentId>(
      root + "create", "Create an experiment.", [&](const CreateExperiment& in) {
        return ExperimentId{experiments.create(in.name, in.artifact_location, in.tags)};
      });
  api.get<ExperimentId, ExperimentAnswer>(
      root + "get", "An experiment by its id.",
      [&](const ExperimentId& in) { return ExperimentAnswer{experiments.get(in.experiment_id)}; });
  api.get<ExperimentName, ExperimentAnswer>(
      root + "get-by-name", "An experiment by its name.", [&](const ExperimentName& in) {
        return ExperimentAnswer{experiments.get_by_name(in.experiment_name)};
      });
  api.post<UpdateExperiment, Empty>(root + "update", "Rename an experiment.",
                                    [&](const UpdateExperiment& in) {
                                      experiments.rename(in.experiment_id, in.new_name);
                                      return Empty{};
                                    });
  api.post<ExperimentId, Empty>(root + "delete", "Mark an experiment and its runs as deleted.",
                                [&](const ExperimentId& in) {
                                  experiments.remove(in.experiment_id);
                                  return Empty{};
                                });
  api.post<ExperimentId, Empty>(root + "restore", "Make a deleted experiment and its runs active.",
                                [&](const ExperimentId& in) {
                                  experiments.restore(in.experiment_id);
                                  return Empty{};
                                });
  api.post<SetExperimentTag, Empty>(root + "set-experiment-tag", "Set a tag of an experiment.",
                                    [&](const SetExperimentTag& in) {
                                      experiments.set_tag(in.experiment_id, in.key, in.value);
                                      return Empty{};
                                    });
  api.post<DeleteExperimentTag, Empty>(root + "delete-experiment-tag",
                                       "Delete a tag of an experiment.",
                                       [&](const DeleteExperimentTag& in) {
                                         experiments.delete_tag(in.experiment_id, in.key);
                                         return Empty{};
                                       });
  const auto search = [&](const SearchExperiments& in) {
    return experiments.search(in.filter, in.order_by, in.view_type.name, in.max_results,
                              in.page_token);
  };
  api.post<SearchExperiments, ExperimentPage>(root + "search", "Search experiments.", search);
  api.get<SearchExperiments, ExperimentPage>(root + "search", "Search experiments.", search);
}

}  // namespace sandbox::tracking
