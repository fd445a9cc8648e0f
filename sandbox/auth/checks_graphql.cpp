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

// Whether there is a query that is plain.
bool read_query(Question& question, std::string& query) {
  const auto text = question.body().member("query");
  return text && text->read(query) && is_plain(query);
}

// What a query asks for, where that is one thing under its own name: its names begin so, and those
// of no types do.
std::optional<std::string> only_root(std::string_view query) {
  constexpr std::string_view start = "mlflow";
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::optional<std::string> found;
  for (std::size_t at = query.find(start); at != std::string_view::npos;
       at = query.find(start, at + start.size())) {
    if (at > 0 && (is_letter(query[at - 1]) || query[at - 1] == '$')) continue;
    const std::size_t before = query.substr(0, at).find_last_not_of(" \t\r\n,");
    if (found || before == std::string_view::npos || query[before] == ':') return std::nullopt;
    const auto* const end = std::find_if_not(query.begin() + at, query.end(), is_letter);
    found.emplace(query.begin() + at, end);
  }
  return found;
}

}  // namespace

namespace check {

bool graphql(Question& question, Action /*action*/) {
  if (question.grants().reads_everything()) return true;
  if (question.request().method != "POST") return false;
  std::string query;
  if (!read_query(question, query)) return false;
  Variables variables(question);
  const auto given = question.body().member("variables");
  return given && variables.are_readable(*given) &&
         (variables.named_anything() || searches_only_versions(query));
}

}  // namespace check

std::optional<http::Response> graphql_refusal(Question& question) {
  std::string query;
  if (question.request().method != "POST" || !read_query(question, query)) return std::nullopt;
  const auto root = only_root(query);
  if (!root) return std::nullopt;
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  writer.name("data");
  writer.begin_object();
  writer.name(*root);
  writer.null();
  writer.end_object();
  writer.name("errors");
  writer.null();
  writer.end_object();
  return http::Response::json(200, json);
}

}  // namespace sandbox::auth
