// JSON as Python's json.dumps writes it. MLflow keeps such texts in columns and its searches look
// for pieces of them with LIKE, so spaces, escapes and the form of numbers have to be the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fields_json.h"

namespace sandbox::traces {

// Appends to `out`: ", " and ": " between values, 1.0 and 1e+16 for reals, NaN and Infinity bare.
class PythonJson final : public JsonEvents {
 public:
  // `ascii` writes \uXXXX for everything else (json.dumps' own default); `reals` writes integers as
  // reals, as they come out of protobuf's Value.
  explicit PythonJson(std::string& out, bool ascii = false, bool reals = false)
      : out_(out), ascii_(ascii), reals_(reals) {}

  void null() override;
  void flag(bool value) override;
  void integer(std::int64_t value) override;
  void real(double value) override;
  void text(std::string& value) override { string(value); }
  void begin_object() override { open('{'); }
  void name(std::string& text) override { member(text); }
  void end_object() override { close('}'); }
  void begin_array() override { open('['); }
  void end_array() override { close(']'); }

  void string(std::string_view value);
  void member(std::string_view name);  // before each value of an object
  void raw(std::string_view json);     // a finished value

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string& out_;
  bool ascii_;
  bool reals_;
  bool is_first_ = true;  // nothing was written yet after the last bracket or name
};

// The number as Python's repr writes it.
std::string python_real(double value);

// A JSON text in that form; a text that is no JSON stays as it is.
std::string to_python_json(std::string_view json, bool ascii = false, bool reals = false);

}  // namespace sandbox::traces
