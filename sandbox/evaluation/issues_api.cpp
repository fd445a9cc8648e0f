#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/issues.h"

namespace sandbox::evaluation {
namespace {

struct IssueAnswer {
  Issue issue;
  static constexpr auto fields() { return std::tuple{field("issue", &IssueAnswer::issue)}; }
};

struct GetIssue {
  std::string issue_id;
  static constexpr auto fields() { return std::tuple{in_path("issue_id", &GetIssue::issue_id)}; }
};

}  // namespace

void install_issues(http::Api& api, Issues& issues) {
  const std::string root = "3.0/mlflow/issues";
  api.post<NewIssue, IssueAnswer>(
      root, "Create an issue of an experiment.",
      [&](const NewIssue& in) { return IssueAnswer{issues.create(in)}; });
  api.post<SearchIssues, IssuePage>(root + "/search", "Search issues.",
                                    [&](const SearchIssues& in) { return issues.search(in); });
  api.get<GetIssue, IssueAnswer>(
      root + "/{issue_id}", "An issue by its id.",
      [&](const GetIssue& in) { return IssueAnswer{issues.get(in.issue_id)}; });
  api.patch<UpdateIssue, IssueAnswer>(
      root + "/{issue_id}", "Change an issue.",
      [&](const UpdateIssue& in) { return IssueAnswer{issues.update(in)}; });
}

}  // namespace sandbox::evaluation
