#include "sandbox/traces/python_json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "sandbox/base/text.h"

namespace sandbox::traces {
namespace {

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 0x0F];
}

// One character of UTF-8 as \uXXXX, a pair of them beyond the basic plane.
void append_code_point(std::string& out, std::string_view character) {
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

}  // namespace

std::string python_real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view scientific(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = scientific.find('e');
  const bool is_negative_power = scientific[e + 1] == '-';
  const std::int64_t power = parse_int64(scientific.substr(e + 2)).value_or(0);
  constexpr std::int64_t smallest_plain = 4;
  constexpr std::int64_t largest_plain = 15;
  if (power > (is_negative_power ? smallest_plain : largest_plain)) return std::string(scientific);
  const auto plain_end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed)
          .ptr;
  std::string plain(buffer.data(), plain_end);
  if (plain.find('.') == std::string::npos) plain += ".0";
  return plain;
}

void PythonJson::separate() {
  if (!is_first_) out_ += ", ";
  is_first_ = false;
}

void PythonJson::open(char bracket) {
  separate();
  out_ += bracket;
  is_first_ = true;
}

void PythonJson::close(char bracket) {
  out_ += bracket;
  is_first_ = false;
}

void PythonJson::null() {
  raw("null");
}
void PythonJson::flag(bool value) {
  raw(value ? "true" : "false");
}
void PythonJson::integer(std::int64_t value) {
  if (reals_) return real(static_cast<double>(value));
  raw(std::to_string(value));
}
void PythonJson::real(double value) {
  raw(python_real(value));
}

void PythonJson::raw(std::string_view json) {
  separate();
  out_ += json;
}

void PythonJson::string(std::string_view value) {
  separate();
  quote(value);
}

void PythonJson::member(std::string_view name) {
  separate();
  quote(name);
  out_ += ": ";
  is_first_ = true;
}

void PythonJson::quote(std::string_view text) {
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
      case 0x7F: out_ += '\x7F'; break;
      default: {
        const std::string_view character = utf8_prefix(text.substr(i), 1);
        length = character.size();
        append_code_point(out_, character);
      }
    }
    i += length;
    clean = i;
  }
  out_.append(text, clean);
  out_ += '"';
}

std::string to_python_json(std::string_view json, bool ascii, bool reals) {
  std::string out;
  PythonJson writer(out, ascii, reals);
  if (!walk_json(json, writer)) return std::string(json);
  return out;
}

}  // namespace sandbox::traces
