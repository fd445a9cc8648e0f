#include "sandbox/base/python_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox {
namespace {

constexpr int depth_max = 100;  // a deeper text would only serve to exhaust the stack

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A lone surrogate, which Python keeps, becomes the three bytes its number has in this scheme.
void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 0xF];
}

// A lone surrogate is a character too; a byte that starts none stands for itself.
std::string_view first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : byte(0) >= 0xC0 ? 2 : 1;
  if (size > text.size()) return text.substr(0, 1);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return text.substr(0, 1);
  }
  return text.substr(0, size);
}

// One character of UTF-8 as \uXXXX, a pair of them beyond the basic plane.
void append_escape(std::string& out, std::string_view character) {
  std::uint32_t point = static_cast<unsigned char>(character[0]);
  if (character.size() > 1) {
    point &= character.size() == 2 ? 0x1FU : character.size() == 3 ? 0x0FU : 0x07U;
    for (const char c : character.substr(1)) {
      point = point << 6 | (static_cast<unsigned char>(c) & 0x3FU);
    }
  }
  if (point < 0x10000) {
    append_unit(out, point);
  } else {
    append_unit(out, 0xD800 + ((point - 0x10000) >> 10));
    append_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view json) : json_(json) {}

  PythonJson parse() {
    PythonJson value = read(0);
    skip_blanks();
    if (at_ != json_.size()) fail();
    return value;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(Code::bad_request,
                "The text is not valid JSON at character " + std::to_string(at_) + ".");
  }
  void skip_blanks() {
    while (at_ < json_.size() && std::string_view(" \t\n\r").find(json_[at_]) != std::string::npos)
      ++at_;
  }
  [[nodiscard]] char peek() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (!json_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(std::string_view word) {
    if (!take(word)) fail();
  }

  PythonJson read(int depth) {
    if (depth > depth_max) {
      throw Error(Code::bad_request,
                  "The JSON is nested deeper than " + std::to_string(depth_max) + " levels.");
    }
    skip_blanks();
    switch (peek()) {
      case '{': return read_object(depth);
      case '[': return read_list(depth);
      case '"': return PythonJson::of(read_text());
      default: break;
    }
    if (take("null")) return {};
    if (take("true")) return PythonJson::of(true);
    if (take("false")) return PythonJson::of(false);
    if (take("NaN")) return PythonJson::of(std::numeric_limits<double>::quiet_NaN());
    if (take("Infinity")) return PythonJson::of(std::numeric_limits<double>::infinity());
    if (take("-Infinity")) return PythonJson::of(-std::numeric_limits<double>::infinity());
    return read_number();
  }

  PythonJson read_object(int depth) {
    PythonJson value = PythonJson::object();
    expect("{");
    skip_blanks();
    if (take("}")) return value;
    // The last of equal names counts, where the first one stands. Many are looked up in a table, so
    // that a large object does not take very long.
    constexpr std::size_t few = 16;
    std::unordered_map<std::string, std::size_t> places;
    do {
      skip_blanks();
      std::string name = read_text();
      skip_blanks();
      expect(":");
      PythonJson member = read(depth + 1);
      const std::size_t count = value.members.size();
      if (count < few) {
        value.set(name, std::move(member));
      } else {
        for (std::size_t i = places.size(); i < count; ++i) {
          places.emplace(value.members[i].name, i);
        }
        if (const auto place = places.find(name); place != places.end()) {
          value.members[place->second].value = std::move(member);
        } else {
          value.members.push_back({std::move(name), std::move(member)});
        }
      }
      skip_blanks();
    } while (take(","));
    expect("}");
    return value;
  }

  PythonJson read_list(int depth) {
    PythonJson value;
    value.kind = PythonJson::Kind::list;
    expect("[");
    skip_blanks();
    if (take("]")) return value;
    do {
      value.items.push_back(read(depth + 1));
      skip_blanks();
    } while (take(","));
    expect("]");
    return value;
  }

  PythonJson read_number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      if (!is_digit(peek())) fail();
      while (is_digit(peek())) ++at_;
    };
    take("-");
    if (!take("0")) digits();
    bool is_real = false;
    if (take(".")) {
      is_real = true;
      digits();
    }
    if (take("e") || take("E")) {
      is_real = true;
      if (!take("+")) take("-");
      digits();
    }
    const std::string_view text = json_.substr(start, at_ - start);
    if (is_real) return PythonJson::of(read_real(text));
    PythonJson value;
    value.kind = PythonJson::Kind::integer;
    value.text = text == "-0" ? "0" : text;
    return value;
  }

  static double read_real(std::string_view text) {
    double number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc::result_out_of_range) return number;
    // Too small is zero, too large is infinite.
    const bool is_small =
        text.find("e-") != std::string::npos || text.find("E-") != std::string::npos;
    number = is_small ? 0 : std::numeric_limits<double>::infinity();
    return text.front() == '-' ? -number : number;
  }

  std::uint32_t read_hex4() {
    if (at_ + 4 > json_.size()) fail();
    std::uint32_t unit = 0;
    const char* start = json_.data() + at_;
    if (std::from_chars(start, start + 4, unit, 16).ptr != start + 4) fail();
    at_ += 4;
    return unit;
  }

  void read_escape(std::string& out) {
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view values = "\"\\/\b\f\n\r\t";
    if (take("u")) {
      std::uint32_t code = read_hex4();
      if (code >= 0xD800 && code < 0xDC00 && json_.substr(at_).starts_with("\\u")) {
        const std::size_t before = at_;
        at_ += 2;
        const std::uint32_t low = read_hex4();
        if (low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else {
          at_ = before;
        }
      }
      append_utf8(out, code);
      return;
    }
    const std::size_t which = names.find(peek());
    if (at_ == json_.size() || which == std::string_view::npos) fail();
    out += values[which];
    ++at_;
  }

  std::string read_text() {
    expect("\"");
    std::string out;
    while (true) {
      const std::size_t start = at_;
      while (at_ < json_.size() && json_[at_] != '"' && json_[at_] != '\\' &&
             static_cast<unsigned char>(json_[at_]) >= ' ') {
        ++at_;
      }
      out.append(json_, start, at_ - start);
      if (take("\"")) return out;
      if (!take("\\")) fail();
      read_escape(out);
    }
  }

  std::string_view json_;
  std::size_t at_ = 0;
};

