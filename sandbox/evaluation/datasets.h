// Evaluation datasets: named tables of inputs and expectations (dataset_records.h), tied to
// experiments. Source of the rules: MLflow 3.17's tracking store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::evaluation {

struct Dataset {
  std::string dataset_id;  // "d-…"
  std::string name;
  std::string tags;                    // a JSON object as text
  std::optional<std::string> schema;   // likewise
  std::optional<std::string> profile;  // likewise
  std::string digest;                  // changes with every write of records
  std::int64_t created_time = 0;       // epoch ms
  std::int64_t last_update_time = 0;
  std::optional<std::string> created_by;
  std::optional<std::string> last_updated_by;
  std::vector<std::string> experiment_ids;  // only in the answer of create
  static constexpr auto fields() {
    return std::tuple{field("dataset_id", &Dataset::dataset_id),
                      field("name", &Dataset::name),
                      field("tags", &Dataset::tags),
                      field("schema", &Dataset::schema),
                      field("profile", &Dataset::profile),
                      field("digest", &Dataset::digest),
                      field("created_time", &Dataset::created_time),
                      field("last_update_time", &Dataset::last_update_time),
                      field("created_by", &Dataset::created_by),
                      field("last_updated_by", &Dataset::last_updated_by),
                      field("experiment_ids", &Dataset::experiment_ids)};
  }
};

struct NewDataset {
  std::string name;  // several datasets may bear it
  std::vector<std::string> experiment_ids;
  std::string tags;  // a JSON object as text; "" is none
  static constexpr auto fields() {
    return std::tuple{
        required("name", &NewDataset::name), field("experiment_ids", &NewDataset::experiment_ids),
        field("tags", &NewDataset::tags, "A JSON object in a string; mlflow.user is the creator.")};
  }
};

struct SearchDatasets {
  std::vector<std::string> experiment_ids;  // empty: all datasets
  std::string filter_string;
  std::int64_t max_results = 1000;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{field("experiment_ids", &SearchDatasets::experiment_ids),
                      field("filter_string", &SearchDatasets::filter_string,
                            "e.g. name LIKE 'qa%' AND tags.team = 'a'"),
                      field("max_results", &SearchDatasets::max_results),
                      field("order_by", &SearchDatasets::order_by, "Newest first unless told."),
                      field("page_token", &SearchDatasets::page_token)};
  }
};

struct DatasetPage {
  std::vector<Dataset> datasets;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("datasets", &DatasetPage::datasets),
                      field("next_page_token", &DatasetPage::next_page_token)};
  }
};

// Every method may be called from every thread.
class Datasets {
 public:
  Datasets(Env& env, db::Database& database) : env_(env), database_(database) {}

  // Experiments are not looked up, as in the reference. BAD_REQUEST for an experiment given twice.
  Dataset create(const NewDataset& in);
  Dataset get(const std::string& dataset_id);
  // With its records, tags and ties; nothing happens when there is none.
  void remove(const std::string& dataset_id);
  DatasetPage search(const SearchDatasets& in);
  // `tags` is a JSON object as text; members that are null change nothing.
  void set_tags(const std::string& dataset_id, const std::string& tags);
  // Nothing happens when there is no such tag or dataset.
  void delete_tag(const std::string& dataset_id, const std::string& key);
  // In the order they were added; empty for an unknown dataset.
  std::vector<std::string> experiment_ids(const std::string& dataset_id);
  // RESOURCE_DOES_NOT_EXIST when one of the experiments is unknown.
  Dataset add_experiments(const std::string& dataset_id, const std::vector<std::string>& ids);
  Dataset remove_experiments(const std::string& dataset_id, const std::vector<std::string>& ids);

 private:
  Env& env_;
  db::Database& database_;
};

// Of the name and the time of the last write of records; 8 digits.
std::string dataset_digest(std::string_view name, std::int64_t last_update_time);

// Rows to datasets, for this noun: the columns in the order dataset_of wants them.
inline constexpr std::string_view dataset_columns =
    "dataset_id, name, schema, profile, digest, created_time, last_update_time, created_by, "
    "last_updated_by";
Dataset dataset_of(const db::Rows& row);
// Fills the tags of datasets in a few queries for all of them.
void read_dataset_tags(db::Tx& tx, std::vector<Dataset>& datasets);

}  // namespace sandbox::evaluation
