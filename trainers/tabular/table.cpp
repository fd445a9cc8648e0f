#include "trainers/tabular/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/tabular/csv.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr std::size_t names_shown_max = 40;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Code::invalid_parameter_value, what);
}

std::string listed(std::vector<std::string> names) {
  const std::size_t more = names.size() > names_shown_max ? names.size() - names_shown_max : 0;
  names.resize(names.size() - more);
  return sandbox::join(names, ", ") + (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

std::string place(const std::string& name, std::int64_t line) {
  return name + ", line " + std::to_string(line);
}

bool is_missing(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  const std::string word = sandbox::lower(text);
  return word == "na" || word == "nan" || word == "n/a" || word == "null" || word == "none";
}

std::optional<double> finite_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto number = sandbox::parse_double(text);
  constexpr double most = std::numeric_limits<float>::max();  // XGBoost keeps floats
  return number && std::abs(*number) <= most ? number : std::nullopt;
}

// XGBoost's Python package refuses these in names of columns.
void check_name(const std::string& name, const std::string& table) {
  if (name.empty()) refuse(table + " has a column without a name in its first line.");
  if (name.find_first_of("[]<") != std::string::npos) {
    refuse(table + ": the column '" + name +
           "' cannot be used, because XGBoost takes no [, ] and < in names. Rename it, or leave it "
           "out with --drop.");
  }
}

// Which of the file's columns go where.
struct Plan {
  std::vector<std::string> names;
  std::size_t target = 0;
  std::vector<std::size_t> features;
};

Plan plan_of(std::vector<std::string> header,
             const std::string& name,
             const std::string& target,
             const std::vector<std::string>& drop) {
  Plan plan;
  std::set<std::string> seen;
  for (std::string& one : header) {
    one = std::string(sandbox::trim(one));
    if (!seen.insert(one).second) refuse(name + " has two columns '" + one + "'.");
  }
  plan.names = header;
  if (target.empty()) {
    refuse("Say with --target which column to predict; " + name + " has " + listed(header) + ".");
  }
  for (const std::string& one : drop) {
    if (!seen.contains(one)) {
      refuse("There is no column '" + one + "' to drop; " + name + " has " + listed(header) + ".");
    }
    if (one == target) refuse("The target '" + one + "' cannot be dropped.");
  }
  if (!seen.contains(target)) {
    refuse("There is no column '" + target + "' to predict; " + name + " has " + listed(header) +
           ".");
  }
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] == target) {
      plan.target = i;
    } else if (std::find(drop.begin(), drop.end(), header[i]) == drop.end()) {
      check_name(header[i], name);
      plan.features.push_back(i);
    }
  }
  if (plan.features.empty()) refuse(name + " has no column beside the target to learn from.");
  return plan;
}

void read_row(const std::vector<std::string>& fields,
              const Plan& plan,
              std::int64_t line,
              Table& table) {
  if (fields.size() != plan.names.size()) {
    refuse(place(table.name, line) + " has " + std::to_string(fields.size()) + " fields, the " +
           "first line has " + std::to_string(plan.names.size()) + ".");
  }
  for (const std::size_t i : plan.features) {
    const std::string_view text = sandbox::trim(fields[i]);
    double value = std::numeric_limits<double>::quiet_NaN();
    if (!is_missing(text)) {
      const auto number = finite_number(text);
      if (!number) {
        refuse(
            place(table.name, line) + ", column '" + plan.names[i] + "': '" +
            std::string(sandbox::utf8_prefix(text, 60)) +
            "' is no finite number. A column that holds something else can be left out: --drop " +
            plan.names[i] + ".");
      }
      value = *number;
    }
    table.values.push_back(value);
  }
  table.target_texts.emplace_back(sandbox::trim(fields[plan.target]));
  table.lines.push_back(line);
}

void check_columns(const Table& table) {
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    bool has_value = false;
    for (std::size_t row = 0; row < table.rows() && !has_value; ++row) {
      has_value = !std::isnan(table.at(row, column));
    }
    if (!has_value) {
      refuse("The column '" + table.columns[column] + "' of " + table.name +
             " holds no value at all. Leave it out: --drop " + table.columns[column] + ".");
    }
  }
}

