#include "sandbox/evaluation/label_schemas.h"

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/filter.h"

namespace sandbox::evaluation {
namespace {

constexpr std::size_t name_max = 250;  // characters
constexpr std::size_t instruction_max = 1000;
constexpr std::string_view default_name = "Feedback";
constexpr std::string_view default_instruction = "Share any feedback on this trace.";

constexpr std::string_view schema_columns =
    "schema_id, experiment_id, name, type, instruction, enable_comment, input_type, input_config, "
    "created_by, created_time, last_update_time, is_default";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

void check_name(const std::string& name) {
  if (name.empty()) refuse("Label schema `name` must be a non-empty string; got ''.");
  if (utf8_length(name) > name_max) {
    refuse("Label schema `name` must be at most " + std::to_string(name_max) + " characters; got " +
           std::to_string(utf8_length(name)) + ".");
  }
  if (equal_ignoring_case(trim(name), default_name)) {
    refuse("`" + name +
           "` is reserved for the experiment's default question and cannot be used for another "
           "label schema.");
  }
}

void check_instruction(const std::optional<std::string>& instruction) {
  if (!instruction || utf8_length(*instruction) <= instruction_max) return;
  refuse("Label schema `instruction` must be at most " + std::to_string(instruction_max) +
         " characters; got " + std::to_string(utf8_length(*instruction)) + ".");
}

[[noreturn]] void refuse_taken_name(const std::string& name, const std::string& experiment_id) {
  throw Error(Code::resource_already_exists, "Label schema with name '" + name +
                                                 "' already exists for experiment '" +
                                                 experiment_id + "'.");
}

LabelSchema schema_of(const db::Rows& row) {
  LabelSchema schema;
  schema.schema_id = row.text(0);
  schema.experiment_id = std::to_string(row.integer(1));
  schema.name = row.text(2);
  schema.type = upper(row.view(3));
  schema.instruction = row.maybe_text(4);
  schema.enable_comment = row.integer(5) != 0;
  schema.input = label_input_of({row.text(6), row.text(7)});
  schema.created_by = row.maybe_text(8);
  schema.created_at = row.integer(9);
  schema.last_updated_at = row.integer(10);
  schema.is_default = row.integer(11) != 0;
  return schema;
}

LabelSchema read_schema(db::Tx& tx, const std::string& schema_id) {
  db::Rows rows =
      tx.query("SELECT " + std::string(schema_columns) + " FROM label_schemas WHERE schema_id = ?",
               schema_id);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist,
                "Label schema with id '" + schema_id + "' not found.");
  }
  return schema_of(rows);
}

bool is_name_taken(db::Tx& tx, std::int64_t experiment_id, const std::string& name) {
  return tx
      .query("SELECT 1 FROM label_schemas WHERE experiment_id = ? AND name = ?", experiment_id,
             name)
      .next();
}

// False when the name is taken.
bool insert_schema(db::Tx& tx,
                   std::int64_t experiment_id,
                   const LabelSchema& schema,
                   const StoredLabelInput& input) {
  return tx.execute(
             "INSERT INTO label_schemas (schema_id, experiment_id, name, type, instruction, "
             "enable_comment, input_type, input_config, created_time, last_update_time, "
             "is_default) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (experiment_id, "
             "name) DO NOTHING",
             schema.schema_id, experiment_id, schema.name, lower(schema.type), schema.instruction,
             schema.enable_comment, input.type, input.config, schema.created_at,
             schema.last_updated_at, schema.is_default) == 1;
}

bool has_default(db::Tx& tx, std::int64_t experiment_id) {
  return tx
      .query("SELECT 1 FROM label_schemas WHERE experiment_id = ? AND is_default = ?",
             experiment_id, true)
      .next();
}

}  // namespace

LabelSchema LabelSchemas::create(const NewLabelSchema& in) {
  const auto type = kept_word(in.type.name);
  if (!type) {
    refuse("Label schema `type` must be one of FEEDBACK or EXPECTATION; got proto enum value 0.");
  }
  check_label_input(in.input);
  check_name(in.name);
  check_instruction(in.instruction);
  LabelSchema schema;
  schema.schema_id = "ls-" + env_.new_id();
  schema.name = in.name;
  schema.type = *type;
  schema.instruction = in.instruction;
  schema.enable_comment = in.enable_comment;
  schema.created_at = schema.last_updated_at = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    if (!insert_schema(tx, visible_experiment(tx, in.experiment_id), schema,
                       stored_label_input(*in.input))) {
      refuse_taken_name(in.name, in.experiment_id);
    }
    return read_schema(tx, schema.schema_id);
  });
}

