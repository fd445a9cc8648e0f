// Which rows hang on a run, a logged model, a trace, an experiment, and how they go: children
// before parents, a bounded number in one transaction. Everything here runs inside the caller's Tx.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/db/database.h"

namespace sandbox::upkeep {

// A DELETE whose parameters are the owner's id and the most rows it may remove.
using Slices = std::span<const std::string_view>;

// The last statement of each removes the owner itself, and finds nothing where the owner must stay
// (a run or an experiment that is not in the deleted stage).
extern const Slices run_rows;
extern const Slices logged_model_rows;
extern const Slices trace_rows;
// What is left of an experiment once its runs, models and traces are gone.
extern const Slices experiment_rows;

// Removes rows until all are gone (true) or `budget` rows have been removed; `budget` is what is
// left of it afterwards.
bool remove_rows(db::Tx& tx, Slices slices, const db::Value& owner, std::int64_t& budget);

}  // namespace sandbox::upkeep
