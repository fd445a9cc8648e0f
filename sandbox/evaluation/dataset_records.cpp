#include "sandbox/evaluation/dataset_records.h"

#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/datasets.h"
#include "sandbox/evaluation/lookups.h"

namespace sandbox::evaluation {
namespace {

constexpr std::int64_t page_default = 1000;
constexpr std::string_view user_tag = "mlflow.user";
// The column of outputs holds an object: {"mlflow_wrapped": <outputs>}.
constexpr std::string_view wrap_start = "{\"mlflow_wrapped\": ";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

struct Source {
  std::string json = "null";
  std::optional<std::string> id;
  std::optional<std::string> type;
};

// A record as it was given, checked.
struct Given {
  PythonJson inputs = PythonJson::object();
  std::optional<PythonJson> outputs;  // absent is not the same as null
  PythonJson expectations;            // an object or null
  PythonJson tags;                    // likewise
  Source source;
  std::optional<std::string> user;  // of the tag mlflow.user
  std::string input_hash;
};

PythonJson object_of(const PythonJson& record, std::string_view name, bool is_required) {
  const PythonJson* value = record.find(name);
  if (value == nullptr) return is_required ? PythonJson::object() : PythonJson{};
  if (value->is_object() || (value->is_null() && !is_required)) return *value;
  refuse("The " + std::string(name) + " of a record must be a JSON object, got " + value->str() +
         " (" + std::string(value->type_name()) + ").");
}

std::string source_type_of(const PythonJson& source) {
  constexpr std::array<std::string_view, 5> types{"UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT",
                                                  "CODE"};
  const PythonJson* type = source.find("source_type");
  if (type == nullptr || !type->is_text()) {
    refuse("The source of a record must have a source_type: " + source.str());
  }
  std::string word = upper(type->text);
  if (std::find(types.begin(), types.end(), word) == types.end()) {
    refuse("Invalid dataset record source type: " + word +
           ". Valid source types: ['UNSPECIFIED', 'TRACE', 'HUMAN', 'DOCUMENT', 'CODE']");
  }
  return word;
}

Source source_of(const PythonJson& record) {
  const PythonJson* given = record.find("source");
  if (given == nullptr || !given->is_true()) return {};
  if (!given->is_object()) refuse("The source of a record must be a JSON object: " + given->str());
  Source source;
  source.type = source_type_of(*given);
  PythonJson data = PythonJson::object();
  for (const auto& [name, value] : given->members) {
    if (name == "source_data" && !value.is_null()) {
      data = value;
    } else if (name != "source_data" && name != "source_type") {
      refuse("The source of a record has a source_type and source_data, but no '" + name + "'.");
    }
  }
  if (!data.is_object()) refuse("source_data of a record must be a JSON object: " + data.str());
  const PythonJson* id = data.find(source.type == "TRACE" ? "trace_id" : "source_id");
  if (id != nullptr && !id->is_null()) {
    if (id->is_object() || id->is_list()) refuse("The id of a source is no text: " + id->str());
    source.id = id->str();
  }
  PythonJson written = PythonJson::object();
  written.set("source_type", PythonJson::of(*source.type));
  written.set("source_data", std::move(data));
  source.json = written.dumps();
  return source;
}

Given given_of(const PythonJson& record) {
  if (!record.is_object()) refuse("A record must be a JSON object, got " + record.str() + ".");
  Given given;
  given.inputs = object_of(record, "inputs", true);
  if (const PythonJson* outputs = record.find("outputs")) given.outputs = *outputs;
  given.expectations = object_of(record, "expectations", false);
  given.tags = object_of(record, "tags", false);
  given.source = source_of(record);
  if (const PythonJson* user = given.tags.find(user_tag); user != nullptr && !user->is_null()) {
    given.user = user->str();
  }
  given.input_hash = sha256_hex(given.inputs.dumps(true));
  return given;
}

std::vector<Given> parse_records(const std::string& text) {
  PythonJson records;
  try {
    records = PythonJson::parse(text);
  } catch (const Error&) {  // told below, naming the parameter
  }
  // An empty object is as good as an empty list in the reference.
  if (!records.is_list() && !(records.is_object() && records.members.empty())) {
    refuse("Invalid value for parameter 'records': it must be a JSON list of objects in a string.");
  }
  std::vector<Given> given;
  given.reserve(records.items.size());
  for (const PythonJson& record : records.items) given.push_back(given_of(record));
  return given;
}

std::string wrapped(const PythonJson& outputs) {
  if (outputs.is_null()) return "null";
  return std::string(wrap_start) + outputs.dumps() + "}";
}

// A stored column with further members; "null" and NULL are an object without members.
std::string merged(std::string_view stored, const PythonJson& more) {
  PythonJson value = stored.empty() ? PythonJson{} : PythonJson::parse(stored);
  if (!value.is_object()) value = PythonJson::object();
  value.update(more);
  return value.dumps();
}

void merge_record(db::Tx& tx,
                  const std::string& record_id,
                  const std::string& expectations,
                  const std::string& tags,
                  const Given& given,
                  std::int64_t now) {
  tx.execute(
      "UPDATE evaluation_dataset_records SET last_update_time = ? WHERE dataset_record_id = ?", now,
      record_id);
  if (given.outputs) {
    tx.execute("UPDATE evaluation_dataset_records SET outputs = ? WHERE dataset_record_id = ?",
               wrapped(*given.outputs), record_id);
  }
  if (given.expectations.is_true()) {
    tx.execute("UPDATE evaluation_dataset_records SET expectations = ? WHERE dataset_record_id = ?",
               merged(expectations, given.expectations), record_id);
  }
  if (given.tags.is_true()) {
    tx.execute("UPDATE evaluation_dataset_records SET tags = ? WHERE dataset_record_id = ?",
               merged(tags, given.tags), record_id);
  }
  if (given.user) {
    tx.execute(
        "UPDATE evaluation_dataset_records SET last_updated_by = ? WHERE dataset_record_id = ?",
        given.user, record_id);
  }
}

void insert_record(db::Tx& tx,
                   const std::string& record_id,
                   const std::string& dataset_id,
                   const Given& given,
                   std::int64_t now) {
  tx.execute(
      "INSERT INTO evaluation_dataset_records (dataset_record_id, dataset_id, inputs, outputs, "
      "expectations, tags, source, source_id, source_type, created_time, last_update_time, "
      "created_by, last_updated_by, input_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record_id, dataset_id, given.inputs.dumps(),
      wrapped(given.outputs.value_or(PythonJson::object())), given.expectations.dumps(),
      given.tags.is_null() ? "{}" : given.tags.dumps(), given.source.json, given.source.id,
      given.source.type, now, now, given.user, given.user, given.input_hash);
}

std::string schema_type(const PythonJson& value) {
  switch (value.kind) {
    case PythonJson::Kind::null: return "null";
    case PythonJson::Kind::boolean: return "boolean";
    case PythonJson::Kind::integer: return "integer";
    case PythonJson::Kind::real: return "float";
    case PythonJson::Kind::text: return "string";
    case PythonJson::Kind::list: return "array";
    case PythonJson::Kind::object: return "object";
  }
  return "unknown";
}

void add_types(PythonJson& types, const PythonJson& values) {
  for (const auto& [name, value] : values.members) {
    if (types.find(name) == nullptr) types.set(name, PythonJson::of(schema_type(value)));
  }
}

// The schema with the fields of further records; the first type of a field stays.
PythonJson extended_schema(const std::optional<std::string>& stored,
                           const std::vector<Given>& records) {
  const PythonJson before = stored && !stored->empty() ? PythonJson::parse(*stored) : PythonJson{};
  PythonJson schema = PythonJson::object();
  for (const char* part : {"inputs", "outputs", "expectations"}) {
    const PythonJson* found = before.find(part);
    schema.set(part, found == nullptr ? PythonJson::object() : *found);
  }
  schema.set("version", PythonJson::of("1.0"));
  schema.update(before);
  PythonJson inputs = *schema.find("inputs");
  PythonJson outputs = *schema.find("outputs");
  PythonJson expectations = *schema.find("expectations");
  for (const Given& record : records) {
    add_types(inputs, record.inputs);
    add_types(expectations, record.expectations);
    if (!record.outputs || record.outputs->is_null()) continue;
    // Outputs of a dataset are either objects or something else: the first record decides.
    if (record.outputs->is_object()) {
      if (outputs.is_object()) add_types(outputs, *record.outputs);
    } else if (!outputs.is_true()) {
      outputs = PythonJson::of(schema_type(*record.outputs));
    }
  }
  schema.set("inputs", std::move(inputs));
  schema.set("outputs", std::move(outputs));
  schema.set("expectations", std::move(expectations));
  return schema;
}

std::string profile_of(std::int64_t records) {
  return "{\"num_records\": " + std::to_string(records) + "}";
}

std::int64_t count_records(db::Tx& tx, const std::string& dataset_id) {
  db::Rows rows =
      tx.query("SELECT COUNT(*) FROM evaluation_dataset_records WHERE dataset_id = ?", dataset_id);
  rows.next();
  return rows.integer(0);
}

// What writing records changes of the dataset itself.
void renew_dataset(db::Tx& tx,
                   const std::string& dataset_id,
                   const std::string& name,
                   std::optional<std::string> schema,
                   const std::vector<Given>& records,
                   std::int64_t now) {
  if (schema || !records.empty()) schema = extended_schema(schema, records).dumps();
  const std::int64_t count = count_records(tx, dataset_id);
  std::optional<std::string> user;
  for (const Given& record : records) {
    if (record.user) user = record.user;
  }
  tx.execute(
      "UPDATE evaluation_datasets SET last_update_time = ?, last_updated_by = ?, digest = ?, "
      "schema = ?, profile = COALESCE(?, profile) WHERE dataset_id = ?",
      now, user, dataset_digest(name, now), schema,
      count > 0 ? std::optional(profile_of(count)) : std::nullopt, dataset_id);
}

// Where a page begins: behind a record, or at an offset, which older clients may send.
struct Start {
  std::int64_t created_time = -1;
  std::string record_id;
  std::int64_t offset = 0;
};

Start start_of(const std::string& token) {
  Start start;
  if (token.empty()) return start;
  const std::string text = unbase64(token).value_or("");
  const std::size_t colon = text.find(':');
  if (colon != std::string::npos) {
    if (const auto time = parse_int64(text.substr(0, colon))) {
      start.created_time = *time;
      start.record_id = text.substr(colon + 1);
      return start;
    }
  }
  const auto offset = parse_int64(token);
  if (!offset || *offset < 0) {
    refuse("Invalid page token '" + token +
           "'. Use the next_page_token of the previous answer, with the same dataset.");
  }
  start.offset = *offset;
  return start;
}

std::string quoted(std::string_view text) {
  return PythonJson::of(text).dumps();
}

constexpr std::string_view record_columns =
    "dataset_record_id, inputs, expectations, tags, source, source_id, source_type, created_time, "
    "last_update_time, created_by, last_updated_by, outputs";

// The columns hold JSON as the reference writes it, so they are passed on as they are.
void append_record(std::string& out, const db::Rows& row, const std::string& dataset_id) {
  const auto append = [&](std::string_view name, std::string_view json) {
    out.append(out.ends_with('{') ? "\"" : ", \"").append(name).append("\": ").append(json);
  };
  const auto append_json = [&](std::string_view name, int column) {
    if (!row.is_null(column) && row.view(column) != "null") append(name, row.view(column));
  };
  const auto append_text = [&](std::string_view name, int column) {
    if (!row.is_null(column)) append(name, quoted(row.view(column)));
  };
  out += out.ends_with('[') ? "{" : ", {";
  append("dataset_record_id", quoted(row.view(0)));
  append("dataset_id", quoted(dataset_id));
  append("inputs", row.view(1));
  append_json("expectations", 2);
  append("tags", row.is_null(3) || row.view(3) == "null" ? "{}" : row.view(3));
  append_json("source", 4);
  append_text("source_id", 5);
  append_text("source_type", 6);
  append("created_time", std::to_string(row.integer(7)));
  append("last_update_time", std::to_string(row.integer(8)));
  append_text("created_by", 9);
  append_text("last_updated_by", 10);
  std::string_view outputs = row.view(11);
  if (outputs.starts_with(wrap_start)) {
    outputs.remove_prefix(wrap_start.size());
    outputs.remove_suffix(1);
    if (outputs != "null") append("outputs", outputs);
  }
  out += '}';
}

}  // namespace

RecordCounts DatasetRecords::upsert(const std::string& dataset_id, const std::string& records) {
  const std::vector<Given> given = parse_records(records);
  std::vector<std::string> new_ids;
  new_ids.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) new_ids.push_back("dr-" + env_.new_id());
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    tx.lock("records of dataset " + dataset_id);
    std::string name;
    std::optional<std::string> schema;
    {
      db::Rows rows =
          tx.query("SELECT name, schema FROM evaluation_datasets WHERE dataset_id = ?", dataset_id);
      if (!rows.next()) {
        if (given.empty()) return RecordCounts{};
        throw Error(Code::bad_request, "Evaluation dataset with id '" + dataset_id +
                                           "' not found. Create it before its records.");
      }
      name = rows.text(0);
      schema = rows.maybe_text(1);
    }
    RecordCounts counts;
    for (std::size_t i = 0; i < given.size(); ++i) {
      std::string record_id;
      std::string expectations;
      std::string tags;
      {
        db::Rows rows = tx.query(
            "SELECT dataset_record_id, expectations, tags FROM evaluation_dataset_records WHERE "
            "dataset_id = ? AND input_hash = ?",
            dataset_id, given[i].input_hash);
        if (rows.next()) {
          record_id = rows.text(0);
          expectations = rows.text(1);
          tags = rows.text(2);
        }
      }
      if (record_id.empty()) {
        insert_record(tx, new_ids[i], dataset_id, given[i], now);
        ++counts.inserted_count;
      } else {
        merge_record(tx, record_id, expectations, tags, given[i], now);
        ++counts.updated_count;
      }
    }
    renew_dataset(tx, dataset_id, name, schema, given, now);
    return counts;
  });
}

