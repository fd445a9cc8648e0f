// The door for a person who asks the metadata database in SQL: it only reads, says errors in the
// database's own words, and hands rows on one by one. It opens a connection of its own, so it works
// beside a running server (which it never blocks) and without one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/env.h"

namespace sandbox::db {

struct ConsoleColumn {
  std::string name;
  // What the table says of the column; an expression says nothing until its values are seen.
  enum class Kind { unknown, number, text } kind = Kind::unknown;
};

// One value of a row; the text lives until the next row.
struct ConsoleCell {
  enum class Kind { null, integer, real, text, bytes } kind = Kind::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text;  // as the database writes it; the bytes themselves for Kind::bytes
};

// Gets the answers: begin, rows and end for each statement that has columns.
class ConsoleReader {
 public:
  virtual ~ConsoleReader() = default;
  virtual void begin(const std::string& title, const std::vector<ConsoleColumn>& columns) = 0;
  virtual void row(const std::vector<ConsoleCell>& cells) = 0;
  virtual void end() = 0;
  // A line below the answer.
  virtual void note(const std::string& line) = 0;
};

// Used by one thread, but for interrupt().
class Console {
 public:
  virtual ~Console() = default;

  // Runs statements separated by ';' until one fails: Error(invalid_parameter_value) with the
  // database's sentence. Whatever would write, attach a file or hold a transaction open is refused.
  virtual void run(const std::string& statements, ConsoleReader& reader) = 0;
  // Whether the text ends with a whole statement, its ';' outside quotes and comments.
  [[nodiscard]] virtual bool is_whole(const std::string& text) const = 0;
  // What \l, \dt and \d NAME show.
  virtual void databases(ConsoleReader& reader) = 0;
  virtual void tables(ConsoleReader& reader) = 0;
  virtual void describe(const std::string& table, ConsoleReader& reader) = 0;
  // The name a prompt shows.
  [[nodiscard]] virtual std::string name() const = 0;
  // Ends the statement that runs; from every thread.
  virtual void interrupt() noexcept = 0;
};

// `timeout_ms` bounds each statement, the reading of its rows included; 0 does not. Throws Error
// for a database that is not there and for what open_database refuses.
std::unique_ptr<Console> open_console(Env& env,
                                      const std::string& backend_store_uri,
                                      std::int64_t timeout_ms);

}  // namespace sandbox::db
