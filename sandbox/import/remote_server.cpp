#include "sandbox/import/remote_server.h"

#include <cmath>

#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/import/file_store_meta.h"
#include "sandbox/import/metric_points.h"

namespace sandbox::import {
namespace {

constexpr int answer_ms = 120'000;
constexpr std::int64_t page_rows = 500;
constexpr std::int64_t page_points = 10'000;
constexpr const char* api = "/api/2.0/mlflow/";

PythonJson with_page(PythonJson body, std::int64_t rows, const std::string& token) {
  body.set("max_results", PythonJson::of(rows));
  if (!token.empty()) body.set("page_token", PythonJson::of(token));
  return body;
}

}  // namespace

ServerAddress server_address(const std::string& url, const Login& login) {
  ServerAddress address;
  address.peer.bearer = login.token;
  address.peer.user = login.user;
  address.peer.password = login.password;
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos ||
      (!url.starts_with("http://") && !url.starts_with("https://"))) {
    throw Error(Code::invalid_parameter_value,
                "The address of the other server has to begin with http:// or https://, e.g. "
                "http://localhost:5000.");
  }
  std::string rest = url.substr(scheme + 3);
  const std::size_t slash = rest.find('/');
  std::string host = rest.substr(0, slash);
  if (slash != std::string::npos) address.prefix = rest.substr(slash);
  while (address.prefix.ends_with('/')) address.prefix.pop_back();
  if (const std::size_t at = host.rfind('@'); at != std::string::npos) {
    const std::string who = host.substr(0, at);
    host = host.substr(at + 1);
    const std::size_t colon = who.find(':');
    address.peer.user = percent_decode(who.substr(0, colon)).value_or("");
    if (colon != std::string::npos) {
      address.peer.password = percent_decode(who.substr(colon + 1)).value_or("");
    }
  }
  if (host.empty()) {
    throw Error(Code::invalid_parameter_value, "The address of the other server names no host.");
  }
  address.peer.url = url.substr(0, scheme + 3) + host;
  return address;
}

RemoteServer::RemoteServer(Env& env, const std::string& url, const Login& login, Ledger& ledger)
    : env_(env), address_(server_address(url, login)), ledger_(ledger) {
  PythonJson body = with_page(PythonJson::object(), 1, "");
  if (post_if_known("experiments/search", body)) return;
  throw Error(Code::invalid_parameter_value,
              "At " + address_.peer.url + address_.prefix +
                  " something answers that is no MLflow server of 2.9 or later: it does not know "
                  "experiments/search. Give the address that clients have in MLFLOW_TRACKING_URI.");
}

http::Answer RemoteServer::ask(const http::Question& question) {
  http::Question asked = question;
  asked.target = address_.prefix + question.target;
  asked.timeout_ms = answer_ms;
  ledger_.advance(0, 0);
  const auto answer = http::ask(address_.peer, asked);
  if (!answer) {
    throw Error(Code::invalid_state,
                "The server at " + address_.peer.url +
                    " does not answer. Check its address, that it runs, and that this machine "
                    "reaches it (a proxy or firewall in between?); then run the import again.");
  }
  if (answer->status == 401 || answer->status == 403) {
    throw Error(Code::invalid_parameter_value,
                "The server at " + address_.peer.url + " refuses with " +
                    std::to_string(answer->status) + ": " + answer->body.substr(0, 200) +
                    ". Name a user who may read everything: --user and --password, or --token.");
  }
  return *answer;
}

std::optional<PythonJson> RemoteServer::post_if_known(const std::string& path,
                                                      const PythonJson& body) {
  http::Question question;
  question.method = "POST";
  question.target = path.starts_with('/') ? path : api + path;
  question.json = body.dumps();
  const http::Answer answer = ask(question);
  if (answer.status == 404 || answer.status == 405) return std::nullopt;
  auto read = PythonJson::parse_if_json(answer.body);
  if (answer.status != 200 || !read || !read->is_object()) {
    throw Error(Code::invalid_state,
                "The server at " + address_.peer.url + " answered " + question.target + " with " +
                    std::to_string(answer.status) + ": " + answer.body.substr(0, 200));
  }
  return read;
}

PythonJson RemoteServer::post(const std::string& path, const PythonJson& body) {
  auto answer = post_if_known(path, body);
  if (answer) return std::move(*answer);
  throw Error(Code::invalid_state,
              "The server at " + address_.peer.url + " does not know " + path + ".");
}

