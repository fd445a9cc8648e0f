#include "sandbox/base/error.h"
#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/scorers.h"

namespace sandbox::evaluation {
namespace {

struct RegisteredScorer {
  std::int64_t version = 0;
  std::string scorer_id;
  std::string experiment_id;
  std::string name;
  std::string serialized_scorer;
  std::int64_t creation_time = 0;
  static constexpr auto fields() {
    return std::tuple{field("version", &RegisteredScorer::version),
                      field("scorer_id", &RegisteredScorer::scorer_id),
                      field("experiment_id", &RegisteredScorer::experiment_id),
                      field("name", &RegisteredScorer::name),
                      field("serialized_scorer", &RegisteredScorer::serialized_scorer),
                      field("creation_time", &RegisteredScorer::creation_time)};
  }
};

struct ScorerAnswer {
  ScorerVersion scorer;
  static constexpr auto fields() { return std::tuple{field("scorer", &ScorerAnswer::scorer)}; }
};

struct ScorerList {
  std::vector<ScorerVersion> scorers;
  static constexpr auto fields() { return std::tuple{field("scorers", &ScorerList::scorers)}; }
};

struct ListScorers {
  std::string experiment_id;
  std::vector<std::string> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &ListScorers::experiment_id, "Of one experiment."),
                      field("experiment_ids", &ListScorers::experiment_ids, "Of several.")};
  }
};

struct ScorerName {
  std::string experiment_id;
  std::string name;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &ScorerName::experiment_id),
                      required("name", &ScorerName::name)};
  }
};

struct OneScorerVersion {
  std::string experiment_id;
  std::string name;
  std::optional<std::int64_t> version;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &OneScorerVersion::experiment_id),
                      required("name", &OneScorerVersion::name),
                      field("version", &OneScorerVersion::version)};
  }
};

ScorerList list(Scorers& scorers, const ListScorers& in) {
  if (!in.experiment_id.empty() && !in.experiment_ids.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to "
                "scope the query to multiple experiments, or 'experiment_id' to scope it to a "
                "single experiment.");
  }
  if (!in.experiment_ids.empty()) return {scorers.list_of(in.experiment_ids)};
  if (!in.experiment_id.empty()) return {scorers.list(in.experiment_id)};
  return {scorers.list_all()};
}

}  // namespace

void install_scorers(http::Api& api, Scorers& scorers) {
  const std::string root = "3.0/mlflow/scorers";
  api.post<NewScorer, RegisteredScorer>(
      root + "/register", "Register a scorer, or a further version of it.",
      [&](const NewScorer& in) {
        const ScorerVersion made = scorers.add(in);
        return RegisteredScorer{
            made.scorer_version, made.scorer_id,         std::to_string(made.experiment_id),
            made.scorer_name,    made.serialized_scorer, made.creation_time};
      });
  api.get<ListScorers, ScorerList>(root + "/list", "The newest version of every scorer.",
                                   [&](const ListScorers& in) { return list(scorers, in); });
  api.get<ScorerName, ScorerList>(root + "/versions", "The versions of a scorer.",
                                  [&](const ScorerName& in) {
                                    return ScorerList{scorers.versions(in.experiment_id, in.name)};
                                  });
  api.get<OneScorerVersion, ScorerAnswer>(
      root + "/get", "A version of a scorer, the newest unless told.",
      [&](const OneScorerVersion& in) {
        return ScorerAnswer{scorers.get(in.experiment_id, in.name, in.version)};
      });
  api.remove<OneScorerVersion, Empty>(root + "/delete",
                                      "Delete a version of a scorer, all of them unless told.",
                                      [&](const OneScorerVersion& in) {
                                        scorers.remove(in.experiment_id, in.name, in.version);
                                        return Empty{};
                                      });
}

}  // namespace sandbox::evaluation
