// What the clean-up tells while it works: one Finding a line, to a person or as JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>

#include "sandbox/base/fields.h"

namespace sandbox::upkeep {

struct Finding {
  // "run", "logged_model", "experiment": it is gone (or would go, in a dry run), with its files.
  // "orphan": files whose run, model or trace is gone.
  // "missing": a row that claims files where nothing lies. Never removed, only named.
  // "kept": it was to go and stays; the note says why.
  // "total": the last line: everything counted. "error": the last line: why it ended early.
  std::string kind;
  std::string id;
  std::string place;  // where the files lie, e.g. s3://mlflow/1/<run>/artifacts
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
  std::string note;
  std::optional<std::int64_t> runs;  // these five in "total" only
  std::optional<std::int64_t> logged_models;
  std::optional<std::int64_t> experiments;
  std::optional<std::int64_t> orphans;
  std::optional<std::int64_t> missing;
  static constexpr auto fields() {
    return std::tuple{field("kind", &Finding::kind),
                      field("id", &Finding::id),
                      field("place", &Finding::place),
                      field("objects", &Finding::objects),
                      field("bytes", &Finding::bytes),
                      field("note", &Finding::note),
                      field("runs", &Finding::runs),
                      field("logged_models", &Finding::logged_models),
                      field("experiments", &Finding::experiments),
                      field("orphans", &Finding::orphans),
                      field("missing", &Finding::missing)};
  }
};

// Called from the thread that cleans up. What it throws ends the clean-up, which can be begun
// again.
using Report = std::function<void(const Finding&)>;

}  // namespace sandbox::upkeep
