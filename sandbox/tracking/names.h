// What names, keys and ids may look like, and how long values may be. Every function throws
// Error(invalid_parameter_value) with the reference's sentence. Source: mlflow/utils/validation.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::tracking {

inline constexpr std::size_t entity_key_max = 250;    // characters, as all of these
inline constexpr std::size_t param_value_max = 6000;  // longer ones are cut
inline constexpr std::size_t tag_value_max = 8000;    // longer ones are cut
inline constexpr std::size_t experiment_name_max = 500;
inline constexpr std::size_t experiment_tag_value_max = 20000;
inline constexpr std::size_t artifact_location_max = 2048;
inline constexpr std::size_t batch_metrics_max = 1000;
inline constexpr std::size_t batch_params_max = 100;
inline constexpr std::size_t batch_tags_max = 100;
inline constexpr std::size_t batch_entities_max = 1000;

// The tag of a run or an experiment whose permanent removal has begun: some of it may be gone, so
// it cannot be restored.
inline constexpr std::string_view purging_tag = "sandbox.purging";
// What whoever decides between removing for good and restoring locks (db::Tx::lock).
inline constexpr std::string_view trash_lock = "trash";

// "'<what>' exceeds the maximum length of <limit> characters".
void check_length(std::string_view what, std::string_view value, std::size_t limit);

// A metric, param or tag key: letters, digits and _ - . space : / only, equal to its own normalised
// path. `path` is how the sentence names the parameter ("name", "metrics[3].name", "key").
void check_key(std::string_view path, std::string_view key);

// `what` is the name used when the key is too long: "Metric name", "Param key", "key".
void check_entity_key(std::string_view path, std::string_view what, std::string_view key);

// Run ids that could never exist are refused where the reference does so (writes).
void check_run_id(std::string_view run_id);

// The number behind an experiment id of the wire.
std::int64_t parse_experiment_id(std::string_view id);

// POSIX path normalisation as Python's posixpath.normpath.
std::string normal_path(std::string_view path);

// A JSON string with its quotes, for sentences.
std::string quoted(std::string_view text);

}  // namespace sandbox::tracking
