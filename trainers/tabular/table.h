// Rows of numbers with a target column: read from CSV, made ready for a model. No XGBoost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace trainers::tabular {

// As it was read.
struct Table {
  std::string name;  // what messages call it
  std::vector<std::string> columns;
  std::vector<double> values;  // row after row, one for each column; NaN where there is none
  std::string target;
  std::vector<std::string> target_texts;  // one a row, as they stand in the file
  std::vector<std::int64_t> lines;        // where each row begins in the file

  [[nodiscard]] std::size_t rows() const { return target_texts.size(); }
  [[nodiscard]] double at(std::size_t row, std::size_t column) const {
    return values[row * columns.size() + column];
  }
};

// Reads a CSV text with a header line. Every column but the target and those of `drop` has to hold
// numbers; empty fields and NA, NaN, N/A, null and None are missing values. Throws
// Error(invalid_parameter_value) with line and column for a field that is no finite number, and for
// an unknown, doubled or empty column, a missing target and a file without rows.
Table read_table(std::istream& in,
                 const std::string& name,
                 const std::string& target,
                 const std::vector<std::string>& drop);

// Adds bedroom_ratio, people_per_household and dist_to_bay, computed from the columns of
// California Housing. Throws Error(invalid_parameter_value) naming those that are not there.
void add_derived_features(Table& table);
// One of them is computed from this column.
bool is_derived_from(std::string_view column);

enum class Task { regression, classification };
std::string_view task_name(Task task);

// What the model is to say for each row.
struct Target {
  Task task = Task::regression;
  std::vector<double> values;        // numbers, or indices of classes
  std::vector<std::string> classes;  // in order: numbers by value, texts by their bytes
};

// `task` is auto, regression or classification; auto takes text, and up to `auto_classes_max`
// different whole numbers, for classes. Throws Error(invalid_parameter_value) for a target that is
// missing or no number in some line, and for one that is the same everywhere.
Target read_target(const Table& table, const std::string& task);

// The target of rows that a model is tested on, which knows these classes already. Throws
// Error(invalid_parameter_value) for another class, and as read_target does.
Target read_known_target(const Table& table,
                         bool is_regression,
                         const std::vector<std::string>& classes);

// Leaves these columns in this order. Throws Error(invalid_parameter_value) for a missing one.
void keep_columns(Table& table, const std::vector<std::string>& names);

inline constexpr std::size_t auto_classes_max = 20;
inline constexpr std::size_t classes_max = 1000;

}  // namespace trainers::tabular
