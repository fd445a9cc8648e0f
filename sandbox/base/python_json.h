// JSON as Python's json module reads and writes it. MLflow stores and hashes such text, so what is
// written into its tables has to be the same byte for byte. It differs from the wire's JSON
// (fields_json.h): members keep their order, whole numbers may have any length, NaN and Infinity
// are words, and what is not ASCII is escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fields_json.h"

namespace sandbox {

struct PythonJson {
  enum class Kind { null, boolean, integer, real, text, list, object };
  struct Member;

  Kind kind = Kind::null;
  bool flag = false;
  double number = 0;              // of a real
  std::string text;               // of a text, UTF-8; the digits of an integer
  std::vector<PythonJson> items;  // of a list
  std::vector<Member> members;    // of an object, in the order they came; names are unique

  // What json.loads reads. Throws Error(bad_request) naming the place when the text is not JSON or
  // is nested deeper than 100 levels.
  static PythonJson parse(std::string_view json);
  static std::optional<PythonJson> parse_if_json(std::string_view json);
  static PythonJson of(std::string_view text);
  static PythonJson of(const char* text);
  static PythonJson of(std::int64_t integer);
  static PythonJson of(double real);
  static PythonJson of(bool flag);
  static PythonJson list_of(const std::vector<std::string>& texts);
  static PythonJson object();

  [[nodiscard]] bool is_null() const { return kind == Kind::null; }
  [[nodiscard]] bool is_text() const { return kind == Kind::text; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_object() const { return kind == Kind::object; }
  // Python's truth: null, false, 0, "", [] and {} are not.
  [[nodiscard]] bool is_true() const;
  // The member of an object; null when there is none, and when this is no object.
  [[nodiscard]] const PythonJson* find(std::string_view name) const;
  // Of an object: replaces the member where it stands, or appends it.
  void set(std::string_view name, PythonJson value);
  // dict.update: every member of `other` is set.
  void update(const PythonJson& other);

  // What json.dumps writes; `sort_keys` orders the members of every object by name.
  [[nodiscard]] std::string dumps(bool sort_keys = false) const;
  // What str() writes: a text as it is, everything else as Python's literal.
  [[nodiscard]] std::string str() const;
  // "dict", "int" and so on.
  [[nodiscard]] std::string_view type_name() const;
};

struct PythonJson::Member {
  std::string name;
  PythonJson value;
};

// Appends to `out` what json.dumps writes, piece by piece and without a tree.
class PythonJsonWriter final : public JsonEvents {
 public:
  // `ascii` writes \uXXXX for everything else (json.dumps' own default); `reals` writes integers as
  // reals, as they come out of protobuf's Value.
  explicit PythonJsonWriter(std::string& out, bool ascii = false, bool reals = false)
      : out_(out), ascii_(ascii), reals_(reals) {}

  void null() override { raw("null"); }
  void flag(bool value) override { raw(value ? "true" : "false"); }
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
  void value(const PythonJson& tree, bool sort_keys = false);

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

// A JSON text as json.dumps writes it; a text that is no JSON stays as it is.
std::string to_python_json(std::string_view json, bool ascii = false, bool reals = false);
// The text as a JSON text.
std::string python_quoted(std::string_view text, bool ascii = true);

// What json.dumps writes for a float: as python_float, but NaN, Infinity and -Infinity.
std::string python_real(double number);
// The literal of a float: 0.1, 1e-07, 1e+16, 2.0, nan, inf.
std::string python_float(double number);
// The literal of a text: in single quotes unless there is one inside.
std::string python_repr(std::string_view text);
// ['a', 'b']
std::string python_repr(const std::vector<std::string>& texts);

}  // namespace sandbox
