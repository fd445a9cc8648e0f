#include "sandbox/evaluation/issues.h"

#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::evaluation {
namespace {

using tracking::Comparison;

constexpr std::array<std::string_view, 3> statuses{"pending", "rejected", "resolved"};
constexpr std::array<std::string_view, 4> severities{"not_an_issue", "low", "medium", "high"};

constexpr std::string_view issue_columns =
    "issue_id, experiment_id, name, description, status, severity, root_causes, source_run_id, "
    "categories, created_timestamp, last_updated_timestamp, created_by";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

template <class Words>
void check_word(std::string_view what,
                const std::optional<std::string>& word,
                const Words& allowed) {
  if (!word || std::find(allowed.begin(), allowed.end(), *word) != allowed.end()) return;
  std::vector<std::string> shown;
  shown.reserve(allowed.size());
  for (const std::string_view one : allowed) shown.push_back("'" + std::string(one) + "'");
  refuse(python_repr(*word) + " is no " + std::string(what) + " of an issue; it is one of " +
         join(shown, ", ") + ".");
}

std::optional<std::string> json_of(const std::vector<std::string>& texts) {
  if (texts.empty()) return std::nullopt;
  return PythonJson::list_of(texts).dumps();
}

std::vector<std::string> texts_of(const std::optional<std::string>& json) {
  std::vector<std::string> texts;
  if (!json || json->empty()) return texts;
  for (const PythonJson& item : PythonJson::parse(*json).items) texts.push_back(item.str());
  return texts;
}

Issue issue_of(const db::Rows& row) {
  Issue issue;
  issue.issue_id = row.text(0);
  issue.experiment_id = std::to_string(row.integer(1));
  issue.name = row.text(2);
  issue.description = row.text(3);
  issue.status = row.text(4);
  issue.severity = unless_empty(row.text(5));
  issue.root_causes = texts_of(row.maybe_text(6));
  issue.source_run_id = unless_empty(row.text(7));
  issue.categories = texts_of(row.maybe_text(8));
  issue.created_timestamp = row.integer(9);
  issue.last_updated_timestamp = row.integer(10);
  issue.created_by = unless_empty(row.text(11));
  return issue;
}

Issue read_issue(db::Tx& tx, const std::string& issue_id) {
  db::Rows rows = tx.query(
      "SELECT " + std::string(issue_columns) + " FROM issues WHERE issue_id = ?", issue_id);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist, "Issue with ID '" + issue_id + "' not found");
  }
  return issue_of(rows);
}

void add_filter(tracking::SearchSql& sql, const std::string& filter) {
  for (const Comparison& comparison : tracking::parse_filter(filter, "")) {
    const std::string key =
        comparison.prefix.empty() ? comparison.key : comparison.prefix + "." + comparison.key;
    if (key != "status" && key != "source_run_id") {
      refuse("Invalid filter field '" + key + "'. Supported fields: {'status', 'source_run_id'}");
    }
    const std::string& comparator = comparison.comparator;
    if (comparator != "=" && comparator != "!=") {
      refuse("Invalid comparator '" + comparator + "'. Supported comparators: {'=', '!='}");
    }
    // Values may stand without quotes here, and a list is compared as it is written.
    std::string value = comparison.is_list ? comparison.written : comparison.values.front().text;
    sql.where(key + " " + comparator + " ?");
    sql.bind(std::string(trim(value)));
  }
}

}  // namespace

Issue Issues::create(const NewIssue& in) {
  check_word("status", in.status, statuses);
  check_word("severity", in.severity, severities);
  const std::string issue_id = "iss-" + env_.new_id();
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    const std::int64_t experiment_id = visible_experiment(tx, in.experiment_id);
    if (!in.source_run_id.empty() &&
        !tx.query("SELECT 1 FROM runs WHERE run_uuid = ?", in.source_run_id).next()) {
      throw Error(Code::bad_request, "The source run '" + in.source_run_id + "' does not exist.");
    }
    tx.execute(
        "INSERT INTO issues (issue_id, experiment_id, name, description, status, severity, "
        "root_causes, source_run_id, categories, created_timestamp, last_updated_timestamp, "
        "created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        issue_id, experiment_id, in.name, in.description, in.status.value_or("pending"),
        in.severity, json_of(in.root_causes), unless_empty(in.source_run_id),
        json_of(in.categories), now, now, unless_empty(in.created_by));
    return read_issue(tx, issue_id);
  });
}

Issue Issues::get(const std::string& issue_id) {
  return database_.read([&](db::Tx& tx) { return read_issue(tx, issue_id); });
}

Issue Issues::update(const UpdateIssue& in) {
  check_word("status", in.status, statuses);
  check_word("severity", in.severity, severities);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    tx.execute(
        "UPDATE issues SET name = COALESCE(?, name), description = COALESCE(?, description), "
        "status = COALESCE(?, status), severity = COALESCE(?, severity), last_updated_timestamp = "
        "? WHERE issue_id = ?",
        unless_empty(in.name), unless_empty(in.description), in.status, in.severity, now,
        in.issue_id);
    return read_issue(tx, in.issue_id);
  });
}

IssuePage Issues::search(const SearchIssues& in) {
  tracking::check_max_results(in.max_results, max_results_max);
  const std::int64_t offset = tracking::token_offset(in.page_token);
  tracking::SearchSql sql;
  sql.where("1 = 1");
  if (!in.experiment_id.empty()) {
    sql.where("experiment_id = ?");
    sql.bind(tracking::parse_experiment_id(in.experiment_id));
  }
  add_filter(sql, in.filter_string);
  const std::string counts =
      in.include_trace_count
          ? " LEFT JOIN (SELECT name AS counted_issue, COUNT(DISTINCT trace_id) AS traces FROM "
            "assessments WHERE assessment_type = 'issue' GROUP BY name) counted ON counted_issue = "
            "issue_id"
          : "";
  const std::string statement =
      "SELECT " + std::string(issue_columns) +
      (in.include_trace_count ? ", COALESCE(traces, 0)" : "") + " FROM issues" + counts +
      " WHERE " + sql.text() +
      " ORDER BY CASE severity WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 WHEN "
      "'not_an_issue' THEN 0 ELSE -1 END DESC, " +
      (in.include_trace_count ? "COALESCE(traces, 0) DESC, " : "") +
      "created_timestamp DESC, issue_id DESC LIMIT ? OFFSET ?";
  return database_.read([&](db::Tx& tx) {
    IssuePage page;
    const auto item_of = [&](const db::Rows& row) {
      Issue issue = issue_of(row);
      if (in.include_trace_count) issue.trace_count = row.integer(12);
      return issue;
    };
    page.next_page_token =
        tracking::read_page(tx, statement, sql, in.max_results, offset, page.issues, item_of)
            .value_or("");
    return page;
  });
}

}  // namespace sandbox::evaluation
