// Rewrites where artifacts lie, in every column that says it: what moving files to another bucket,
// prefix or server ends with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::artifacts {

struct RewrittenColumn {
  std::string_view column;  // "runs.artifact_uri"
  std::int64_t rows = 0;
};

// Every URI that is `from` or lies below it (from + "/…") lies below `to` afterwards; others stay,
// also those that only begin with the same letters. Neither ends with '/'. In experiments, runs,
// logged models, model versions, traces and workspaces the whole value is a URI; in the sources of
// datasets and of evaluation records and in the tag mlflow.log-model.history URIs are JSON strings.
// Answers the columns with rows to rewrite, and how many. Throws Error(invalid_parameter_value)
// before anything is changed when a value would become longer than its column.
std::vector<RewrittenColumn> rewrite_uris(db::Tx& tx, std::string_view from, std::string_view to);

// The same count, changing nothing. Throws the same.
std::vector<RewrittenColumn> count_uris(db::Tx& tx, std::string_view from, std::string_view to);

}  // namespace sandbox::artifacts
