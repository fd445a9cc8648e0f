// Scorers: what judges traces and answers, registered by name in an experiment, in versions. This
// server keeps their text and does not run them. Source of the rules: MLflow 3.17's tracking store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::evaluation {

struct ScorerVersion {
  std::int64_t experiment_id = 0;  // a number on the wire, here alone
  std::string scorer_name;
  std::int64_t scorer_version = 0;
  std::string serialized_scorer;  // JSON as text
  std::int64_t creation_time = 0;
  std::string scorer_id;  // a dashed UUID
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &ScorerVersion::experiment_id),
                      field("scorer_name", &ScorerVersion::scorer_name),
                      field("scorer_version", &ScorerVersion::scorer_version),
                      field("serialized_scorer", &ScorerVersion::serialized_scorer),
                      field("creation_time", &ScorerVersion::creation_time),
                      field("scorer_id", &ScorerVersion::scorer_id)};
  }
};

struct NewScorer {
  std::string experiment_id;
  std::string name;
  std::string serialized_scorer;
  static constexpr auto fields() {
    return std::tuple{
        required("experiment_id", &NewScorer::experiment_id), required("name", &NewScorer::name),
        required("serialized_scorer", &NewScorer::serialized_scorer, "JSON in a string.")};
  }
};

// Every method may be called from every thread. A scorer is named by its experiment, which has to
// be active, and its name; RESOURCE_DOES_NOT_EXIST when there is none.
class Scorers {
 public:
  // `allow_custom`: scorers that carry code may be registered.
  Scorers(Env& env, db::Database& database, bool allow_custom)
      : env_(env), database_(database), allow_custom_(allow_custom) {}

  // A further version of the scorer, or its first.
  ScorerVersion add(const NewScorer& in);
  // The newest version of every scorer, by experiment, then name.
  std::vector<ScorerVersion> list(const std::string& experiment_id);
  std::vector<ScorerVersion> list_of(const std::vector<std::string>& experiment_ids);
  std::vector<ScorerVersion> list_all();
  // Oldest first.
  std::vector<ScorerVersion> versions(const std::string& experiment_id, const std::string& name);
  // The newest version unless told.
  ScorerVersion get(const std::string& experiment_id,
                    const std::string& name,
                    std::optional<std::int64_t> version);
  // One version, or the scorer with all of them.
  void remove(const std::string& experiment_id,
              const std::string& name,
              std::optional<std::int64_t> version);

 private:
  Env& env_;
  db::Database& database_;
  bool allow_custom_;
};

// For this room, inside a transaction: the scorer's id, nullopt when the experiment has none of
// that name.
std::optional<std::string> find_scorer(db::Tx& tx,
                                       std::int64_t experiment_id,
                                       const std::string& name);
[[noreturn]] void no_scorer(const std::string& experiment_id, const std::string& name);

}  // namespace sandbox::evaluation