struct Formula {
  const char* name;
  std::vector<const char*> columns;
  double (*compute)(const std::vector<double>& values);
};

const std::array<Formula, 3>& formulas() {
  static const std::array<Formula, 3> all{{
      {"bedroom_ratio",
       {"AveBedrms", "AveRooms"},
       [](const std::vector<double>& of) { return of[0] / (of[1] + 1e-6); }},
      {"people_per_household",
       {"Population", "AveOccup"},
       [](const std::vector<double>& of) { return of[0] / (of[1] + 1e-6); }},
      // The bay is where San Francisco is.
      {"dist_to_bay",
       {"Latitude", "Longitude"},
       [](const std::vector<double>& of) { return std::hypot(of[0] - 37.77, of[1] + 122.42); }},
  }};
  return all;
}

std::size_t column_for(const Table& table, const std::string& name, const std::string& derived) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), name);
  if (found == table.columns.end()) {
    refuse("The derived feature " + derived + " is computed from " + name + ", which " +
           table.name + " does not have; derived_features is about California Housing.");
  }
  return static_cast<std::size_t>(found - table.columns.begin());
}

std::vector<double> column_of(const Table& table, const Formula& formula) {
  std::vector<std::size_t> from;
  for (const char* name : formula.columns) from.push_back(column_for(table, name, formula.name));
  std::vector<double> values;
  std::vector<double> of(from.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t i = 0; i < from.size(); ++i) of[i] = table.at(row, from[i]);
    values.push_back(formula.compute(of));
  }
  return values;
}

void append_column(Table& table, const std::string& name, const std::vector<double>& column) {
  const std::size_t width = table.columns.size();
  std::vector<double> values;
  values.reserve(table.values.size() + column.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto begin = table.values.begin() + static_cast<std::ptrdiff_t>(row * width);
    values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
    values.push_back(column[row]);
  }
  table.values = std::move(values);
  table.columns.push_back(name);
}

// The target as numbers; empty when some of it is none.
std::vector<double> numbers_of(const std::vector<std::string>& texts) {
  std::vector<double> numbers;
  for (const std::string& text : texts) {
    const auto number = finite_number(text);
    if (!number) return {};
    numbers.push_back(*number);
  }
  return numbers;
}

bool looks_like_classes(const std::vector<double>& numbers) {
  std::set<double> different;
  for (const double number : numbers) {
    if (number != std::floor(number)) return false;
    different.insert(number);
    if (different.size() > auto_classes_max) return false;
  }
  return true;
}

void check_present(const Table& table) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!is_missing(table.target_texts[row])) continue;
    refuse(place(table.name, table.lines[row]) + ": the target '" + table.target +
           "' has no value. A row without one can teach nothing: remove it from the file.");
  }
}

Target as_classes(const Table& table, const std::vector<double>& numbers) {
  Target target;
  target.task = Task::classification;
  std::map<std::string, std::size_t> by_text;
  std::map<double, std::size_t> by_number;  // 1 and 1.0 are one class
  if (numbers.empty()) {
    for (const std::string& text : table.target_texts) by_text[text];
    for (auto& [text, index] : by_text) {
      index = target.classes.size();
      target.classes.push_back(text);
    }
    for (const std::string& text : table.target_texts) {
      target.values.push_back(static_cast<double>(by_text[text]));
    }
  } else {
    std::map<double, std::string> written;
    for (std::size_t row = 0; row < numbers.size(); ++row) {
      written.try_emplace(numbers[row], table.target_texts[row]);
    }
    for (const auto& [number, text] : written) {
      by_number[number] = target.classes.size();
      target.classes.push_back(text);
    }
    for (const double number : numbers) {
      target.values.push_back(static_cast<double>(by_number[number]));
    }
  }
  if (target.classes.size() > classes_max) {
    refuse("The target '" + table.target + "' has " + std::to_string(target.classes.size()) +
           " different values, too many for classes (" + std::to_string(classes_max) +
           (numbers.empty() ? ")." : "). Say --task regression for numbers."));
  }
  return target;
}

