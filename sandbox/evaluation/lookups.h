// What every noun of this room asks of the tables of others, and lists of ids in SQL.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::evaluation {

inline constexpr std::int64_t max_results_max = 50'000;

// The number of an active experiment; RESOURCE_DOES_NOT_EXIST when there is none, also when it is
// deleted. (tracking::active_experiment answers differently for a deleted one, as the reference
// does for other nouns.)
std::int64_t visible_experiment(db::Tx& tx, const std::string& experiment_id);

// How the lists of this room refuse a max_results out of 1 … max_results_max.
void check_page_size(std::int64_t max_results);

// The word of a wire's enum as the tables keep it, in small letters; nullopt when it is absent,
// unknown or unspecified, which the reference does not tell apart.
std::optional<std::string> kept_word(std::string_view word);

// An id in MLflow's dashed form of a UUID: 8-4-4-4-12 digits.
std::string dashed(std::string_view id);

// Calls `part` with lists of at most id_list_max ids, so that a statement's text "… IN (?,?,…)" is
// always the same; the last list is filled up with its last id. No call for no ids.
inline constexpr std::size_t id_list_max = 50;
inline constexpr std::string_view id_marks =
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
    ",?,"
    "?,?)";
void for_each_id_list(const std::vector<std::string>& ids,
                      const std::function<void(const std::vector<db::Value>& list)>& part);

}  // namespace sandbox::evaluation
