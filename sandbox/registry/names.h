// What registered models, versions, aliases and stages may be called. Every function throws
// Error(invalid_parameter_value) with the reference's sentence. Source: mlflow/utils/validation.py
// and mlflow/entities/model_registry/model_version_stages.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::registry {

inline constexpr std::size_t alias_max = 255;  // characters

// The stage of versions that were deleted; their numbers are not used again. No client sees it.
inline constexpr std::string_view deleted_stage = "Deleted_Internal";

void check_model_name(std::string_view name);
void check_new_model_name(std::string_view new_name);  // of a rename: the sentence names new_name

// The number behind a version of the wire. An integer too large to be anybody's version gives the
// largest int64, so that the caller answers that there is no such version.
std::int64_t parse_version(std::string_view version);

void check_alias(std::string_view alias);
// "latest" and version-like aliases (v1) cannot be set.
void check_alias_is_free(std::string_view alias);
bool is_latest(std::string_view alias);

// None, Staging, Production or Archived for a stage in any case.
std::string canonical_stage(std::string_view stage);

}  // namespace sandbox::registry
