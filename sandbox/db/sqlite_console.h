// The Console of an SQLite file.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "sandbox/db/console.h"

namespace sandbox::db {

class SqliteConsole final : public Console {
 public:
  SqliteConsole(Env& env, const std::string& file, std::int64_t timeout_ms);
  ~SqliteConsole() override;
  SqliteConsole(const SqliteConsole&) = delete;
  SqliteConsole& operator=(const SqliteConsole&) = delete;

  void run(const std::string& statements, ConsoleReader& reader) override;
  [[nodiscard]] bool is_whole(const std::string& text) const override;
  void databases(ConsoleReader& reader) override;
  void tables(ConsoleReader& reader) override;
  void describe(const std::string& table, ConsoleReader& reader) override;
  [[nodiscard]] std::string name() const override;
  void interrupt() noexcept override;

 private:
  void open();
  void begin_statement();
  void check_time() const;
  // The first statement of the text; `rest` is what follows it. Null for blanks and comments.
  sqlite3_stmt* prepare(std::string_view text, std::string_view& rest);
  void step_through(sqlite3_stmt* statement, const std::string& title, ConsoleReader& reader);
  // The text cells of a query of our own.
  std::vector<std::vector<std::string>> ask(const std::string& sql, const std::string& value = "");
  [[noreturn]] void fail();

  Env& env_;
  std::string file_;
  std::int64_t timeout_ms_;
  std::int64_t began_ns_ = 0;
  sqlite3* handle_ = nullptr;
  std::string refused_;  // what the authorizer refused last, for the sentence
  std::atomic<bool> interrupted_ = false;
};

}  // namespace sandbox::db
