// Where a model version's files may come from. A source must not point the server at files that the
// client could not read otherwise: local paths and proxied artifacts have to lie inside the run or
// logged model the request names. Source of the rules: mlflow/server/handlers.py and
// mlflow/store/artifact/host_policy.py of MLflow 3.17.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::registry {

inline constexpr std::size_t source_bytes_max = 8192;

struct SourceRules {
  // Schemes such as "https" or "hdfs" that name a host to connect to; all others of that kind are
  // refused (MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES).
  std::vector<std::string> allowed_host_schemes;
  // When not empty, an ECMAScript pattern that must be found in every source
  // (MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX).
  std::string pattern;
};

// A version's source and what it was made from.
struct Origin {
  std::string source;
  std::optional<std::string> run_id;
  std::optional<std::string> model_id;
  std::string storage_location;
};

// Applies the rules. A models:/name/… source becomes models:/name/<number>, and takes run and
// logged model from that version when the request gives none. Throws Error(invalid_parameter_value)
// for what is refused and Error(resource_does_not_exist) for models and versions that are not
// there.
Origin check_source(db::Tx& tx, const SourceRules& rules, Origin requested, bool is_prompt);

// Fills storage_location, and run_id from the logged model when the request gave none.
void locate(db::Tx& tx, Origin& origin);

}  // namespace sandbox::registry