void write_literal(std::string& out, const PythonJson& value) {
  switch (value.kind) {
    case PythonJson::Kind::null: out += "None"; return;
    case PythonJson::Kind::boolean: out += value.flag ? "True" : "False"; return;
    case PythonJson::Kind::integer: out += value.text; return;
    case PythonJson::Kind::real: out += python_float(value.number); return;
    case PythonJson::Kind::text: out += python_repr(value.text); return;
    case PythonJson::Kind::list: {
      out += '[';
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i != 0) out += ", ";
        write_literal(out, value.items[i]);
      }
      out += ']';
      return;
    }
    case PythonJson::Kind::object: break;
  }
  out += '{';
  for (std::size_t i = 0; i < value.members.size(); ++i) {
    if (i != 0) out += ", ";
    out += python_repr(value.members[i].name) + ": ";
    write_literal(out, value.members[i].value);
  }
  out += '}';
}

}  // namespace

PythonJson PythonJson::parse(std::string_view json) {
  return Parser(json).parse();
}

std::optional<PythonJson> PythonJson::parse_if_json(std::string_view json) {
  try {
    return parse(json);
  } catch (const Error&) {
    return std::nullopt;
  }
}

PythonJson PythonJson::of(std::string_view text) {
  PythonJson value;
  value.kind = Kind::text;
  value.text = text;
  return value;
}
PythonJson PythonJson::of(const char* text) {
  return of(std::string_view(text));
}
PythonJson PythonJson::of(std::int64_t integer) {
  PythonJson value;
  value.kind = Kind::integer;
  value.text = std::to_string(integer);
  return value;
}
PythonJson PythonJson::of(double real) {
  PythonJson value;
  value.kind = Kind::real;
  value.number = real;
  return value;
}
PythonJson PythonJson::of(bool flag) {
  PythonJson value;
  value.kind = Kind::boolean;
  value.flag = flag;
  return value;
}
PythonJson PythonJson::list_of(const std::vector<std::string>& texts) {
  PythonJson value;
  value.kind = Kind::list;
  for (const std::string& text : texts) value.items.push_back(of(text));
  return value;
}
PythonJson PythonJson::object() {
  PythonJson value;
  value.kind = Kind::object;
  return value;
}

bool PythonJson::is_true() const {
  switch (kind) {
    case Kind::null: return false;
    case Kind::boolean: return flag;
    case Kind::integer: return text != "0";
    case Kind::real: return number != 0;
    case Kind::text: return !text.empty();
    case Kind::list: return !items.empty();
    case Kind::object: return !members.empty();
  }
  return false;
}

