// The console on PostgreSQL: a session of its own that only reads.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "sandbox/base/env.h"
#include "sandbox/db/console.h"
#include "sandbox/db/postgres_uri.h"

namespace sandbox::db {

class PostgresConsole final : public Console {
 public:
  PostgresConsole(PostgresAddress address, std::int64_t timeout_ms);

  void run(const std::string& statements, ConsoleReader& reader) override;
  [[nodiscard]] bool is_whole(const std::string& text) const override;
  void databases(ConsoleReader& reader) override;
  void tables(ConsoleReader& reader) override;
  void describe(const std::string& table, ConsoleReader& reader) override;
  [[nodiscard]] std::string name() const override;
  void interrupt() noexcept override;

 private:
  // One statement, inside a transaction that only reads and is undone.
  void run_one(const std::string& statement, ConsoleReader& reader);
  pqxx::result ask(const std::string& sql);
  pqxx::result ask_one(const std::string& statement);
  static void show(const std::string& title, const pqxx::result& answer, ConsoleReader& reader);

  PostgresAddress address_;
  pqxx::connection connection_;
  std::atomic<bool> is_running_ = false;
};

}  // namespace sandbox::db
