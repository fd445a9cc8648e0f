#include "sandbox/import/importer.h"

#include <filesystem>

#include "embedded_store/remote/remote_store.h"
#include "sandbox/base/error.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/db/source.h"
#include "sandbox/import/file_store.h"
#include "sandbox/import/objects.h"
#include "sandbox/import/remote_server.h"

namespace sandbox::import {
namespace {

namespace fs = std::filesystem;

// The directory relative artifact paths count from: that of an SQLite file.
std::string directory_of(const std::string& uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme != std::string::npos && !uri.starts_with("sqlite")) return "/";
  const std::string file = scheme == std::string::npos ? uri : uri.substr(scheme + 4);
  return fs::absolute(file).parent_path().string();
}

void need_mlflow(db::Database& source, const std::string& uri) {
  const bool is_mlflow = source.read(
      [](db::Tx& tx) { return !tx.columns("experiments").empty() && !tx.columns("runs").empty(); });
  if (is_mlflow) return;
  const bool is_empty = source.read([](db::Tx& tx) { return tx.tables().empty(); });
  throw Error(Code::invalid_parameter_value,
              "'" + db::without_password(uri) + "' is no MLflow tracking database: it has " +
                  (is_empty ? "no tables at all. " : "no tables 'experiments' and 'runs'. ") +
                  "Name the one that the other server's --backend-store-uri names.");
}

}  // namespace

void Importer::run(const Order& order, const std::stop_token& stop, const Report& report) {
  const std::unique_lock one(importing_, std::try_to_lock);
  if (!one) {
    throw Error(Code::resource_conflict, "An import is running already. Wait until it has ended.");
  }
  // Either may end it: the caller, or the server that stops.
  std::stop_source either;
  const auto end = [&] { either.request_stop(); };
  const std::stop_callback by_caller(stop, end);
  const std::stop_callback by_server(stopping_.get_token(), end);
  Ledger ledger(env_, report, either.get_token());
  if (order.kind == "mlflow-db") {
    import_database(order, ledger);
  } else if (order.kind == "mlruns") {
    import_file_store(order, ledger);
  } else if (order.kind == "mlflow-server") {
    import_server(order, ledger);
  } else if (order.kind == "s3") {
    import_objects(order, ledger);
  } else {
    throw Error(Code::invalid_parameter_value,
                "'" + order.kind +
                    "' is nothing to import from. There is: mlflow-db, mlruns, mlflow-server, s3.");
  }
  report(ledger.total());
}

void Importer::import_database(const Order& order, Ledger& ledger) {
  const auto source = db::open_source_database(order.source);
  need_mlflow(*source, order.source);
  LocalFiles files(directory_of(order.source), order.artifacts);
  Takeover(*source, files.source(), target_, ledger, order.dry_run).run();
}

void Importer::import_file_store(const Order& order, Ledger& ledger) {
  const std::string directory = fs::path(order.source + "/").lexically_normal().parent_path();
  FileStore store(directory, ledger);
  const auto database = db::open_scratch_database();
  store.read_into(*database);
  LocalFiles others(fs::path(directory).parent_path(), order.artifacts);
  Takeover(*database, store.files(others.source()), target_, ledger, order.dry_run).run();
}

void Importer::import_server(const Order& order, Ledger& ledger) {
  if (!order.artifacts.empty()) {
    throw Error(Code::invalid_parameter_value,
                "--artifacts is for mlflow-db and mlruns: the files of a server come through it.");
  }
  RemoteServer server(env_, order.source, {order.user, order.password, order.token}, ledger);
  const auto database = db::open_scratch_database();
  server.read_into(*database);
  Takeover takeover(*database, server.files(), target_, ledger, order.dry_run);
  takeover.ignore_deletion_time();
  takeover.run();
}

void Importer::import_objects(const Order& order, Ledger& ledger) {
  store::RemoteStoreOptions options;
  options.endpoint = order.endpoint;
  if (!order.region.empty()) options.region = order.region;
  options.access_key = order.access_key;
  options.secret_key = Secret(order.secret_key);
  options.session_token = Secret(order.session_token);
  options.ca_file = order.ca_file;
  if (!order.ca_file.empty() && !fs::exists(order.ca_file)) {
    throw Error(Code::invalid_parameter_value,
                "AWS_CA_BUNDLE: there is no file " + order.ca_file + ".");
  }
  const auto source = store::open_remote_store(env_, options);
  ObjectCopy copy(*source, target_.store, ledger, {order.dry_run, order.overwrite});
  for (const ObjectMove& move : object_moves(*source, order.source, order.to)) copy.run(move);
}

}  // namespace sandbox::import
