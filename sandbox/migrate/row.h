// A row of a table on its way from one database to the other.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/migrate/tables.h"

namespace sandbox::migrate {

using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using Row = std::vector<Cell>;

// What a row becomes on its way, e.g. with its artifacts' new place. Called for every row that is
// read from the source. Its key must stay.
using RowChange = std::function<void(const Table&, Row&)>;

Row read_row(const Table& table, const db::Rows& rows);
// The values of all columns, for a statement; they point into the row.
std::vector<db::Value> values_of(const Row& row);
// The values of the key's columns, in the order of the key.
std::vector<db::Value> key_values(const Table& table, const Row& row);
// The order of keys that "ORDER BY <key>" has in both engines: numbers by size, FALSE before TRUE,
// text by its UTF-8 bytes.
std::partial_ordering compare_keys(const Table& table, const Row& left, const Row& right);
// "runs(run_uuid=abc)", for sentences.
std::string key_text(const Table& table, const Row& row);

}  // namespace sandbox::migrate
