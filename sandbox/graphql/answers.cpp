#include "sandbox/graphql/answers.h"

#include <algorithm>

#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/base/error.h"

namespace sandbox::graphql {
namespace {

struct ExperimentInput {
  std::string experiment_id;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &ExperimentInput::experiment_id)};
  }
};

struct ExperimentAnswer {
  tracking::Experiment experiment;
  static constexpr auto fields() {
    return std::tuple{field("experiment", &ExperimentAnswer::experiment)};
  }
};

struct RunInput {
  std::string run_id;
  std::string run_uuid;
  std::optional<std::string> path;  // of the files to list
  static constexpr auto fields() {
    return std::tuple{field("run_id", &RunInput::run_id), field("run_uuid", &RunInput::run_uuid),
                      field("path", &RunInput::path)};
  }
  [[nodiscard]] const std::string& id() const { return run_id.empty() ? run_uuid : run_id; }
};

struct RunAnswer {
  tracking::Run run;
  static constexpr auto fields() { return std::tuple{field("run", &RunAnswer::run)}; }
};

struct RunsInput {
  std::vector<std::string> experiment_ids;
  std::string filter;
  std::string run_view_type;
  std::int64_t max_results = 1000;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{field("experiment_ids", &RunsInput::experiment_ids),
                      field("filter", &RunsInput::filter),
                      field("run_view_type", &RunsInput::run_view_type),
                      field("max_results", &RunsInput::max_results),
                      field("order_by", &RunsInput::order_by),
                      field("page_token", &RunsInput::page_token)};
  }
};

struct DatasetsInput {
  std::vector<std::string> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{field("experiment_ids", &DatasetsInput::experiment_ids)};
  }
};

struct DatasetsAnswer {
  std::vector<tracking::DatasetSummary> dataset_summaries;
  static constexpr auto fields() {
    return std::tuple{field("dataset_summaries", &DatasetsAnswer::dataset_summaries)};
  }
};

struct HistoryInput {
  std::vector<std::string> run_ids;
  std::string metric_key;
  std::optional<std::int64_t> start_step;
  std::optional<std::int64_t> end_step;
  std::int64_t max_results = tracking::interval_points_max;
  static constexpr auto fields() {
    return std::tuple{
        field("run_ids", &HistoryInput::run_ids), field("metric_key", &HistoryInput::metric_key),
        field("start_step", &HistoryInput::start_step), field("end_step", &HistoryInput::end_step),
        field("max_results", &HistoryInput::max_results)};
  }
};

struct HistoryAnswer {
  std::vector<tracking::RunMetric> metrics;
  static constexpr auto fields() { return std::tuple{field("metrics", &HistoryAnswer::metrics)}; }
};

struct FilesAnswer {
  std::string root_uri;
  std::vector<artifacts::FileInfo> files;
  static constexpr auto fields() {
    return std::tuple{field("root_uri", &FilesAnswer::root_uri),
                      field("files", &FilesAnswer::files)};
  }
};

struct VersionsInput {
  std::string filter;
  std::int64_t max_results = 10'000;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{field("filter", &VersionsInput::filter),
                      field("max_results", &VersionsInput::max_results),
                      field("order_by", &VersionsInput::order_by),
                      field("page_token", &VersionsInput::page_token)};
  }
};

struct Echo {
  std::string output;
  static constexpr auto fields() { return std::tuple{field("output", &Echo::output)}; }
};

template <Message Type>
Type read(const JsonView& input) {
  Type message{};
  read_message(input, message);
  return message;
}

// A text somewhere inside an object; "" when it is not there.
std::string text_at(const JsonView& object, std::initializer_list<std::string_view> path) {
  std::optional<JsonView> at = object;
  for (const std::string_view name : path) {
    if (at) at = at->member(name);
  }
  std::string text;
  if (at) at->read(text);
  return text;
}

}  // namespace

std::string Answers::resolve(std::string_view field,
                             const JsonView& parent,
                             const JsonView& arguments) {
  if (field == "MlflowRunExtension.experiment") return experiment_of_run(parent);
  if (field == "MlflowRunExtension.modelVersions") return versions_of_run(parent);
  const bool is_echo = field == "Query.test" || field == "Mutation.testMutation";
  const std::string_view argument = is_echo ? "inputString" : "input";
  const auto input = arguments.member(argument);
  const std::string_view name = field.substr(field.find('.') + 1);
  if (!input || input->is_null()) {
    throw Error(
        Code::invalid_parameter_value,
        "Field '" + std::string(name) + "' needs the argument '" + std::string(argument) + "'.");
  }
  if (name == "mlflowGetExperiment") return experiment(*input);
  if (name == "mlflowGetRun") return run(*input);
  if (name == "mlflowSearchRuns") return runs(*input);
  if (name == "mlflowSearchDatasets") return datasets(*input);
  if (name == "mlflowGetMetricHistoryBulkInterval") return metric_history(*input);
  if (name == "mlflowListArtifacts") return files(*input);
  if (name == "mlflowSearchModelVersions") return model_versions(*input);
  Echo echo;
  input->read(echo.output);
  return to_json(echo);
}

