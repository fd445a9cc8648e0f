#include <array>

#include "sandbox/base/error.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::tracking {
namespace {

struct RunId {
  std::string run_id;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &RunId::run_id, "", "run_uuid")};
  }
};

struct RunAnswer {
  Run run;
  static constexpr auto fields() { return std::tuple{field("run", &RunAnswer::run)}; }
};

struct RunStatusWords {
  static constexpr std::array<EnumWord, 5> words{
      {{"RUNNING", 1}, {"SCHEDULED", 2}, {"FINISHED", 3}, {"FAILED", 4}, {"KILLED", 5}}};
};

struct UpdateRun {
  std::string run_id;
  Enum<RunStatusWords> status;
  std::optional<std::int64_t> end_time;
  std::string run_name;
  static constexpr auto fields() {
    return std::tuple{
        required("run_id", &UpdateRun::run_id, "", "run_uuid"),
        field("status", &UpdateRun::status,
              "RUNNING, SCHEDULED, FINISHED, FAILED or KILLED; other texts are ignored."),
        field("end_time", &UpdateRun::end_time, "Milliseconds since 1970."),
        field("run_name", &UpdateRun::run_name)};
  }
};

struct UpdateRunAnswer {
  RunInfo run_info;
  static constexpr auto fields() {
    return std::tuple{field("run_info", &UpdateRunAnswer::run_info)};
  }
};

struct LogParam {
  std::string run_id;
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &LogParam::run_id, "", "run_uuid"),
                      required("key", &LogParam::key, "At most 250 characters."),
                      field("value", &LogParam::value, "Cut after 6000 characters.")};
  }
};

struct SetTag {
  std::string run_id;
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &SetTag::run_id, "", "run_uuid"),
                      required("key", &SetTag::key, "At most 250 characters."),
                      field("value", &SetTag::value, "Cut after 8000 characters.")};
  }
};

struct DeleteTag {
  std::string run_id;
  std::string key;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &DeleteTag::run_id, "", "run_uuid"),
                      required("key", &DeleteTag::key)};
  }
};

// Items of a batch: which field is missing is said with the item's index.
struct BatchMetric {
  std::optional<std::string> key;
  std::optional<double> value;
  std::optional<std::int64_t> timestamp;
  std::int64_t step = 0;
  std::optional<std::string> model_id;
  std::optional<std::string> dataset_name;
  std::optional<std::string> dataset_digest;
  static constexpr auto fields() {
    return std::tuple{field("key", &BatchMetric::key),
                      field("value", &BatchMetric::value),
                      field("timestamp", &BatchMetric::timestamp),
                      field("step", &BatchMetric::step),
                      field("model_id", &BatchMetric::model_id),
                      field("dataset_name", &BatchMetric::dataset_name),
                      field("dataset_digest", &BatchMetric::dataset_digest)};
  }
};

struct LogBatch {
  std::string run_id;
  std::vector<BatchMetric> metrics;
  std::vector<KeyValue> params;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &LogBatch::run_id),
                      field("metrics", &LogBatch::metrics, "At most 1000."),
                      field("params", &LogBatch::params, "At most 100."),
                      field("tags", &LogBatch::tags, "At most 100; 1000 of all kinds together.")};
  }
};

struct LogModel {
  std::string run_id;
  std::string model_json;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &LogModel::run_id),
                      required("model_json", &LogModel::model_json)};
  }
};

struct SearchRuns {
  std::vector<std::string> experiment_ids;
  std::string filter;
  Enum<ViewTypeWords> run_view_type;
  std::int64_t max_results = 1000;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        field("experiment_ids", &SearchRuns::experiment_ids),
        field("filter", &SearchRuns::filter, "e.g. metrics.acc > 0.9 AND params.model = 'a'"),
        field("run_view_type", &SearchRuns::run_view_type, "ACTIVE_ONLY, DELETED_ONLY or ALL."),
        field("max_results", &SearchRuns::max_results, "1 to 50000."),
        field("order_by", &SearchRuns::order_by),
        field("page_token", &SearchRuns::page_token)};
  }
};

