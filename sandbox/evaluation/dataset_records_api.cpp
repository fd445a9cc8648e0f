#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/dataset_records.h"

namespace sandbox::evaluation {
namespace {

struct UpsertRecords {
  std::string dataset_id;
  std::string records;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &UpsertRecords::dataset_id),
                      required("records", &UpsertRecords::records,
                               "A JSON list in a string: [{\"inputs\": {…}, …}, …].")};
  }
};

struct ListRecords {
  std::string dataset_id;
  std::int64_t max_results = 0;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &ListRecords::dataset_id),
                      field("max_results", &ListRecords::max_results, "1000 unless told."),
                      field("page_token", &ListRecords::page_token)};
  }
};

struct DeleteRecords {
  std::string dataset_id;
  std::vector<std::string> dataset_record_ids;
  static constexpr auto fields() {
    return std::tuple{in_path("dataset_id", &DeleteRecords::dataset_id),
                      field("dataset_record_ids", &DeleteRecords::dataset_record_ids)};
  }
};

struct DeletedRecords {
  std::int64_t deleted_count = 0;
  static constexpr auto fields() {
    return std::tuple{field("deleted_count", &DeletedRecords::deleted_count)};
  }
};

}  // namespace

void install_dataset_records(http::Api& api, DatasetRecords& records) {
  const std::string path = "3.0/mlflow/datasets/{dataset_id}/records";
  api.get<ListRecords, RecordPage>(
      path, "The records of an evaluation dataset.", [&](const ListRecords& in) {
        return records.list(in.dataset_id, in.max_results, in.page_token);
      });
  api.post<UpsertRecords, RecordCounts>(
      path, "Add records to an evaluation dataset; equal inputs are merged.",
      [&](const UpsertRecords& in) { return records.upsert(in.dataset_id, in.records); });
  api.remove<DeleteRecords, DeletedRecords>(
      path, "Delete records of an evaluation dataset.", [&](const DeleteRecords& in) {
        return DeletedRecords{records.remove(in.dataset_id, in.dataset_record_ids)};
      });
}

}  // namespace sandbox::evaluation
