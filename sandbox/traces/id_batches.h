// Lists of ids as `IN (?, …)` of a fixed length, so that a statement for one id and one for a page
// of 500 come from a handful of texts and stay prepared.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::traces {

inline constexpr std::array<std::size_t, 3> id_batches{1, 20, 500};

// "?,?,…"
inline std::string question_marks(std::size_t count) {
  std::string marks;
  for (std::size_t i = 0; i < count; ++i) marks += i == 0 ? "?" : ",?";
  return marks;
}

// Calls `work(ids)` with batches of the lengths above; the last one is filled up with its own last
// id, which names no further row.
template <class Ids, class Work>
void for_each_batch(const Ids& ids, Work work) {
  for (std::size_t start = 0; start < ids.size();) {
    const std::size_t left = ids.size() - start;
    std::size_t size = id_batches.back();
    for (const std::size_t one : id_batches) {
      if (one >= left) {
        size = one;
        break;
      }
    }
    std::vector<db::Value> values;
    values.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      values.emplace_back(std::string_view(ids[std::min(start + i, ids.size() - 1)]));
    }
    work(values);
    start += size;
  }
}

}  // namespace sandbox::traces
