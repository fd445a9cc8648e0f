// The records of evaluation datasets: inputs with what is expected of them. Within a dataset the
// inputs of a record are its key; writing the same inputs again merges. Source of the rules: MLflow
// 3.17's tracking store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::evaluation {

struct RecordCounts {
  std::int64_t inserted_count = 0;
  std::int64_t updated_count = 0;
  static constexpr auto fields() {
    return std::tuple{field("inserted_count", &RecordCounts::inserted_count),
                      field("updated_count", &RecordCounts::updated_count)};
  }
};

struct RecordPage {
  std::string records;  // a JSON list as text
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("records", &RecordPage::records),
                      field("next_page_token", &RecordPage::next_page_token)};
  }
};

// Every method may be called from every thread.
class DatasetRecords {
 public:
  DatasetRecords(Env& env, db::Database& database) : env_(env), database_(database) {}

  // `records` is a JSON list as text: [{"inputs": {…}, "outputs": …, "expectations": {…}, "tags":
  // {…}, "source": {…}}, …]. BAD_REQUEST for an unknown dataset.
  RecordCounts upsert(const std::string& dataset_id, const std::string& records);
  // By time of creation, then id; an unknown dataset has none. 0 results is the default of 1000.
  RecordPage list(const std::string& dataset_id,
                  std::int64_t max_results,
                  const std::string& token);
  // How many were deleted.
  std::int64_t remove(const std::string& dataset_id, const std::vector<std::string>& record_ids);

 private:
  Env& env_;
  db::Database& database_;
};

}  // namespace sandbox::evaluation