std::optional<PythonJson> RemoteServer::get_if_known(const std::string& path, const Query& query) {
  std::string target = path.starts_with('/') ? path : api + path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    target += separator + name + "=" + percent_encode(value);
    separator = '&';
  }
  const http::Answer answer = ask(http::Question{.target = target});
  if (answer.status == 404 || answer.status == 405) return std::nullopt;
  auto read = PythonJson::parse_if_json(answer.body);
  if (answer.status != 200 || !read || !read->is_object()) {
    throw Error(Code::invalid_state, "The server at " + address_.peer.url + " answered " + target +
                                         " with " + std::to_string(answer.status) + ": " +
                                         answer.body.substr(0, 200));
  }
  return read;
}

PythonJson RemoteServer::get(const std::string& path, const Query& query) {
  auto answer = get_if_known(path, query);
  if (answer) return std::move(*answer);
  throw Error(Code::invalid_state,
              "The server at " + address_.peer.url + " does not know " + path + ".");
}

void RemoteServer::for_each_page(const std::function<PythonJson(const std::string& token)>& ask,
                                 const std::function<void(const PythonJson& page)>& take) {
  std::string token;
  do {
    const PythonJson page = ask(token);
    take(page);
    token = meta_text(page, "next_page_token").value_or("");
  } while (!token.empty());
}

void RemoteServer::read_into(db::Database& database) {
  read_experiments(database);
  std::vector<std::int64_t> ids;
  database.read([&](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT experiment_id FROM experiments ORDER BY experiment_id");
    while (rows.next()) ids.push_back(rows.integer(0));
  });
  for (const std::int64_t id : ids) read_runs(database, id);
  for (const std::int64_t id : ids) read_models(database, id);
  for (const std::int64_t id : ids) read_traces(database, id);
  read_registry(database);
  ledger_.note(
      "A server does not tell over its API what it deleted of models, versions and traces, nor "
      "evaluation datasets, scorers and webhooks; importing its database brings the former.");
}

void RemoteServer::read_experiments(db::Database& database) {
  PythonJson body = PythonJson::object();
  body.set("view_type", PythonJson::of("ALL"));
  for_each_page(
      [&](const std::string& token) {
        return post("experiments/search", with_page(body, page_rows, token));
      },
      [&](const PythonJson& page) {
        database.write([&](db::Tx& tx) {
          for (const PythonJson& one : list_of(page, "experiments")) {
            const auto id = meta_integer(one, "experiment_id").value_or(0);
            const std::string stage = meta_text(one, "lifecycle_stage").value_or("active");
            const auto updated = meta_integer(one, "last_update_time");
            if (stage == "deleted" && updated) deleted_experiments_[id] = *updated;
            tx.execute(
                "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
                "creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                id, meta_text(one, "name").value_or(""),
                meta_text(one, "artifact_location").value_or(""), stage,
                meta_integer(one, "creation_time"), updated);
            for (const PythonJson& tag : list_of(one, "tags")) {
              tx.execute(
                  "INSERT INTO experiment_tags (\"key\", value, experiment_id) VALUES (?, ?, ?) ON "
                  "CONFLICT DO NOTHING",
                  meta_text(tag, "key").value_or(""), meta_text(tag, "value").value_or(""), id);
            }
          }
        });
      });
}

void RemoteServer::read_runs(db::Database& database, std::int64_t experiment) {
  PythonJson body = PythonJson::object();
  body.set("experiment_ids", PythonJson::list_of({std::to_string(experiment)}));
  body.set("run_view_type", PythonJson::of("ALL"));
  for_each_page(
      [&](const std::string& token) {
        return post("runs/search", with_page(body, page_rows, token));
      },
      [&](const PythonJson& page) {
        database.write([&](db::Tx& tx) {
          for (const PythonJson& run : list_of(page, "runs")) read_run(tx, run);
        });
        for (const PythonJson& run : list_of(page, "runs")) {
          const std::string id = meta_text(member_of(run, "info"), "run_id").value_or("");
          for (const PythonJson& metric : list_of(member_of(run, "data"), "metrics")) {
            read_history(database, id, meta_text(metric, "key").value_or(""));
          }
        }
      });
}

