// One SQLite connection with its prepared statements. Used by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sqlite3.h>

#include "sandbox/db/database.h"

namespace sandbox::db {

class SqliteConnection final : public Tx {
 public:
  // `read_only` connections refuse to write. Throws Error with what was being done.
  SqliteConnection(const std::string& file, bool read_only);
  // Somebody else's file, of which nothing is changed. A `frozen` one is read without its
  // write-ahead log and without locks, so that no file is made beside it: nobody may write to it.
  enum class Foreign { shared, frozen };
  SqliteConnection(const std::string& file, Foreign foreign);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Rows query_values(std::string_view sql, const std::vector<Value>& values) override;
  std::int64_t execute_values(std::string_view sql, const std::vector<Value>& values) override;
  void script(std::string_view sql) override;
  // False as well after a failure for which SQLite has undone the transaction by itself.
  [[nodiscard]] bool is_in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  // Writes what this connection sees into a new file, durably; inside a transaction that is the
  // moment of its beginning.
  void copy_to(const std::string& file);
  std::vector<std::string> tables() override;
  std::vector<Column> columns(std::string_view table) override;

 private:
  friend class SqliteCursor;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  // An idle statement for this text: from the cache, else prepared now.
  sqlite3_stmt* take(std::string_view sql);
  void give_back(std::string_view sql, sqlite3_stmt* statement);
  static void bind(sqlite3_stmt* statement, const std::vector<Value>& values, bool copy_text);
  [[noreturn]] void fail(const std::string& doing) const;

  std::string file_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>, TextHash, std::equal_to<>> idle_;
  std::size_t idle_count_ = 0;
};

}  // namespace sandbox::db
