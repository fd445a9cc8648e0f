#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/datasets.h"

namespace sandbox::evaluation {
namespace {

struct DatasetAnswer {
  Dataset dataset;
  static constexpr auto fields() { return std::tuple{field("dataset", &DatasetAnswer::dataset)}; }
};

struct DatasetById {
  std::string dataset_id;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &DatasetById::dataset_id)};
  }
};

struct SetDatasetTags {
  std::string dataset_id;
  std::string tags;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &SetDatasetTags::dataset_id),
                      required("tags", &SetDatasetTags::tags, "A JSON object in a string.")};
  }
};

struct DeleteDatasetTag {
  std::string dataset_id;
  std::string key;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &DeleteDatasetTag::dataset_id),
                      in_path("key", &DeleteDatasetTag::key)};
  }
};

struct ExperimentIds {
  std::vector<std::string> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{field("experiment_ids", &ExperimentIds::experiment_ids)};
  }
};

struct DatasetExperiments {
  std::string dataset_id;
  std::vector<std::string> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &DatasetExperiments::dataset_id),
                      field("experiment_ids", &DatasetExperiments::experiment_ids)};
  }
};

void install_one(http::Api& api, Datasets& datasets, const std::string& one) {
  api.get<DatasetById, DatasetAnswer>(
      one, "An evaluation dataset by its id.",
      [&](const DatasetById& in) { return DatasetAnswer{datasets.get(in.dataset_id)}; });
  api.remove<DatasetById, Empty>(one, "Delete an evaluation dataset and its records.",
                                 [&](const DatasetById& in) {
                                   datasets.remove(in.dataset_id);
                                   return Empty{};
                                 });
  api.patch<SetDatasetTags, Empty>(one + "/tags", "Set tags of an evaluation dataset.",
                                   [&](const SetDatasetTags& in) {
                                     datasets.set_tags(in.dataset_id, in.tags);
                                     return Empty{};
                                   });
  api.remove<DeleteDatasetTag, Empty>(one + "/tags/{key}", "Delete a tag of an evaluation dataset.",
                                      [&](const DeleteDatasetTag& in) {
                                        datasets.delete_tag(in.dataset_id, in.key);
                                        return Empty{};
                                      });
  api.get<DatasetById, ExperimentIds>(
      one + "/experiment-ids", "The experiments of an evaluation dataset.",
      [&](const DatasetById& in) { return ExperimentIds{datasets.experiment_ids(in.dataset_id)}; });
  api.post<DatasetExperiments, DatasetAnswer>(
      one + "/add-experiments", "Tie an evaluation dataset to experiments.",
      [&](const DatasetExperiments& in) {
        return DatasetAnswer{datasets.add_experiments(in.dataset_id, in.experiment_ids)};
      });
  api.post<DatasetExperiments, DatasetAnswer>(
      one + "/remove-experiments", "Untie an evaluation dataset from experiments.",
      [&](const DatasetExperiments& in) {
        return DatasetAnswer{datasets.remove_experiments(in.dataset_id, in.experiment_ids)};
      });
}

}  // namespace

void install_datasets(http::Api& api, Datasets& datasets) {
  const std::string root = "3.0/mlflow/datasets";
  api.post<NewDataset, DatasetAnswer>(
      root + "/create", "Create an evaluation dataset.",
      [&](const NewDataset& in) { return DatasetAnswer{datasets.create(in)}; });
  const auto search = [&](const SearchDatasets& in) { return datasets.search(in); };
  api.get<SearchDatasets, DatasetPage>(root + "/search", "Search evaluation datasets.", search);
  api.post<SearchDatasets, DatasetPage>(root + "/search", "Search evaluation datasets.", search);
  install_one(api, datasets, root + "/{dataset_id}");
}

}  // namespace sandbox::evaluation