void RemoteServer::read_run(db::Tx& tx, const PythonJson& run) {
  const PythonJson& info = member_of(run, "info");
  const PythonJson& data = member_of(run, "data");
  const std::string id = meta_text(info, "run_id").value_or("");
  const auto experiment = meta_integer(info, "experiment_id").value_or(0);
  const std::string stage = meta_text(info, "lifecycle_stage").value_or("active");
  std::optional<std::int64_t> deleted;
  if (stage == "deleted") {
    // Deleting an experiment deletes its runs, and is the last change of it. When a run was deleted
    // by itself is not told; for the trash its time begins now.
    const auto with_all = deleted_experiments_.find(experiment);
    deleted = with_all == deleted_experiments_.end() ? env_.now_ms() : with_all->second;
  }
  const std::string uri = meta_text(info, "artifact_uri").value_or("");
  runs_by_uri_[uri] = id;
  tx.execute(
      "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
      "status, start_time, end_time, deleted_time, source_version, lifecycle_stage, artifact_uri, "
      "experiment_id) VALUES (?, ?, 'UNKNOWN', '', '', ?, ?, ?, ?, ?, '', ?, ?, ?) ON CONFLICT DO "
      "NOTHING",
      id, meta_text(info, "run_name"), meta_text(info, "user_id"),
      run_status(info).value_or("RUNNING"), meta_integer(info, "start_time"),
      meta_integer(info, "end_time"), deleted, stage, uri, experiment);
  for (const PythonJson& param : list_of(data, "params")) {
    tx.execute(
        "INSERT INTO params (\"key\", value, run_uuid) VALUES (?, ?, ?) ON CONFLICT DO "
        "NOTHING",
        meta_text(param, "key").value_or(""), meta_text(param, "value").value_or(""), id);
  }
  for (const PythonJson& tag : list_of(data, "tags")) {
    tx.execute(
        "INSERT INTO tags (\"key\", value, run_uuid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        meta_text(tag, "key").value_or(""), meta_text(tag, "value").value_or(""), id);
  }
  read_inputs(tx, run, id, experiment);
}

void RemoteServer::read_inputs(db::Tx& tx,
                               const PythonJson& run,
                               const std::string& id,
                               std::int64_t experiment) {
  const PythonJson& inputs = member_of(run, "inputs");
  for (const PythonJson& input : list_of(inputs, "dataset_inputs")) {
    const PythonJson& dataset = member_of(input, "dataset");
    const std::string name = meta_text(dataset, "name").value_or("");
    const std::string digest = meta_text(dataset, "digest").value_or("");
    // Over the API datasets have no ids: one that is the same every time.
    const std::string dataset_id = made_id(std::to_string(experiment) + "/" + name + "/" + digest);
    tx.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
        "dataset_source, dataset_schema, dataset_profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON "
        "CONFLICT DO NOTHING",
        dataset_id, experiment, name, digest, meta_text(dataset, "source_type").value_or(""),
        meta_text(dataset, "source").value_or(""), meta_text(dataset, "schema"),
        meta_text(dataset, "profile"));
    const std::string input_id = made_id(id + "/inputs/" + dataset_id);
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) "
        "VALUES (?, 'DATASET', ?, 'RUN', ?) ON CONFLICT DO NOTHING",
        input_id, dataset_id, id);
    for (const PythonJson& tag : list_of(input, "tags")) {
      tx.execute(
          "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?) ON CONFLICT DO "
          "NOTHING",
          input_id, meta_text(tag, "key").value_or(""), meta_text(tag, "value").value_or(""));
    }
  }
  for (const PythonJson& input : list_of(inputs, "model_inputs")) {
    const std::string model = meta_text(input, "model_id").value_or("");
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) "
        "VALUES (?, 'RUN_INPUT', ?, 'MODEL_INPUT', ?) ON CONFLICT DO NOTHING",
        made_id(id + "/inputs/" + model), id, model);
  }
  for (const PythonJson& output : list_of(member_of(run, "outputs"), "model_outputs")) {
    const std::string model = meta_text(output, "model_id").value_or("");
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, "
        "step) VALUES (?, 'RUN_OUTPUT', ?, 'MODEL_OUTPUT', ?, ?) ON CONFLICT DO NOTHING",
        made_id(id + "/outputs/" + model), id, model, meta_integer(output, "step").value_or(0));
  }
}

void RemoteServer::read_history(db::Database& database,
                                const std::string& run,
                                const std::string& key) {
  std::optional<Point> latest;
  for_each_page(
      [&](const std::string& token) {
        Query query{
            {"run_id", run}, {"metric_key", key}, {"max_results", std::to_string(page_points)}};
        if (!token.empty()) query.emplace_back("page_token", token);
        return get("metrics/get-history", query);
      },
      [&](const PythonJson& page) {
        database.write([&](db::Tx& tx) {
          for (const PythonJson& one : list_of(page, "metrics")) {
            const Point point(python_number(meta_text(one, "value").value_or("0")).value_or(0),
                              meta_integer(one, "timestamp").value_or(0),
                              meta_integer(one, "step").value_or(0));
            insert_point(tx, run, key, point);
            if (!latest || point.is_later_than(*latest)) latest = point;
          }
        });
      });
  if (latest) {
    database.write([&](db::Tx& tx) { insert_latest_point(tx, run, key, *latest); });
  }
}

}  // namespace sandbox::import
