// What an import tells while it works: one Finding a line, to a person or as JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"

namespace sandbox::import {

// How many of one kind the source has and how many of these the lab has, counted in both.
struct Compared {
  std::string kind;  // "runs", "points", "artifacts", …
  std::int64_t source = 0;
  std::int64_t target = 0;
  static constexpr auto fields() {
    return std::tuple{field("kind", &Compared::kind), field("source", &Compared::source),
                      field("target", &Compared::target)};
  }
};

struct Finding {
  // "progress": how far it is; "note": something a person should know, which is no fault.
  // "odd": something of the source that could not be taken over as it is; the note says what.
  // "different": the lab has a thing of that id with other content, which stays.
  // "unreachable": files that could not be read; their URI is kept.
  // "total": the last line: everything counted. "error": the last line: why it ended early.
  std::string kind;
  std::string id;
  std::string note;
  std::optional<std::int64_t> things;  // in "progress": runs and other things done so far
  std::optional<std::int64_t> bytes;   // in "progress": of files
  std::vector<Compared> compared;      // from here in "total" only
  std::optional<std::int64_t> added;   // things that were not there
  std::optional<std::int64_t> present;
  std::optional<std::int64_t> different;
  std::optional<std::int64_t> odd;
  std::optional<std::int64_t> unreachable;
  std::optional<bool> is_equal;  // nothing differs between source and lab
  static constexpr auto fields() {
    return std::tuple{field("kind", &Finding::kind),
                      field("id", &Finding::id),
                      field("note", &Finding::note),
                      field("things", &Finding::things),
                      field("bytes", &Finding::bytes),
                      field("compared", &Finding::compared),
                      field("added", &Finding::added),
                      field("present", &Finding::present),
                      field("different", &Finding::different),
                      field("odd", &Finding::odd),
                      field("unreachable", &Finding::unreachable),
                      field("is_equal", &Finding::is_equal)};
  }
};

// Called from the thread that imports. What it throws ends the import, which can be begun again.
using Report = std::function<void(const Finding&)>;

}  // namespace sandbox::import