// Names the first line that keeps the target from being numbers.
[[noreturn]] void refuse_text(const Table& table) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& text = table.target_texts[row];
    if (finite_number(text)) continue;
    refuse(place(table.name, table.lines[row]) + ": the target '" + table.target + "' is '" + text +
           "', which is no finite number, as a regression wants it. Say --task classification "
           "where it names classes.");
  }
  refuse("The target '" + table.target + "' is no number.");
}

}  // namespace

Table read_table(std::istream& in,
                 const std::string& name,
                 const std::string& target,
                 const std::vector<std::string>& drop) {
  CsvReader reader(in, name);
  std::vector<std::string> fields;
  if (!reader.next(fields)) refuse(name + " is empty.");
  const Plan plan = plan_of(fields, name, target, drop);
  Table table;
  table.name = name;
  table.target = target;
  for (const std::size_t i : plan.features) table.columns.push_back(plan.names[i]);
  while (reader.next(fields)) read_row(fields, plan, reader.line(), table);
  if (table.rows() == 0) refuse(name + " has a header line and no row below it.");
  check_columns(table);
  return table;
}

void add_derived_features(Table& table) {
  std::vector<std::vector<double>> columns;
  for (const Formula& formula : formulas()) columns.push_back(column_of(table, formula));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    append_column(table, formulas()[i].name, columns[i]);
  }
}

bool is_derived_from(std::string_view column) {
  return std::any_of(formulas().begin(), formulas().end(), [&](const Formula& formula) {
    return std::find(formula.columns.begin(), formula.columns.end(), column) !=
           formula.columns.end();
  });
}

std::string_view task_name(Task task) {
  return task == Task::regression ? "regression" : "classification";
}

Target read_target(const Table& table, const std::string& task) {
  check_present(table);
  std::vector<double> numbers = numbers_of(table.target_texts);
  const bool is_classes = task == "classification" ||
                          (task == "auto" && (numbers.empty() || looks_like_classes(numbers)));
  Target target;
  if (is_classes) {
    target = as_classes(table, numbers);
  } else {
    if (numbers.empty()) refuse_text(table);
    target.values = std::move(numbers);
  }
  const auto [least, most] = std::minmax_element(target.values.begin(), target.values.end());
  if (*least == *most) {
    refuse("The target '" + table.target + "' of " + table.name +
           " is the same in every row; there is nothing to learn.");
  }
  return target;
}

Target read_known_target(const Table& table,
                         bool is_regression,
                         const std::vector<std::string>& classes) {
  check_present(table);
  Target target;
  if (is_regression) {
    target.values = numbers_of(table.target_texts);
    if (target.values.empty()) refuse_text(table);
    return target;
  }
  target.task = Task::classification;
  target.classes = classes;
  const std::vector<double> numbers = numbers_of(classes);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& text = table.target_texts[row];
    std::size_t found = classes.size();
    if (numbers.empty()) {
      found = static_cast<std::size_t>(std::find(classes.begin(), classes.end(), text) -
                                       classes.begin());
    } else if (const auto number = finite_number(text)) {
      found = static_cast<std::size_t>(std::find(numbers.begin(), numbers.end(), *number) -
                                       numbers.begin());
    }
    if (found == classes.size()) {
      refuse(place(table.name, table.lines[row]) + ": the target '" + table.target + "' is '" +
             text + "', a class that the model does not know; it knows " + listed(classes) + ".");
    }
    target.values.push_back(static_cast<double>(found));
  }
  return target;
}

void keep_columns(Table& table, const std::vector<std::string>& names) {
  std::vector<std::size_t> from;
  for (const std::string& name : names) {
    const auto found = std::find(table.columns.begin(), table.columns.end(), name);
    if (found == table.columns.end()) {
      refuse("The model wants a column '" + name + "', which " + table.name +
             " does not have; it has " + listed(table.columns) + ".");
    }
    from.push_back(static_cast<std::size_t>(found - table.columns.begin()));
  }
  std::vector<double> values;
  values.reserve(table.rows() * names.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const std::size_t column : from) values.push_back(table.at(row, column));
  }
  table.values = std::move(values);
  table.columns = names;
}

}  // namespace trainers::tabular
