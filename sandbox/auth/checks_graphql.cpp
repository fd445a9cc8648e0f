#include <algorithm>
#include <array>

#include "sandbox/auth/checks.h"

// A GraphQL request asks for several things at once and its answer nests further ones. Who may read
// everything may ask everything. Others may ask what MLflow's pages ask: ids in the variables, all
// of things that they may read. Model versions in the answer are filtered (filters.cpp).
namespace sandbox::auth {
namespace {

constexpr int depth_max = 20;

class Variables {
 public:
  explicit Variables(Question& question) : question_(question) {}

  [[nodiscard]] bool are_readable(const JsonView& value,
                                  const std::string& name = "",
                                  int depth = 0) {
    if (depth > depth_max) return false;
    if (value.is_object()) {
      for (const std::string& member : value.names()) {
        if (!are_readable(*value.member(member), member, depth + 1)) return false;
      }
      return true;
    }
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (!are_readable(value.at(i), name, depth + 1)) return false;
      }
      return true;
    }
    return is_readable(value, name);
  }
  [[nodiscard]] bool named_anything() const { return named_; }

 private:
  bool is_readable(const JsonView& value, const std::string& name) {
    std::string id;
    if (!value.read(id)) return true;
    if (name == "experimentId" || name == "experimentIds") {
      named_ = true;
      return reads_experiment(question_.caller(), id);
    }
    if (name != "runId" && name != "runUuid" && name != "runIds") return true;
    named_ = true;
    const auto experiment = question_.world().resources.experiment_of(Thing::run, id);
    if (!experiment) return false;
    const Key parent{"experiment", *experiment};
    return question_.grants().meets_all(
        {{parent, Action::read}, {{"run", "*"}, Action::read, parent}});
  }

  Question& question_;
  bool named_ = false;
};

}  // namespace

// The letters of the query itself must name nothing and rename nothing that is filtered.
bool is_plain(std::string_view query) {
  if (query.find_first_of("\"#") != std::string_view::npos) return false;
  for (std::size_t colon = query.find(':'); colon != std::string_view::npos;
       colon = query.find(':', colon + 1)) {
    std::string_view value = query.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t\r\n,["), value.size()));
    const bool is_number = !value.empty() && value.front() >= '0' && value.front() <= '9';
    if (is_number || value.starts_with("modelVersions")) return false;
  }
  return true;
}

bool searches_only_versions(std::string_view query) {
  constexpr std::array others{"mlflowGetExperiment", "mlflowGetRun",  "mlflowListArtifacts",
                              "mlflowGetMetricHist", "mlflowSearchR", "mlflowSearchD"};
  return query.find("mlflowSearchModelVersions") != std::string_view::npos &&
         std::none_of(others.begin(), others.end(),
                      [&](const char* root) { return query.find(root) != std::string_view::npos; });
}

namespace check {

bool graphql(Question& question, Action /*action*/) {
  if (question.grants().reads_everything()) return true;
  if (question.request().method != "POST") return false;
  const JsonView body = question.body();
  std::string query;
  const auto text = body.member("query");
  if (!text || !text->read(query) || !is_plain(query)) return false;
  Variables variables(question);
  const auto given = body.member("variables");
  return given && variables.are_readable(*given) &&
         (variables.named_anything() || searches_only_versions(query));
}

}  // namespace check
}  // namespace sandbox::auth