std::string Answers::experiment(const JsonView& input) {
  const std::string id = read<ExperimentInput>(input).experiment_id;
  // An absent id is 0 to the reference, which is the experiment Default.
  return to_json(ExperimentAnswer{nouns_.experiments.get(id.empty() ? "0" : id)});
}

std::string Answers::run(const JsonView& input) {
  RunAnswer answer{nouns_.runs.get(read<RunInput>(input).id())};
  run_ids_.push_back(answer.run.info.run_id);
  versions_.reset();
  return to_json(answer);
}

std::string Answers::runs(const JsonView& input) {
  const auto in = read<RunsInput>(input);
  const tracking::RunPage page = nouns_.runs.search(
      {in.experiment_ids, in.filter, in.run_view_type, in.max_results, in.order_by, in.page_token});
  for (const tracking::Run& one : page.runs) run_ids_.push_back(one.info.run_id);
  versions_.reset();
  return to_json(page);
}

std::string Answers::datasets(const JsonView& input) {
  return to_json(
      DatasetsAnswer{nouns_.inputs.summaries(read<DatasetsInput>(input).experiment_ids)});
}

std::string Answers::metric_history(const JsonView& input) {
  const auto in = read<HistoryInput>(input);
  if (in.start_step.has_value() != in.end_step.has_value()) {
    throw Error(Code::invalid_parameter_value,
                "If either start step or end step are specified, both must be specified.");
  }
  std::optional<tracking::StepRange> steps;
  if (in.start_step) steps = {*in.start_step, *in.end_step};
  const auto points = std::clamp<std::int64_t>(in.max_results, 1, tracking::interval_points_max);
  return to_json(
      HistoryAnswer{nouns_.metrics.history_interval(in.run_ids, in.metric_key, points, steps)});
}

std::string Answers::files(const JsonView& input) {
  const auto in = read<RunInput>(input);
  const std::string directory = artifacts::plain_path(artifacts::safe_path(in.path.value_or("")));
  FilesAnswer answer{nouns_.artifacts.run_root(in.id()), {}};
  answer.files = nouns_.artifacts.list(
      nouns_.artifacts.locate_uri(answer.root_uri).below(directory), directory);
  return to_json(answer);
}

std::string Answers::model_versions(const JsonView& input) {
  const auto in = read<VersionsInput>(input);
  return to_json(
      nouns_.model_versions.search(in.filter, in.order_by, in.max_results, in.page_token));
}

std::string Answers::experiment_of_run(const JsonView& run) {
  const std::string id = text_at(run, {"info", "experiment_id"});
  auto found = experiments_.find(id);
  if (found == experiments_.end()) {
    found = experiments_.emplace(id, to_json(nouns_.experiments.get(id))).first;
  }
  return found->second;
}

std::string Answers::versions_of_run(const JsonView& run) {
  if (!versions_) read_versions();
  std::string out;
  JsonWriter writer(out);
  const auto found = versions_->find(text_at(run, {"info", "run_id"}));
  write_value(writer,
              found == versions_->end() ? std::vector<registry::ModelVersion>{} : found->second);
  return out;
}

void Answers::read_versions() {
  constexpr std::size_t runs_of_one_search = 500;
  constexpr std::int64_t page_items = 10'000;
  versions_.emplace();
  for (std::size_t first = 0; first < run_ids_.size(); first += runs_of_one_search) {
    std::string filter;
    const std::size_t end = std::min(run_ids_.size(), first + runs_of_one_search);
    for (std::size_t i = first; i < end; ++i) {
      filter += (i == first ? "run_id IN ('" : ", '") + run_ids_[i] + "'";
    }
    std::string token;
    do {
      registry::ModelVersionPage page =
          nouns_.model_versions.search(filter + ")", {}, page_items, token);
      for (registry::ModelVersion& version : page.model_versions) {
        const std::string run_id = version.run_id.value_or("");
        (*versions_)[run_id].push_back(std::move(version));
      }
      token = page.next_page_token.value_or("");
    } while (!token.empty());
  }
}

}  // namespace sandbox::graphql
