// Brings what another MLflow has into this lab: from its database, its directory of files, the
// server itself, or an S3 server. The source is only read.
#pragma once

#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <tuple>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/import/finding.h"
#include "sandbox/import/takeover.h"

namespace sandbox::import {

struct Order {
  std::string kind;       // "mlflow-db", "mlruns", "mlflow-server", "s3"
  std::string source;     // a database URI, a directory, a URL, an s3:// place
  std::string artifacts;  // where the artifact root of the source lies now; "" where its URIs say
  bool dry_run = false;   // change nothing; count what would come
  std::string user;       // these three for "mlflow-server"
  std::string password;
  std::string token;
  std::string endpoint;  // the others for "s3": the URL of the server that has the source
  std::string region;
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  std::string ca_file;     // PEM, instead of the system's authorities
  std::string to;          // s3://bucket/path in the lab; "" for the source's own bucket and keys
  bool overwrite = false;  // replace objects of the lab that have other content
  static constexpr auto fields() {
    return std::tuple{
        required("kind", &Order::kind, "mlflow-db, mlruns, mlflow-server or s3."),
        required("source", &Order::source, "A database URI, a directory, a URL or s3://bucket."),
        field("artifacts", &Order::artifacts, "Where the source's artifact root lies now."),
        field("dry_run", &Order::dry_run, "Change nothing, count what would come."),
        field("user", &Order::user, "Who logs in at the other server."),
        field("password", &Order::password),
        field("token", &Order::token, "Shown to the other server as a Bearer."),
        field("endpoint", &Order::endpoint, "The URL of the S3 server that has the source."),
        field("region", &Order::region, "Its region."),
        field("access_key", &Order::access_key),
        field("secret_key", &Order::secret_key),
        field("session_token", &Order::session_token),
        field("ca_file", &Order::ca_file, "PEM file that its certificate is checked with."),
        field("to", &Order::to, "Where in the lab, s3://bucket/path."),
        field("overwrite", &Order::overwrite, "Replace what the lab has with other content.")};
  }
};

class Importer {
 public:
  // The collaborators outlive it.
  Importer(Env& env, Target target) : env_(env), target_(std::move(target)) {}

  // One at a time: a second caller gets Error(resource_conflict). Reports what it meets and the
  // total last. May be stopped or killed anywhere: the same order goes on where it ended, and one
  // that is finished adds nothing. Throws Error(invalid_parameter_value) for a source that cannot
  // be read.
  void run(const Order& order, const std::stop_token& stop, const Report& report);
  // Ends an import that runs, soon, and every later one at once.
  void stop() { stopping_.request_stop(); }

 private:
  void import_database(const Order& order, Ledger& ledger);
  void import_file_store(const Order& order, Ledger& ledger);
  void import_server(const Order& order, Ledger& ledger);
  void import_objects(const Order& order, Ledger& ledger);

  Env& env_;
  Target target_;
  std::mutex importing_;  // held by the one import that runs
  std::stop_source stopping_;
};

}  // namespace sandbox::import
