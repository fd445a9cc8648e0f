// Issues: problems found in the traces of an experiment. A trace is tied to an issue by an
// assessment of type "issue" that bears the issue's id as its name. Source of the rules: MLflow
// 3.17's tracking store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::evaluation {

struct Issue {
  std::string issue_id;  // "iss-…"
  std::string experiment_id;
  std::string name;
  std::string description;
  std::string status;                   // pending, rejected, resolved
  std::optional<std::string> severity;  // not_an_issue, low, medium, high
  std::vector<std::string> root_causes;
  std::optional<std::string> source_run_id;  // the run that found it
  std::int64_t created_timestamp = 0;        // epoch ms
  std::int64_t last_updated_timestamp = 0;
  std::optional<std::string> created_by;
  std::vector<std::string> categories;
  std::optional<std::int64_t> trace_count;  // only when a search asks for it
  static constexpr auto fields() {
    return std::tuple{field("issue_id", &Issue::issue_id),
                      field("experiment_id", &Issue::experiment_id),
                      field("name", &Issue::name),
                      field("description", &Issue::description),
                      field("status", &Issue::status),
                      field("severity", &Issue::severity),
                      field("root_causes", &Issue::root_causes),
                      field("source_run_id", &Issue::source_run_id),
                      field("created_timestamp", &Issue::created_timestamp),
                      field("last_updated_timestamp", &Issue::last_updated_timestamp),
                      field("created_by", &Issue::created_by),
                      field("categories", &Issue::categories),
                      field("trace_count", &Issue::trace_count)};
  }
};

struct NewIssue {
  std::string name;
  std::string description;
  std::string experiment_id;
  std::optional<std::string> status;  // absent: pending
  std::optional<std::string> severity;
  std::vector<std::string> root_causes;
  std::string source_run_id;
  std::vector<std::string> categories;
  std::string created_by;
  static constexpr auto fields() {
    return std::tuple{required("name", &NewIssue::name),
                      required("description", &NewIssue::description),
                      required("experiment_id", &NewIssue::experiment_id),
                      field("status", &NewIssue::status, "pending, rejected or resolved."),
                      field("severity", &NewIssue::severity, "not_an_issue, low, medium or high."),
                      field("root_causes", &NewIssue::root_causes),
                      field("source_run_id", &NewIssue::source_run_id),
                      field("categories", &NewIssue::categories),
                      field("created_by", &NewIssue::created_by)};
  }
};

struct UpdateIssue {
  std::string issue_id;
  std::string name;         // "" changes nothing
  std::string description;  // likewise
  std::optional<std::string> status;
  std::optional<std::string> severity;
  static constexpr auto fields() {
    return std::tuple{
        in_path("issue_id", &UpdateIssue::issue_id), field("name", &UpdateIssue::name),
        field("description", &UpdateIssue::description), field("status", &UpdateIssue::status),
        field("severity", &UpdateIssue::severity)};
  }
};

struct SearchIssues {
  std::string experiment_id;  // "" : of all experiments
  std::string filter_string;
  std::int64_t max_results = 100;
  std::string page_token;
  bool include_trace_count = false;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &SearchIssues::experiment_id),
                      field("filter_string", &SearchIssues::filter_string,
                            "status and source_run_id with = and !=, e.g. status = 'pending'"),
                      field("max_results", &SearchIssues::max_results),
                      field("page_token", &SearchIssues::page_token),
                      field("include_trace_count", &SearchIssues::include_trace_count)};
  }
};

struct IssuePage {
  std::vector<Issue> issues;
  std::string next_page_token;  // "" on the last page, as in the reference
  static constexpr auto fields() {
    return std::tuple{field("issues", &IssuePage::issues),
                      field("next_page_token", &IssuePage::next_page_token)};
  }
};

// Every method may be called from every thread.
class Issues {
 public:
  Issues(Env& env, db::Database& database) : env_(env), database_(database) {}

  // BAD_REQUEST when the source run is unknown.
  Issue create(const NewIssue& in);
  Issue get(const std::string& issue_id);
  Issue update(const UpdateIssue& in);
  // The most severe first, then (with trace counts) those of most traces, then the newest.
  IssuePage search(const SearchIssues& in);

 private:
  Env& env_;
  db::Database& database_;
};

}  // namespace sandbox::evaluation