LabelSchema LabelSchemas::get(const std::string& schema_id) {
  return database_.read([&](db::Tx& tx) { return read_schema(tx, schema_id); });
}

LabelSchema LabelSchemas::get_by_name(const std::string& experiment_id, const std::string& name) {
  return database_.read([&](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT " + std::string(schema_columns) +
                                 " FROM label_schemas WHERE experiment_id = ? AND name = ?",
                             visible_experiment(tx, experiment_id), name);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist, "Label schema with name '" + name +
                                                     "' not found for experiment '" +
                                                     experiment_id + "'.");
    }
    return schema_of(rows);
  });
}

LabelSchemaPage LabelSchemas::list(const std::string& experiment_id,
                                   std::int64_t max_results,
                                   const std::string& page_token) {
  const std::int64_t offset = tracking::token_offset(page_token);
  // Most lists find the default question there and write nothing.
  const bool is_complete = database_.read(
      [&](db::Tx& tx) { return has_default(tx, visible_experiment(tx, experiment_id)); });
  if (!is_complete) {
    LabelSchema schema;
    schema.schema_id = "ls-" + env_.new_id();
    schema.name = default_name;
    schema.type = "FEEDBACK";
    schema.instruction = default_instruction;
    schema.created_at = schema.last_updated_at = env_.now_ms();
    schema.is_default = true;
    LabelInput input;
    input.text.emplace();
    database_.write([&](db::Tx& tx) {
      const std::int64_t id = visible_experiment(tx, experiment_id);
      if (!has_default(tx, id)) insert_schema(tx, id, schema, stored_label_input(input));
    });
  }
  return database_.read([&](db::Tx& tx) {
    LabelSchemaPage page;
    db::Rows rows = tx.query("SELECT " + std::string(schema_columns) +
                                 " FROM label_schemas WHERE experiment_id = ? ORDER BY "
                                 "created_time DESC, schema_id LIMIT ? OFFSET ?",
                             visible_experiment(tx, experiment_id), max_results + 1, offset);
    while (rows.next()) {
      if (static_cast<std::int64_t>(page.label_schemas.size()) == max_results) {
        page.next_page_token = tracking::offset_token(offset + max_results);
        break;
      }
      page.label_schemas.push_back(schema_of(rows));
    }
    return page;
  });
}

LabelSchema LabelSchemas::update(const UpdateLabelSchema& in) {
  if (in.input) check_label_input(in.input);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    const LabelSchema before = read_schema(tx, in.schema_id);
    if (before.is_default) refuse("The experiment's default question cannot be edited.");
    if (in.name) check_name(*in.name);
    check_instruction(in.instruction);
    StoredLabelInput input = stored_label_input(in.input.value_or(before.input));
    if (in.input) check_same_kind(before.input, *in.input);
    if (in.name && *in.name != before.name &&
        is_name_taken(tx, *parse_int64(before.experiment_id), *in.name)) {
      refuse_taken_name(*in.name, before.experiment_id);
    }
    tx.execute(
        "UPDATE label_schemas SET name = ?, instruction = ?, enable_comment = ?, input_config = ?, "
        "last_update_time = ? WHERE schema_id = ?",
        in.name.value_or(before.name), in.instruction ? in.instruction : before.instruction,
        in.enable_comment.value_or(before.enable_comment), input.config, now, in.schema_id);
    return read_schema(tx, in.schema_id);
  });
}

void LabelSchemas::remove(const std::string& schema_id) {
  database_.write([&](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT is_default FROM label_schemas WHERE schema_id = ?", schema_id);
    if (rows.next() && rows.integer(0) != 0) {
      refuse("The experiment's default question cannot be deleted.");
    }
    tx.execute("DELETE FROM label_schemas WHERE schema_id = ?", schema_id);
  });
}

}  // namespace sandbox::evaluation
