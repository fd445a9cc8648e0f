// The fields of MLflow's schema that are asked for one by one, from the rooms that have them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fields_json.h"
#include "sandbox/graphql/api.h"

namespace sandbox::graphql {

// For one request: what several runs of an answer share is read once.
class Answers {
 public:
  explicit Answers(const Nouns& nouns) : nouns_(nouns) {}

  // What execute.h calls Resolve.
  std::string resolve(std::string_view field, const JsonView& parent, const JsonView& arguments);

 private:
  std::string experiment(const JsonView& input);
  std::string run(const JsonView& input);
  std::string runs(const JsonView& input);
  std::string datasets(const JsonView& input);
  std::string metric_history(const JsonView& input);
  std::string files(const JsonView& input);
  std::string model_versions(const JsonView& input);
  std::string experiment_of_run(const JsonView& run);
  std::string versions_of_run(const JsonView& run);
  void read_versions();

  const Nouns& nouns_;
  std::vector<std::string> run_ids_;                             // of the runs of the answer
  std::map<std::string, std::string, std::less<>> experiments_;  // id to JSON
  std::optional<std::map<std::string, std::vector<registry::ModelVersion>, std::less<>>> versions_;
};

}  // namespace sandbox::graphql
