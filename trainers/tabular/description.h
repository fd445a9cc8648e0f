// What a later evaluation has to know of a training's table: the artifact table.json.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "trainers/train_context.h"

namespace trainers::tabular {

struct Description {
  std::string task;
  std::string target;
  std::vector<std::string> columns;  // in the model's order
  std::vector<std::string> classes;
  std::string data_sha256;
  std::vector<std::int64_t> test_rows;

  static constexpr auto fields() {
    using Own = Description;
    return std::tuple{sandbox::field("task", &Own::task),
                      sandbox::field("target", &Own::target),
                      sandbox::field("columns", &Own::columns),
                      sandbox::field("classes", &Own::classes),
                      sandbox::field("data_sha256", &Own::data_sha256),
                      sandbox::field("test_rows", &Own::test_rows)};
  }
};

inline constexpr const char* description_name = "table.json";

// Throws Error(invalid_state) when the run has none.
Description fetch_description(TrainContext& context);

}  // namespace trainers::tabular
