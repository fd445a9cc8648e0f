// Inserts of many rows with few statements, whose texts come from a small set.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::traces {

// `insert` ends before VALUES and `conflict` starts behind it; `values` holds the rows one after
// another, `columns` values each.
inline void insert_rows(db::Tx& tx,
                        std::string_view insert,
                        std::string_view conflict,
                        std::size_t columns,
                        const std::vector<db::Value>& values) {
  constexpr std::array<std::size_t, 3> sizes{64, 8, 1};
  const std::size_t rows = values.size() / columns;
  std::string row = "(";
  for (std::size_t i = 0; i < columns; ++i) row += i == 0 ? "?" : ",?";
  row += ")";
  for (std::size_t start = 0; start < rows;) {
    const std::size_t size = *std::find_if(sizes.begin(), sizes.end(),
                                           [&](std::size_t one) { return one <= rows - start; });
    std::string statement = std::string(insert) + " VALUES ";
    for (std::size_t i = 0; i < size; ++i) statement.append(i == 0 ? "" : ",").append(row);
    statement.append(" ").append(conflict);
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(start * columns);
    tx.execute_values(statement, {first, first + static_cast<std::ptrdiff_t>(size * columns)});
    start += size;
  }
}

}  // namespace sandbox::traces
