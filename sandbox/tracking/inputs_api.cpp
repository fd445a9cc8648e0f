#include "sandbox/base/error.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/inputs.h"

namespace sandbox::tracking {
namespace {

struct LogInputs {
  std::string run_id;
  std::vector<DatasetInput> datasets;
  std::vector<ModelInput> models;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &LogInputs::run_id),
                      field("datasets", &LogInputs::datasets), field("models", &LogInputs::models)};
  }
};

struct LogOutputs {
  std::string run_id;
  std::vector<ModelOutput> models;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &LogOutputs::run_id),
                      required("models", &LogOutputs::models)};
  }
};

struct SearchDatasets {
  std::vector<std::string> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{
        field("experiment_ids", &SearchDatasets::experiment_ids, "At least one, at most 20.")};
  }
};

struct SearchDatasetsAnswer {
  std::vector<DatasetSummary> dataset_summaries;
  static constexpr auto fields() {
    return std::tuple{field("dataset_summaries", &SearchDatasetsAnswer::dataset_summaries)};
  }
};

}  // namespace

void install_inputs(http::Api& api, Inputs& inputs) {
  api.post<LogInputs, Empty>("2.0/mlflow/runs/log-inputs",
                             "Name the datasets and models that go into a run.",
                             [&](const LogInputs& in) {
                               inputs.log_inputs(in.run_id, in.datasets, in.models);
                               return Empty{};
                             });
  api.post<LogOutputs, Empty>("2.0/mlflow/runs/outputs", "Name the models that come out of a run.",
                              [&](const LogOutputs& in) {
                                inputs.log_outputs(in.run_id, in.models);
                                return Empty{};
                              });
  api.post<SearchDatasets, SearchDatasetsAnswer>(
      "2.0/mlflow/experiments/search-datasets", "The datasets that runs of experiments used.",
      [&](const SearchDatasets& in) {
        return SearchDatasetsAnswer{inputs.summaries(in.experiment_ids)};
      });
}

}  // namespace sandbox::tracking
