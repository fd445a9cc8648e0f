#include "tests/support/test_database.h"

#include <cstdlib>
#include <string>
#include <utility>

#include <unistd.h>

#include <pqxx/pqxx>

namespace sandbox {
namespace {

const std::string template_name = "sandbox_template";

std::string uri_of(const std::string& cluster, const std::string& name) {
  return "postgresql://sandbox@/" + name + "?host=" + cluster;
}

void run(pqxx::connection& connection, const std::string& sql) {
  pqxx::nontransaction(connection).exec(sql);
}

// Copying a database is several times quicker than making its tables.
void make_template(const std::string& cluster) {
  pqxx::connection connection(uri_of(cluster, "postgres"));
  run(connection, "SELECT pg_advisory_lock(1)");
  const bool exists = !pqxx::nontransaction(connection)
                           .exec("SELECT 1 FROM pg_database WHERE datistemplate AND datname = '" +
                                 template_name + "'")
                           .empty();
  if (exists) return;
  run(connection, "DROP DATABASE IF EXISTS " + template_name);
  run(connection, "CREATE DATABASE " + template_name);
  db::open_database(uri_of(cluster, template_name));
  run(connection, "ALTER DATABASE " + template_name + " IS_TEMPLATE true");
}

class PostgresTestDatabase final : public db::Database {
 public:
  explicit PostgresTestDatabase(std::string cluster) : cluster_(std::move(cluster)) {
    static int made = 0;
    make_template(cluster_);
    name_ = "test_" + std::to_string(getpid()) + "_" + std::to_string(++made);
    pqxx::connection connection(uri_of(cluster_, "postgres"));
    run(connection,
        "CREATE DATABASE " + name_ + " TEMPLATE " + template_name + " STRATEGY file_copy");
    database_ = db::open_database(uri_of(cluster_, name_));
  }
  ~PostgresTestDatabase() override {
    database_.reset();
    pqxx::connection connection(uri_of(cluster_, "postgres"));
    run(connection, "DROP DATABASE " + name_ + " WITH (FORCE)");
  }
  PostgresTestDatabase(const PostgresTestDatabase&) = delete;
  PostgresTestDatabase& operator=(const PostgresTestDatabase&) = delete;

  void write_work(const std::function<void(db::Tx&)>& work) override {
    database_->write_work(work);
  }
  void read_work(const std::function<void(db::Tx&)>& work) override { database_->read_work(work); }
  std::unique_ptr<db::Instant> hold(const std::function<void()>& meanwhile) override {
    return database_->hold(meanwhile);
  }
  [[nodiscard]] std::string uri() const { return uri_of(cluster_, name_); }

 private:
  std::string cluster_;
  std::string name_;
  std::unique_ptr<db::Database> database_;
};

}  // namespace

std::unique_ptr<db::Database> open_test_database(const std::string& sqlite) {
  const char* const cluster = std::getenv("SANDBOX_TEST_POSTGRES");
  if (cluster == nullptr || *cluster == '\0') return db::open_database(sqlite);
  return std::make_unique<PostgresTestDatabase>(cluster);
}

std::string uri_of_test_database(const db::Database& database) {
  const auto* const postgres = dynamic_cast<const PostgresTestDatabase*>(&database);
  return postgres == nullptr ? "" : postgres->uri();
}

}  // namespace sandbox
