#include "sandbox/db/postgres_statement.h"

#include <array>
#include <charconv>
#include <cmath>

#include "sandbox/base/error.h"

namespace sandbox::db {
namespace {

// The end of what starts at `from` and holds no SQL: a quoted text or name, or a comment. `from`
// itself when it is none of these.
std::size_t skip_quiet(std::string_view sql, std::size_t from) {
  const char c = sql[from];
  if (c == '\'' || c == '"') {
    // A doubled quote ends one text and starts the next.
    const std::size_t end = sql.find(c, from + 1);
    return end == std::string_view::npos ? sql.size() : end + 1;
  }
  if (sql.substr(from).starts_with("--")) {
    const std::size_t end = sql.find('\n', from);
    return end == std::string_view::npos ? sql.size() : end;
  }
  return from;
}

std::string_view type_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::boolean: return "::boolean";
    case Value::Kind::integer: return "::bigint";
    case Value::Kind::real: return "::double precision";
    case Value::Kind::null:
    case Value::Kind::text: return "";
  }
  return "";
}

// The whole "(…)" behind VALUES.
std::string_view values_list(std::string_view sql) {
  const std::size_t word = sql.find("VALUES (");
  if (word == std::string_view::npos) {
    throw Error(Code::internal_error,
                "A statement for many rows has no VALUES: " + std::string(sql));
  }
  const std::size_t open = word + std::string_view("VALUES ").size();
  int depth = 0;
  for (std::size_t at = open; at < sql.size(); ++at) {
    if (const std::size_t end = skip_quiet(sql, at); end != at) {
      at = end - 1;
      continue;
    }
    if (sql[at] == '(') ++depth;
    if (sql[at] == ')' && --depth == 0) return sql.substr(open, at + 1 - open);
  }
  throw Error(Code::internal_error, "A list of VALUES does not end: " + std::string(sql));
}

}  // namespace

std::string postgres_text(std::string_view sql, const std::vector<Value>& values) {
  constexpr std::string_view regexp = " REGEXP ";
  std::string out;
  out.reserve(sql.size() + values.size() * 10);
  std::size_t count = 0;
  for (std::size_t at = 0; at < sql.size();) {
    if (const std::size_t end = skip_quiet(sql, at); end != at) {
      out.append(sql.substr(at, end - at));
      at = end;
    } else if (sql[at] == '?') {
      if (count < values.size()) {
        out.append("$").append(std::to_string(count + 1)).append(type_of(values[count].kind()));
      }
      ++count;
      ++at;
    } else if (sql.substr(at).starts_with(regexp)) {
      out.append(" ~ ");
      at += regexp.size();
    } else {
      out += sql[at++];
    }
  }
  if (count != values.size()) {
    throw Error(Code::internal_error, "A statement has " + std::to_string(count) + " places for " +
                                          std::to_string(values.size()) +
                                          " values: " + std::string(sql));
  }
  return out;
}

std::string repeat_values(std::string_view sql, std::size_t rows) {
  const std::string_view list = values_list(sql);
  const auto end = static_cast<std::size_t>(list.data() + list.size() - sql.data());
  std::string out(sql.substr(0, end));
  for (std::size_t i = 1; i < rows; ++i) out.append(", ").append(list);
  return out.append(sql.substr(end));
}

std::string parameter_text(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return {};
    case Value::Kind::boolean: return value.integer() != 0 ? "t" : "f";
    case Value::Kind::integer: return std::to_string(value.integer());
    case Value::Kind::real: {
      if (std::isnan(value.real())) return "NaN";
      if (std::isinf(value.real())) return value.real() > 0 ? "Infinity" : "-Infinity";
      std::array<char, 40> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.real());
      return {digits.data(), end.ptr};
    }
    case Value::Kind::text:
      if (value.text().find('\0') != std::string_view::npos) {
        throw Error(Code::invalid_parameter_value,
                    "PostgreSQL cannot keep a text with a NUL (0x00) in it. Leave it out.");
      }
      return std::string(value.text());
  }
  return {};
}

}  // namespace sandbox::db
