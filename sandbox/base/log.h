// The program's log: one line an event, `key=value` pairs after the message. Safe from every
// thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace sandbox {

// Text that must never reach a log, an answer or a terminal by accident: it prints as ***.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  // The secret itself, for the one place that needs it.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace sandbox

namespace sandbox::log {

struct Pair {
  Pair(std::string_view name, std::string_view text) : key(name), value(text) {}
  Pair(std::string_view name, const char* text) : key(name), value(text) {}
  Pair(std::string_view name, const std::string& text) : key(name), value(text) {}
  Pair(std::string_view name, const Secret& /*secret*/) : key(name), value("***") {}
  template <class Number>
  requires std::is_arithmetic_v<Number> Pair(std::string_view name, Number number)
      : key(name), value(std::to_string(number)) {}
  std::string_view key;
  std::string value;
};

enum class Level { debug, info, warning, error };

// Where lines go from now on: a file that is appended to, or standard error when the path is empty.
// A full file is renamed to name.1.log and a new one begun; a few old ones are kept. With
// `echo_warnings` warnings and errors go to standard error as well.
void open(const std::string& path, Level least = Level::info, bool echo_warnings = false);
void write(Level level, std::string_view message, std::initializer_list<Pair> pairs = {});

inline void debug(std::string_view message, std::initializer_list<Pair> pairs = {}) {
  write(Level::debug, message, pairs);
}
inline void info(std::string_view message, std::initializer_list<Pair> pairs = {}) {
  write(Level::info, message, pairs);
}
inline void warning(std::string_view message, std::initializer_list<Pair> pairs = {}) {
  write(Level::warning, message, pairs);
}
inline void error(std::string_view message, std::initializer_list<Pair> pairs = {}) {
  write(Level::error, message, pairs);
}

}  // namespace sandbox::log
