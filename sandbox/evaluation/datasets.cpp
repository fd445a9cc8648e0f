#include "sandbox/evaluation/datasets.h"

#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/lookups.h"

namespace sandbox::evaluation {
namespace {

constexpr std::string_view user_tag = "mlflow.user";

PythonJson parse_tags(const std::string& text) {
  PythonJson tags;
  try {
    tags = PythonJson::parse(text);
  } catch (const Error&) {  // told below, naming the parameter
  }
  if (tags.is_object()) return tags;
  throw Error(Code::invalid_parameter_value,
              "Invalid value for parameter 'tags': it must be a JSON object in a string, e.g. "
              "\"{\\\"team\\\": \\\"a\\\"}\".");
}

// What a tag's column keeps of a value: the database knows no objects and no truth.
std::optional<std::string> column_text(const PythonJson& value) {
  if (value.is_null()) return std::nullopt;
  if (value.kind == PythonJson::Kind::boolean) return value.flag ? "1" : "0";
  return value.str();
}

void check_tag_values(const PythonJson& tags) {
  for (const auto& [key, value] : tags.members) {
    if (!value.is_object() && !value.is_list()) continue;
    throw Error(Code::bad_request, "The tag " + python_repr(key) + " is no text but " +
                                       value.str() + ". Give it as JSON in a string.");
  }
}

void insert_association(db::Tx& tx,
                        const std::string& association_id,
                        const std::string& dataset_id,
                        const std::string& experiment_id,
                        std::int64_t now) {
  if (tx.execute("INSERT INTO entity_associations (association_id, source_type, source_id, "
                 "destination_type, destination_id, created_time) VALUES (?, 'evaluation_dataset', "
                 "?, 'experiment', ?, ?) ON CONFLICT DO NOTHING",
                 association_id, dataset_id, experiment_id, now) == 0) {
    throw Error(Code::bad_request,
                "The experiment '" + experiment_id + "' was given twice. Give each of them once.");
  }
}

Dataset read_dataset(db::Tx& tx, const std::string& dataset_id, const std::string& absent) {
  std::vector<Dataset> datasets;
  {
    db::Rows rows = tx.query(
        "SELECT " + std::string(dataset_columns) + " FROM evaluation_datasets WHERE dataset_id = ?",
        dataset_id);
    if (!rows.next()) throw Error(Code::resource_does_not_exist, absent);
    datasets.push_back(dataset_of(rows));
  }
  read_dataset_tags(tx, datasets);
  return std::move(datasets.front());
}

bool has_dataset(db::Tx& tx, const std::string& dataset_id) {
  return tx.query("SELECT 1 FROM evaluation_datasets WHERE dataset_id = ?", dataset_id).next();
}

void touch(db::Tx& tx, const std::string& dataset_id, std::int64_t now) {
  tx.execute("UPDATE evaluation_datasets SET last_update_time = ? WHERE dataset_id = ?", now,
             dataset_id);
}

std::string not_found(const std::string& dataset_id) {
  return "Dataset '" + dataset_id + "' not found";
}

// The reference compares texts, so that "007" is no experiment.
void check_experiment(db::Tx& tx, const std::string& experiment_id) {
  const auto number = parse_int64(experiment_id);
  if (number && std::to_string(*number) == experiment_id &&
      tx.query("SELECT 1 FROM experiments WHERE experiment_id = ?", *number).next()) {
    return;
  }
  throw Error(Code::resource_does_not_exist, "No Experiment with id=" + experiment_id);
}

}  // namespace

std::string dataset_digest(std::string_view name, std::int64_t last_update_time) {
  return sha256_hex(std::string(name) + ":" + std::to_string(last_update_time)).substr(0, 8);
}

Dataset dataset_of(const db::Rows& row) {
  Dataset dataset;
  dataset.dataset_id = row.text(0);
  dataset.name = row.text(1);
  dataset.tags = "{}";
  dataset.schema = row.maybe_text(2);
  dataset.profile = row.maybe_text(3);
  dataset.digest = row.text(4);
  dataset.created_time = row.integer(5);
  dataset.last_update_time = row.integer(6);
  dataset.created_by = row.maybe_text(7);
  dataset.last_updated_by = row.maybe_text(8);
  return dataset;
}

void read_dataset_tags(db::Tx& tx, std::vector<Dataset>& datasets) {
  // As the database keeps them, which is the order of setting, as in the reference.
  const std::string sql =
      "SELECT dataset_id, key, value FROM evaluation_dataset_tags WHERE dataset_id IN " +
      std::string(id_marks);
  std::vector<std::string> ids;
  ids.reserve(datasets.size());
  std::unordered_map<std::string, PythonJson> tags;
  for (const Dataset& dataset : datasets) ids.push_back(dataset.dataset_id);
  for_each_id_list(ids, [&](const std::vector<db::Value>& list) {
    for (db::Rows rows = tx.query_values(sql, list); rows.next();) {
      PythonJson& one = tags.try_emplace(rows.text(0), PythonJson::object()).first->second;
      one.set(rows.view(1), rows.is_null(2) ? PythonJson{} : PythonJson::of(rows.view(2)));
    }
  });
  for (Dataset& dataset : datasets) {
    if (const auto found = tags.find(dataset.dataset_id); found != tags.end()) {
      dataset.tags = found->second.dumps();
    }
  }
}

Dataset Datasets::create(const NewDataset& in) {
  const PythonJson tags = in.tags.empty() ? PythonJson::object() : parse_tags(in.tags);
  check_tag_values(tags);
  Dataset dataset;
  dataset.dataset_id = "d-" + env_.new_id();
  dataset.name = in.name;
  dataset.created_time = dataset.last_update_time = env_.now_ms();
  dataset.digest = dataset_digest(in.name, dataset.created_time);
  if (const PythonJson* user = tags.find(user_tag)) dataset.created_by = column_text(*user);
  dataset.last_updated_by = dataset.created_by;
  dataset.experiment_ids = in.experiment_ids;
  PythonJson shown = PythonJson::object();
  for (const auto& [key, value] : tags.members) {
    const auto text = column_text(value);
    shown.set(key, text ? PythonJson::of(*text) : PythonJson{});
  }
  dataset.tags = shown.dumps();
  std::vector<std::string> association_ids;
  association_ids.reserve(in.experiment_ids.size());
  for (std::size_t i = 0; i < in.experiment_ids.size(); ++i) {
    association_ids.push_back("a-" + env_.new_id());
  }
  database_.write([&](db::Tx& tx) {
    tx.execute(
        "INSERT INTO evaluation_datasets (dataset_id, name, digest, created_time, "
        "last_update_time, created_by, last_updated_by, workspace) VALUES (?, ?, ?, ?, ?, ?, ?, "
        "'default')",
        dataset.dataset_id, dataset.name, dataset.digest, dataset.created_time,
        dataset.last_update_time, dataset.created_by, dataset.last_updated_by);
    for (const auto& [key, value] : tags.members) {
      tx.execute("INSERT INTO evaluation_dataset_tags (dataset_id, key, value) VALUES (?, ?, ?)",
                 dataset.dataset_id, key, column_text(value));
    }
    for (std::size_t i = 0; i < in.experiment_ids.size(); ++i) {
      insert_association(tx, association_ids[i], dataset.dataset_id, in.experiment_ids[i],
                         dataset.created_time);
    }
  });
  return dataset;
}

Dataset Datasets::get(const std::string& dataset_id) {
  return database_.read([&](db::Tx& tx) {
    return read_dataset(tx, dataset_id,
                        "Evaluation dataset with id '" + dataset_id + "' not found");
  });
}

void Datasets::remove(const std::string& dataset_id) {
  database_.write([&](db::Tx& tx) {
    if (tx.execute("DELETE FROM evaluation_datasets WHERE dataset_id = ?", dataset_id) == 0) return;
    tx.execute("DELETE FROM evaluation_dataset_records WHERE dataset_id = ?", dataset_id);
    tx.execute("DELETE FROM evaluation_dataset_tags WHERE dataset_id = ?", dataset_id);
    tx.execute(
        "DELETE FROM entity_associations WHERE (destination_type = 'evaluation_dataset' AND "
        "destination_id = ?) OR (source_type = 'evaluation_dataset' AND source_id = ?)",
        dataset_id, dataset_id);
  });
}

void Datasets::set_tags(const std::string& dataset_id, const std::string& tags) {
  const PythonJson parsed = parse_tags(tags);
  database_.write([&](db::Tx& tx) {
    if (!has_dataset(tx, dataset_id)) {
      throw Error(Code::resource_does_not_exist,
                  "Could not find evaluation dataset with ID " + dataset_id);
    }
    for (const auto& [key, value] : parsed.members) {
      if (value.is_null()) continue;
      tx.execute(
          "INSERT INTO evaluation_dataset_tags (dataset_id, key, value) VALUES (?, ?, ?) ON "
          "CONFLICT (dataset_id, key) DO UPDATE SET value = excluded.value",
          dataset_id, key, value.str());
    }
  });
}

void Datasets::delete_tag(const std::string& dataset_id, const std::string& key) {
  database_.write([&](db::Tx& tx) {
    tx.execute("DELETE FROM evaluation_dataset_tags WHERE dataset_id = ? AND key = ?", dataset_id,
               key);
  });
}

std::vector<std::string> Datasets::experiment_ids(const std::string& dataset_id) {
  return database_.read([&](db::Tx& tx) {
    std::vector<std::string> ids;
    db::Rows rows = tx.query(
        "SELECT destination_id FROM entity_associations WHERE source_type = 'evaluation_dataset' "
        "AND source_id = ? AND destination_type = 'experiment' ORDER BY created_time, "
        "destination_id",
        dataset_id);
    while (rows.next()) ids.push_back(rows.text(0));
    return ids;
  });
}

Dataset Datasets::add_experiments(const std::string& dataset_id,
                                  const std::vector<std::string>& ids) {
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    if (!has_dataset(tx, dataset_id)) {
      throw Error(Code::resource_does_not_exist, not_found(dataset_id));
    }
    for (const std::string& id : ids) check_experiment(tx, id);
    for (const std::string& id : ids) {
      // Such ties have ids without a prefix in the reference.
      tx.execute(
          "INSERT INTO entity_associations (association_id, source_type, source_id, "
          "destination_type, destination_id, created_time) VALUES (?, 'evaluation_dataset', ?, "
          "'experiment', ?, ?) ON CONFLICT DO NOTHING",
          env_.new_id(), dataset_id, id, now);
    }
    touch(tx, dataset_id, now);
    return read_dataset(tx, dataset_id, not_found(dataset_id));
  });
}

Dataset Datasets::remove_experiments(const std::string& dataset_id,
                                     const std::vector<std::string>& ids) {
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    if (!has_dataset(tx, dataset_id)) {
      throw Error(Code::resource_does_not_exist, not_found(dataset_id));
    }
    std::int64_t removed = 0;
    for (const std::string& id : ids) {
      removed += tx.execute(
          "DELETE FROM entity_associations WHERE source_type = 'evaluation_dataset' AND source_id "
          "= ? AND destination_type = 'experiment' AND destination_id = ?",
          dataset_id, id);
    }
    if (removed > 0) touch(tx, dataset_id, now);
    return read_dataset(tx, dataset_id, not_found(dataset_id));
  });
}

}  // namespace sandbox::evaluation