void check_keys(const std::vector<KeyValue>& items, const std::string& list) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].key.empty()) fields_detail::missing(list + "[" + std::to_string(i) + "].key");
  }
}

std::vector<Metric> complete(const std::vector<BatchMetric>& items) {
  std::vector<Metric> metrics;
  metrics.reserve(items.size());
  for (const BatchMetric& item : items) {
    const auto missing = [&](const char* name) {
      fields_detail::missing("metrics[" + std::to_string(metrics.size()) + "]." + name);
    };
    if (!item.key || item.key->empty()) missing("key");
    if (!item.value) missing("value");
    if (!item.timestamp) missing("timestamp");
    metrics.push_back({*item.key, *item.value, *item.timestamp, item.step, item.dataset_name,
                       item.dataset_digest, item.model_id});
  }
  return metrics;
}

RunSearch search_of(const SearchRuns& in) {
  constexpr std::int64_t runs_page_max = 50'000;
  if (in.max_results > runs_page_max) {
    const JsonDocument value(std::to_string(in.max_results));
    fields_detail::invalid("max_results", value.root());
  }
  return {in.experiment_ids, in.filter,   std::string(in.run_view_type.name),
          in.max_results,    in.order_by, in.page_token};
}

void install_run_data(http::Api& api, Runs& runs) {
  const std::string root = "2.0/mlflow/runs/";
  api.post<LogParam, Empty>(root + "log-parameter", "Log a param, once.", [&](const LogParam& in) {
    runs.log_param(in.run_id, in.key, in.value);
    return Empty{};
  });
  api.post<SetTag, Empty>(root + "set-tag", "Set a tag of a run.", [&](const SetTag& in) {
    runs.set_tag(in.run_id, in.key, in.value);
    return Empty{};
  });
  api.post<DeleteTag, Empty>(root + "delete-tag", "Delete a tag of a run.",
                             [&](const DeleteTag& in) {
                               runs.delete_tag(in.run_id, in.key);
                               return Empty{};
                             });
  api.post<LogBatch, Empty>(root + "log-batch",
                            "Log metrics, params and tags together, all or nothing.",
                            [&](const LogBatch& in) {
                              check_run_id(in.run_id);
                              check_keys(in.params, "params");
                              check_keys(in.tags, "tags");
                              runs.log_batch(in.run_id, complete(in.metrics), in.params, in.tags);
                              return Empty{};
                            });
  api.post<LogModel, Empty>(root + "log-model", "Describe a logged model (clients before 3.0).",
                            [&](const LogModel& in) {
                              runs.log_model(in.run_id, in.model_json);
                              return Empty{};
                            });
}

}  // namespace

void install_runs(http::Api& api, Runs& runs) {
  const std::string root = "2.0/mlflow/runs/";
  api.post<NewRun, RunAnswer>(root + "create", "Start a run.",
                              [&](const NewRun& in) { return RunAnswer{runs.create(in)}; });
  api.get<RunId, RunAnswer>(root + "get", "A run with its latest metrics, params and tags.",
                            [&](const RunId& in) { return RunAnswer{runs.get(in.run_id)}; });
  api.post<UpdateRun, UpdateRunAnswer>(
      root + "update", "Change a run's status, end time or name.", [&](const UpdateRun& in) {
        std::optional<std::string> status;
        if (!in.status.name.empty()) status = in.status.name;
        return UpdateRunAnswer{runs.update(in.run_id, {status, in.end_time, in.run_name})};
      });
  api.post<RunId, Empty>(root + "delete", "Mark a run as deleted.", [&](const RunId& in) {
    runs.remove(in.run_id);
    return Empty{};
  });
  api.post<RunId, Empty>(root + "restore", "Make a deleted run active.", [&](const RunId& in) {
    runs.restore(in.run_id);
    return Empty{};
  });
  api.post<SearchRuns, RunPage>(root + "search", "Search runs.",
                                [&](const SearchRuns& in) { return runs.search(search_of(in)); });
  install_run_data(api, runs);
}

}  // namespace sandbox::tracking
