// A statement of a room as PostgreSQL wants it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::db {

// `?` outside quotes and comments becomes $1, $2, …; numbers and flags say their type, so that a
// bigint column may be compared with 0.5, and text has the type the statement wants at its place.
// REGEXP becomes ~. Throws Error(internal_error) when the count of values differs.
std::string postgres_text(std::string_view sql, const std::vector<Value>& values);

// The same statement with the list after VALUES `rows` times: one statement for many rows.
std::string repeat_values(std::string_view sql, std::size_t rows);

// The statements between the `;` that stand outside quotes and comments, without blank ones.
std::vector<std::string> split_statements(std::string_view text);
// Whether the text ends with such a `;`.
bool ends_statement(std::string_view text);

// A value as PostgreSQL reads it. Throws Error(invalid_parameter_value) for text with a NUL, which
// PostgreSQL cannot keep.
std::string parameter_text(const Value& value);

}  // namespace sandbox::db
