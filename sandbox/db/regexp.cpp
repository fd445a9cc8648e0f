#include "sandbox/db/regexp.h"

#include <string_view>

#include <re2/re2.h>

namespace sandbox::db {
namespace {

std::string_view text_of(sqlite3_value* value) {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return {bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// regexp(pattern, text). SQLite keeps the compiled pattern while it stays the same.
void regexp(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
      sqlite3_value_type(values[1]) == SQLITE_NULL) {
    sqlite3_result_int(context, 0);
    return;
  }
  const auto* compiled = static_cast<const re2::RE2*>(sqlite3_get_auxdata(context, 0));
  if (compiled == nullptr) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    const std::string_view pattern = text_of(values[0]);
    const auto* fresh = new re2::RE2(re2::StringPiece(pattern.data(), pattern.size()), options);
    sqlite3_set_auxdata(context, 0, const_cast<re2::RE2*>(fresh),  // NOLINT
                        [](void* old) { delete static_cast<re2::RE2*>(old); });
    compiled = static_cast<const re2::RE2*>(sqlite3_get_auxdata(context, 0));
    if (compiled == nullptr) {
      sqlite3_result_error_nomem(context);
      return;
    }
  }
  const std::string_view text = text_of(values[1]);
  const bool matches = compiled->ok() && re2::RE2::PartialMatch(
                                             re2::StringPiece(text.data(), text.size()), *compiled);
  sqlite3_result_int(context, matches ? 1 : 0);
}

}  // namespace

void add_regexp(sqlite3* connection) {
  sqlite3_create_function_v2(connection, "regexp", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                             regexp, nullptr, nullptr, nullptr);
}

}  // namespace sandbox::db
