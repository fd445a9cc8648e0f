// An MLflow tracking server asked over its REST API, of MLflow 2.9 to 3.17: everything it tells is
// read into a database with MLflow's schema.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/python_json.h"
#include "sandbox/db/database.h"
#include "sandbox/http/client.h"
#include "sandbox/import/files.h"
#include "sandbox/import/ledger.h"

namespace sandbox::import {

struct Login {
  std::string user;
  std::string password;
  std::string token;
};

// "http://user:pw@host:5000/mlflow/" as the server's address, the prefix before its paths, and the
// user in it. Throws Error(invalid_parameter_value) for what is no http URL; never repeats it
// whole, because it may hold a password.
struct ServerAddress {
  http::Peer peer;
  std::string prefix;
};
ServerAddress server_address(const std::string& url, const Login& login);

class RemoteServer {
 public:
  // Throws Error(invalid_parameter_value) when nothing answers there, or nothing like MLflow.
  RemoteServer(Env& env, const std::string& url, const Login& login, Ledger& ledger);

  void read_into(db::Database& database);
  // Files through the server: by its artifact proxy, or by the run they belong to. This must
  // outlive what is answered.
  FileSource files();

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;
  struct Folder;

  http::Answer ask(const http::Question& question);
  PythonJson get(const std::string& path, const Query& query);
  PythonJson post(const std::string& path, const PythonJson& body);
  // nullopt where the server does not know the endpoint.
  std::optional<PythonJson> get_if_known(const std::string& path, const Query& query);
  std::optional<PythonJson> post_if_known(const std::string& path, const PythonJson& body);
  // Every page of a search, each handed on.
  void for_each_page(const std::function<PythonJson(const std::string& token)>& ask,
                     const std::function<void(const PythonJson& page)>& take);

  void read_experiments(db::Database& database);
  void read_runs(db::Database& database, std::int64_t experiment);
  void read_run(db::Tx& tx, const PythonJson& run);
  void read_inputs(db::Tx& tx,
                   const PythonJson& run,
                   const std::string& id,
                   std::int64_t experiment);
  void read_history(db::Database& database, const std::string& run, const std::string& key);
  void read_models(db::Database& database, std::int64_t experiment);
  void read_model(db::Tx& tx, const PythonJson& model);
  void read_traces(db::Database& database, std::int64_t experiment);
  void read_trace(db::Tx& tx, const PythonJson& trace, std::int64_t experiment);
  void read_spans(db::Tx& tx, const std::string& trace, std::int64_t experiment);
  void read_registry(db::Database& database);
  void read_registered_model(db::Tx& tx, const PythonJson& model);
  void read_versions(db::Database& database, const std::string& name, bool is_prompt);

  std::optional<FileTree> find(const std::string& uri, std::string& why);
  void list(const Folder& folder, const std::string& path, std::vector<FileEntry>& files);

  Env& env_;
  ServerAddress address_;
  Ledger& ledger_;
  std::map<std::string, std::string> runs_by_uri_;
  std::map<std::int64_t, std::int64_t> deleted_experiments_;  // when, in ms
};

}  // namespace sandbox::import
