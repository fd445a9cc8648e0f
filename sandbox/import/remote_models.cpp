#include <cstring>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/import/assessment_row.h"
#include "sandbox/import/file_store_meta.h"
#include "sandbox/import/remote_server.h"
#include "sandbox/import/trace_columns.h"

namespace sandbox::import {
namespace {

constexpr std::int64_t page_models = 50;  // the most the server gives
constexpr std::int64_t page_traces = 100;
constexpr std::int64_t page_registered = 100;

PythonJson page_of(std::int64_t rows, const std::string& token) {
  PythonJson body = PythonJson::object();
  body.set("max_results", PythonJson::of(rows));
  if (!token.empty()) body.set("page_token", PythonJson::of(token));
  return body;
}

std::string key_of(const PythonJson& pair) {
  return meta_text(pair, "key").value_or("");
}
std::string value_of(const PythonJson& pair) {
  return meta_text(pair, "value").value_or("");
}

std::int64_t status_number(const std::string& word) {
  if (word.ends_with("PENDING")) return 1;
  return word.ends_with("FAILED") ? 3 : 2;
}

// "1.5s" in milliseconds.
std::optional<std::int64_t> duration_ms(const PythonJson& trace) {
  auto text = meta_text(trace, "execution_duration").value_or("");
  if (!text.ends_with('s')) return meta_integer(trace, "execution_duration_ms");
  text.pop_back();
  const auto seconds = parse_double(text);
  if (!seconds) return std::nullopt;
  return static_cast<std::int64_t>(*seconds * 1000 + 0.5);
}

// Over the API a span's ids are base64 of their bytes.
std::optional<std::string> span_id(const PythonJson& span, std::string_view name) {
  const auto text = meta_text(span, name);
  const auto bytes = text ? unbase64(*text) : std::nullopt;
  if (!bytes || bytes->size() != 8) return text && !text->empty() ? text : std::nullopt;
  std::vector<std::uint8_t> raw(bytes->begin(), bytes->end());
  return hex(raw);
}

std::string span_status(const PythonJson& span) {
  const std::string code = meta_text(member_of(span, "status"), "code").value_or("");
  constexpr std::string_view head = "STATUS_CODE_";
  return code.starts_with(head) ? code.substr(head.size()) : (code.empty() ? "UNSET" : code);
}

std::string span_type(const PythonJson& span) {
  const std::string text = meta_text(member_of(span, "attributes"), "mlflow.spanType").value_or("");
  const auto type = PythonJson::parse_if_json(text);
  return type && type->is_text() ? type->text : text;
}

}  // namespace

void RemoteServer::read_models(db::Database& database, std::int64_t experiment) {
  std::string token;
  do {
    PythonJson body = page_of(page_models, token);
    body.set("experiment_ids", PythonJson::list_of({std::to_string(experiment)}));
    const auto page = post_if_known("logged-models/search", body);
    if (!page) return;  // before MLflow 3 there are none
    database.write([&](db::Tx& tx) {
      for (const PythonJson& model : list_of(*page, "models")) read_model(tx, model);
    });
    token = meta_text(*page, "next_page_token").value_or("");
  } while (!token.empty());
}

void RemoteServer::read_model(db::Tx& tx, const PythonJson& model) {
  const PythonJson& info = member_of(model, "info");
  const PythonJson& data = member_of(model, "data");
  const std::string id = meta_text(info, "model_id").value_or("");
  const auto experiment = meta_integer(info, "experiment_id").value_or(0);
  tx.execute(
      "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
      "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
      "source_run_id, status_message) VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?) ON CONFLICT "
      "DO NOTHING",
      id, experiment, meta_text(info, "name").value_or(""),
      meta_text(info, "artifact_uri").value_or(""),
      meta_integer(info, "creation_timestamp_ms").value_or(0),
      meta_integer(info, "last_updated_timestamp_ms").value_or(0),
      status_number(meta_text(info, "status").value_or("")), meta_text(info, "model_type"),
      meta_text(info, "source_run_id"), meta_text(info, "status_message"));
  for (const PythonJson& tag : list_of(info, "tags")) {
    tx.execute(
        "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?, ?, "
        "?, ?) ON CONFLICT DO NOTHING",
        id, experiment, key_of(tag), value_of(tag));
  }
  for (const PythonJson& param : list_of(data, "params")) {
    tx.execute(
        "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) VALUES "
        "(?, ?, ?, ?) ON CONFLICT DO NOTHING",
        id, experiment, key_of(param), value_of(param));
  }
  for (const PythonJson& metric : list_of(data, "metrics")) {
    tx.execute(
        "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, "
        "metric_step, metric_value, experiment_id, run_id, dataset_name, dataset_digest) VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        id, key_of(metric), meta_integer(metric, "timestamp").value_or(0),
        meta_integer(metric, "step").value_or(0), python_number(value_of(metric)).value_or(0),
        experiment, meta_text(metric, "run_id").value_or(""), meta_text(metric, "dataset_name"),
        meta_text(metric, "dataset_digest"));
  }
}

void RemoteServer::read_traces(db::Database& database, std::int64_t experiment) {
  const std::string id = std::to_string(experiment);
  std::string token;
  do {
    PythonJson body = page_of(page_traces, token);
    PythonJson location = PythonJson::object();
    PythonJson inside = PythonJson::object();
    inside.set("experiment_id", PythonJson::of(id));
    location.set("type", PythonJson::of("MLFLOW_EXPERIMENT"));
    location.set("mlflow_experiment", inside);
    PythonJson locations;
    locations.kind = PythonJson::Kind::list;
    locations.items.push_back(location);
    body.set("locations", locations);
    auto page = post_if_known("/api/3.0/mlflow/traces/search", body);
    if (!page) {
      Query query{{"experiment_ids", id}, {"max_results", std::to_string(page_traces)}};
      if (!token.empty()) query.emplace_back("page_token", token);
      page = get_if_known("traces", query);
    }
    if (!page) return;  // before MLflow 2.14 there are none
    for (const PythonJson& trace : list_of(*page, "traces")) {
      database.write([&](db::Tx& tx) { read_trace(tx, trace, experiment); });
    }
    token = meta_text(*page, "next_page_token").value_or("");
  } while (!token.empty());
}

void RemoteServer::read_trace(db::Tx& tx, const PythonJson& trace, std::int64_t experiment) {
  auto id = meta_text(trace, "trace_id");
  if (!id) id = meta_text(trace, "request_id").value_or("");
  auto time = meta_time(trace, "timestamp_ms");
  if (!time) time = meta_time(trace, "request_time");
  auto duration = meta_integer(trace, "execution_time_ms");
  if (!duration) duration = duration_ms(trace);
  auto status = meta_text(trace, "state");
  if (!status) status = meta_text(trace, "status");
  tx.execute(
      "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
      "client_request_id, request_preview, response_preview) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON "
      "CONFLICT DO NOTHING",
      *id, experiment, time.value_or(0), duration, status.value_or("OK"),
      meta_text(trace, "client_request_id"), meta_text(trace, "request_preview"),
      meta_text(trace, "response_preview"));
  bool has_spans = false;
  // Maps since MLflow 3, lists of pairs before.
  const auto insert = [&](const char* sql, const char* name) {
    const PythonJson& texts = member_of(trace, name);
    const auto one = [&](const std::string& key, const std::string& value) {
      has_spans = has_spans || (key == "mlflow.trace.spansLocation" && value == "TRACKING_STORE");
      tx.execute(sql, key, value, *id);
    };
    for (const auto& member : texts.members) one(member.name, member.value.str());
    for (const PythonJson& pair : texts.items) one(key_of(pair), value_of(pair));
  };
  constexpr const char* into_metadata =
      "INSERT INTO trace_request_metadata (\"key\", value, request_id) VALUES (?, ?, ?) ON "
      "CONFLICT "
      "DO NOTHING";
  insert(
      "INSERT INTO trace_tags (\"key\", value, request_id) VALUES (?, ?, ?) ON CONFLICT DO "
      "NOTHING",
      "tags");
  insert(into_metadata, "trace_metadata");
  insert(into_metadata, "request_metadata");
  for (const PythonJson& assessment : list_of(trace, "assessments")) {
    insert_assessment(tx, assessment, *id, "");
  }
  if (has_spans) read_spans(tx, *id, experiment);
}

void RemoteServer::read_spans(db::Tx& tx, const std::string& trace, std::int64_t experiment) {
  const auto answer =
      get_if_known("/ajax-api/2.0/mlflow/get-trace-artifact", {{"request_id", trace}});
  if (!answer) {
    ledger_.odd(trace, "The spans of trace " + trace + " are not told by the server.");
    return;
  }
  for (const PythonJson& span : list_of(*answer, "spans")) {
    tx.execute(
        "INSERT INTO spans (trace_id, experiment_id, span_id, parent_span_id, name, type, status, "
        "start_time_unix_nano, end_time_unix_nano, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        trace, experiment, span_id(span, "span_id").value_or(""), span_id(span, "parent_span_id"),
        meta_text(span, "name"), span_type(span), span_status(span),
        meta_integer(span, "start_time_unix_nano").value_or(0),
        meta_integer(span, "end_time_unix_nano"), span.dumps());
  }
}

void RemoteServer::read_registry(db::Database& database) {
  const std::string prompts = "tags.`mlflow.prompt.is_prompt` = 'true'";
  // Since MLflow 2.21 a search hides prompts unless it asks for them.
  for (const bool is_prompt : {false, true}) {
    std::vector<std::string> names;
    for_each_page(
        [&](const std::string& token) {
          Query query{{"max_results", std::to_string(page_registered)}};
          if (is_prompt) query.emplace_back("filter", prompts);
          if (!token.empty()) query.emplace_back("page_token", token);
          return get("registered-models/search", query);
        },
        [&](const PythonJson& page) {
          database.write([&](db::Tx& tx) {
            for (const PythonJson& model : list_of(page, "registered_models")) {
              read_registered_model(tx, model);
              names.push_back(meta_text(model, "name").value_or(""));
            }
          });
        });
    for (const std::string& name : names) read_versions(database, name, is_prompt);
  }
  database.write([](db::Tx& tx) { fill_trace_columns(tx); });
}

void RemoteServer::read_registered_model(db::Tx& tx, const PythonJson& model) {
  const std::string name = meta_text(model, "name").value_or("");
  tx.execute(
      "INSERT INTO registered_models (name, creation_time, last_updated_time, description) "
      "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      name, meta_integer(model, "creation_timestamp"),
      meta_integer(model, "last_updated_timestamp"), meta_text(model, "description"));
  for (const PythonJson& tag : list_of(model, "tags")) {
    tx.execute(
        "INSERT INTO registered_model_tags (\"key\", value, name) VALUES (?, ?, ?) ON "
        "CONFLICT DO NOTHING",
        key_of(tag), value_of(tag), name);
  }
  for (const PythonJson& alias : list_of(model, "aliases")) {
    tx.execute(
        "INSERT INTO registered_model_aliases (alias, version, name) VALUES (?, ?, ?) ON "
        "CONFLICT DO NOTHING",
        meta_text(alias, "alias").value_or(""), meta_integer(alias, "version").value_or(0), name);
  }
}

void RemoteServer::read_versions(db::Database& database, const std::string& name, bool is_prompt) {
  const char quote = name.find('\'') == std::string::npos ? '\'' : '"';
  std::string filter = "name = " + (quote + name) + quote;
  if (is_prompt) filter += " AND tags.`mlflow.prompt.is_prompt` = 'true'";
  for_each_page(
      [&](const std::string& token) {
        Query query{{"filter", filter}, {"max_results", std::to_string(page_registered)}};
        if (!token.empty()) query.emplace_back("page_token", token);
        return get("model-versions/search", query);
      },
      [&](const PythonJson& page) {
        database.write([&](db::Tx& tx) {
          for (const PythonJson& one : list_of(page, "model_versions")) {
            const auto version = meta_integer(one, "version").value_or(0);
            const auto run_id = meta_text(one, "run_id");
            tx.execute(
                "INSERT INTO model_versions (name, version, creation_time, last_updated_time, "
                "description, user_id, current_stage, source, run_id, status, status_message, "
                "run_link, storage_location) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON "
                "CONFLICT DO NOTHING",
                name, version, meta_integer(one, "creation_timestamp"),
                meta_integer(one, "last_updated_timestamp"), meta_text(one, "description"),
                meta_text(one, "user_id"), meta_text(one, "current_stage").value_or("None"),
                meta_text(one, "source"), run_id && !run_id->empty() ? run_id : std::nullopt,
                meta_text(one, "status").value_or("READY"), meta_text(one, "status_message"),
                meta_text(one, "run_link"), meta_text(one, "source"));
            for (const PythonJson& tag : list_of(one, "tags")) {
              tx.execute(
                  "INSERT INTO model_version_tags (\"key\", value, name, version) VALUES (?, ?, ?, "
                  "?) ON CONFLICT DO NOTHING",
                  key_of(tag), value_of(tag), name, version);
            }
          }
        });
      });
}

}  // namespace sandbox::import