const PythonJson* PythonJson::find(std::string_view name) const {
  for (const Member& member : members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

void PythonJson::set(std::string_view name, PythonJson value) {
  for (Member& member : members) {
    if (member.name == name) {
      member.value = std::move(value);
      return;
    }
  }
  members.push_back({std::string(name), std::move(value)});
}

void PythonJson::update(const PythonJson& other) {
  for (const Member& member : other.members) set(member.name, member.value);
}

std::string PythonJson::dumps(bool sort_keys) const {
  std::string out;
  PythonJsonWriter(out, true).value(*this, sort_keys);
  return out;
}

std::string PythonJson::str() const {
  if (kind == Kind::text) return text;
  std::string out;
  write_literal(out, *this);
  return out;
}

std::string_view PythonJson::type_name() const {
  constexpr std::array<std::string_view, 7> names{"NoneType", "bool", "int", "float",
                                                  "str",      "list", "dict"};
  return names.at(static_cast<std::size_t>(kind));
}

void PythonJsonWriter::separate() {
  if (!is_first_) out_ += ", ";
  is_first_ = false;
}

void PythonJsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  is_first_ = true;
}

void PythonJsonWriter::close(char bracket) {
  out_ += bracket;
  is_first_ = false;
}

void PythonJsonWriter::integer(std::int64_t value) {
  if (reals_) return real(static_cast<double>(value));
  raw(std::to_string(value));
}
void PythonJsonWriter::real(double value) {
  raw(python_real(value));
}

void PythonJsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
}

void PythonJsonWriter::string(std::string_view value) {
  separate();
  quote(value);
}

void PythonJsonWriter::member(std::string_view name) {
  separate();
  quote(name);
  out_ += ": ";
  is_first_ = true;
}

void PythonJsonWriter::quote(std::string_view text) {
  out_ += '"';
  std::size_t clean = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_plain = byte >= 0x20 && byte != '"' && byte != '\\' && (byte < 0x7F || !ascii_);
    if (is_plain) {
      ++i;
      continue;
    }
    out_.append(text, clean, i - clean);
    std::size_t length = 1;
    switch (byte) {
      case '"': out_ += "\\\""; break;
      case '\\': out_ += "\\\\"; break;
      case '\n': out_ += "\\n"; break;
      case '\r': out_ += "\\r"; break;
      case '\t': out_ += "\\t"; break;
      case '\b': out_ += "\\b"; break;
      case '\f': out_ += "\\f"; break;
      default: {
        const std::string_view character = first_character(text.substr(i));
        length = character.size();
        append_escape(out_, character);
      }
    }
    i += length;
    clean = i;
  }
  out_.append(text, clean);
  out_ += '"';
}

void PythonJsonWriter::value(const PythonJson& tree, bool sort_keys) {
  switch (tree.kind) {
    case PythonJson::Kind::null: return null();
    case PythonJson::Kind::boolean: return flag(tree.flag);
    case PythonJson::Kind::integer: return raw(tree.text);
    case PythonJson::Kind::real: return real(tree.number);
    case PythonJson::Kind::text: return string(tree.text);
    case PythonJson::Kind::list:
      begin_array();
      for (const PythonJson& item : tree.items) value(item, sort_keys);
      return end_array();
    case PythonJson::Kind::object: break;
  }
  std::vector<const PythonJson::Member*> members;
  members.reserve(tree.members.size());
  for (const PythonJson::Member& one : tree.members) members.push_back(&one);
  if (sort_keys) {
    std::sort(members.begin(), members.end(),
              [](const auto* left, const auto* right) { return left->name < right->name; });
  }
  begin_object();
  for (const PythonJson::Member* one : members) {
    member(one->name);
    value(one->value, sort_keys);
  }
  end_object();
}

std::string to_python_json(std::string_view json, bool ascii, bool reals) {
  std::string out;
  PythonJsonWriter writer(out, ascii, reals);
  if (!walk_json(json, writer)) return std::string(json);
  return out;
}

std::string python_quoted(std::string_view text, bool ascii) {
  std::string json;
  PythonJsonWriter(json, ascii).string(text);
  return json;
}

std::string python_real(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  return python_float(number);
}

std::string python_float(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                 std::chars_format::scientific);
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  // Python writes exponents only below 1e-4 and from 1e16 on, and then as "d.ddde-07".
  const double size = std::abs(number);
  if (number != 0 && (size < 1e-4 || size >= 1e16)) return std::string(shortest);
  std::array<char, 40> fixed{};
  const auto fixed_end =
      std::to_chars(fixed.data(), fixed.data() + fixed.size(), number, std::chars_format::fixed);
  std::string out(fixed.data(), static_cast<std::size_t>(fixed_end.ptr - fixed.data()));
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string python_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\x";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 0xF];
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string python_repr(const std::vector<std::string>& texts) {
  std::vector<std::string> shown;
  shown.reserve(texts.size());
  for (const std::string& text : texts) shown.push_back(python_repr(text));
  return "[" + join(shown, ", ") + "]";
}

}  // namespace sandbox
