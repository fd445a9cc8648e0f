#include <algorithm>

#include "sandbox/auth/checks.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

// Files of the artifact proxy belong to the experiment whose number their path begins with:
// <experiment>/<run>/artifacts/…, <experiment>/models/…, <experiment>/traces/….
namespace sandbox::auth {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_run_id(const std::string& text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// What the path below the experiment is part of. Removing takes a whole subtree along, so it is
// judged by everything that may be in it.
std::vector<std::string_view> tiers_of(const std::vector<std::string>& segments, bool removes) {
  if (segments.size() < 2) {
    return removes ? std::vector<std::string_view>{"run", "trace", "logged_model"}
                   : std::vector<std::string_view>{};
  }
  if (segments[1] == "models") return {"logged_model"};
  if (segments[1] == "traces") return {"trace"};
  const bool is_run = is_run_id(segments[1]) || (segments.size() > 2 && segments[2] == "artifacts");
  if (is_run || removes) return {"run"};
  return {};
}

std::optional<std::string> path_asked_for(Question& question) {
  const auto& in_path = question.request().path_parameters;
  if (!in_path.empty()) return in_path.front().second;
  const auto in_query = question.request().query.find("path");
  if (!in_query) return std::nullopt;
  return std::string(*in_query);
}

}  // namespace

namespace check {

bool proxied_artifact(Question& question, Action action) {
  const Grants& grants = question.grants();
  std::vector<std::string> segments;
  try {
    const std::string path =
        question.world().plain_artifact_path(path_asked_for(question).value_or(""));
    for (std::string& segment : split(path, '/')) {
      if (!segment.empty()) segments.push_back(std::move(segment));
    }
  } catch (const Error&) {
    return false;
  }
  if (segments.size() > 2 && segments[0] == "workspaces") {
    segments.erase(segments.begin(), segments.begin() + 2);
  }
  if (segments.empty() || !is_number(segments[0])) {
    return allows(grants.effective({"workspace", "*"}), action);
  }
  const Key experiment{"experiment", segments[0]};
  const auto tiers = tiers_of(segments, action == Action::manage);
  if (tiers.empty()) return grants.meets({experiment, action});
  std::vector<Need> needs{{experiment, Action::read}};
  for (const std::string_view tier : tiers) needs.push_back({{tier, "*"}, action, experiment});
  return grants.meets_all(needs);
}

}  // namespace check
}  // namespace sandbox::auth
