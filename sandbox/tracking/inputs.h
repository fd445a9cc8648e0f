// What went into a run and came out of it: datasets, and logged models as inputs or outputs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::tracking {

struct Dataset {
  std::string name;
  std::string digest;
  std::string source_type;
  std::string source;
  std::optional<std::string> schema;
  std::optional<std::string> profile;
  static constexpr auto fields() {
    return std::tuple{field("name", &Dataset::name),
                      field("digest", &Dataset::digest),
                      field("source_type", &Dataset::source_type),
                      field("source", &Dataset::source),
                      field("schema", &Dataset::schema),
                      field("profile", &Dataset::profile)};
  }
};

struct DatasetInput {
  std::vector<KeyValue> tags;
  Dataset dataset;
  static constexpr auto fields() {
    return std::tuple{field("tags", &DatasetInput::tags), field("dataset", &DatasetInput::dataset)};
  }
};

struct ModelInput {
  std::string model_id;
  static constexpr auto fields() { return std::tuple{field("model_id", &ModelInput::model_id)}; }
};

struct ModelOutput {
  std::string model_id;
  std::int64_t step = 0;
  static constexpr auto fields() {
    return std::tuple{field("model_id", &ModelOutput::model_id), field("step", &ModelOutput::step)};
  }
};

struct RunInputs {
  std::vector<DatasetInput> dataset_inputs;
  std::vector<ModelInput> model_inputs;
  static constexpr auto fields() {
    return std::tuple{field("dataset_inputs", &RunInputs::dataset_inputs),
                      field("model_inputs", &RunInputs::model_inputs)};
  }
};

struct RunOutputs {
  std::vector<ModelOutput> model_outputs;
  static constexpr auto fields() {
    return std::tuple{field("model_outputs", &RunOutputs::model_outputs)};
  }
};

// A dataset as the web UI lists it: once for every context it was used in.
struct DatasetSummary {
  std::string experiment_id;
  std::string name;
  std::string digest;
  std::optional<std::string> context;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &DatasetSummary::experiment_id),
                      field("name", &DatasetSummary::name),
                      field("digest", &DatasetSummary::digest),
                      field("context", &DatasetSummary::context)};
  }
};

class Inputs {
 public:
  Inputs(Env& env, db::Database& database) : env_(env), database_(database) {}

  // A dataset of the same name and digest is kept once per experiment; logging it again for the
  // same run changes nothing.
  void log_inputs(const std::string& run_id,
                  const std::vector<DatasetInput>& datasets,
                  const std::vector<ModelInput>& models);
  void log_outputs(const std::string& run_id, const std::vector<ModelOutput>& models);
  // Of 1 to 20 experiments; at most 1000, in order of experiment, name, digest and context.
  std::vector<DatasetSummary> summaries(const std::vector<std::string>& experiment_ids);

 private:
  Env& env_;
  db::Database& database_;
};

}  // namespace sandbox::tracking