RecordPage DatasetRecords::list(const std::string& dataset_id,
                                std::int64_t max_results,
                                const std::string& token) {
  if (max_results < 0) {
    refuse("Invalid value " + std::to_string(max_results) +
           " for parameter 'max_results' supplied. It must be a positive integer");
  }
  const std::int64_t page_size =
      max_results == 0 ? page_default : std::min(max_results, max_results_max);
  const Start start = start_of(token);
  return database_.read([&](db::Tx& tx) {
    RecordPage page;
    page.records = "[";
    std::string last;
    db::Rows rows = tx.query(
        "SELECT " + std::string(record_columns) +
            " FROM evaluation_dataset_records WHERE dataset_id = ? AND (created_time > ? OR "
            "(created_time = ? AND dataset_record_id > ?)) ORDER BY created_time, "
            "dataset_record_id LIMIT ? OFFSET ?",
        dataset_id, start.created_time, start.created_time, start.record_id, page_size + 1,
        start.offset);
    for (std::int64_t count = 0; rows.next(); ++count) {
      if (count == page_size) {
        page.next_page_token = base64(std::string_view(last));
        break;
      }
      append_record(page.records, rows, dataset_id);
      last = std::to_string(rows.integer(7)) + ":" + rows.text(0);
    }
    page.records += "]";
    return page;
  });
}

std::int64_t DatasetRecords::remove(const std::string& dataset_id,
                                    const std::vector<std::string>& record_ids) {
  return database_.write([&](db::Tx& tx) {
    tx.lock("records of dataset " + dataset_id);
    std::int64_t deleted = 0;
    for (const std::string& id : record_ids) {
      deleted += tx.execute(
          "DELETE FROM evaluation_dataset_records WHERE dataset_id = ? AND dataset_record_id = ?",
          dataset_id, id);
    }
    if (deleted > 0) {
      const std::int64_t left = count_records(tx, dataset_id);
      // The reference leaves the JSON null behind for a dataset without records.
      tx.execute("UPDATE evaluation_datasets SET profile = ? WHERE dataset_id = ?",
                 left > 0 ? profile_of(left) : "null", dataset_id);
    }
    return deleted;
  });
}

}  // namespace sandbox::evaluation
