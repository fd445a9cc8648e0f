// Files below a place of the object store: counting and removing them.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifact_location.h"

namespace sandbox::upkeep {

struct Tally {
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
  std::int64_t newest_ms = 0;  // when the last of them was written
};

// The place an artifact URI names, when it is in this store and `id` is a part of its path: a path
// without it may be somebody else's too. nullopt otherwise, and `why_not` is a sentence.
std::optional<artifacts::Location> own_place(const artifacts::Location& destination,
                                             std::string_view artifact_uri,
                                             std::string_view id,
                                             std::string& why_not);

// Everything below the place, counted page by page.
Tally count_below(store::ObjectStore& store, const artifacts::Location& place);
// The first object of the place is enough to answer.
bool has_any(store::ObjectStore& store, const artifacts::Location& place);
// Removes it, durably, page by page; unfinished multipart uploads go as well. Ends early, between
// two pages, when `stop` is asked for.
Tally remove_below(store::ObjectStore& store,
                   const artifacts::Location& place,
                   const std::stop_token& stop);

std::string uri_of(const artifacts::Location& place);

}  // namespace sandbox::upkeep
