#include "trainers/linear/coefficients.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "sandbox/base/fields_json.h"
#include "trainers/plots.h"
#include "trainers/text_file.h"

namespace trainers::linear {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t bars_max = 30;
constexpr std::array<double, 4> axis_ends{0.1, 0.25, 0.5, 1};  // whose fifths are round

// The class that a line speaks for; "" of a regression.
std::string class_of(const tabular::Rows& rows, std::size_t line) {
  const auto& classes = rows.data.target.classes;
  if (classes.empty()) return "";
  return classes[classes.size() == 2 ? 1 : line];
}

std::string json_of(const tabular::Rows& rows, const std::vector<Line>& lines) {
  std::string json;
  sandbox::JsonWriter writer(json);
  writer.begin_array();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    writer.begin_object();
    if (!rows.is_regression()) {
      writer.name("class");
      writer.value(class_of(rows, i));
    }
    writer.name("intercept");
    writer.value(lines[i].intercept);
    writer.name("coefficients");
    writer.begin_object();
    for (std::size_t column = 0; column < lines[i].coefficients.size(); ++column) {
      writer.name(rows.data.table.columns[column]);
      writer.value(lines[i].coefficients[column]);
    }
    writer.end_object();
    writer.end_object();
  }
  writer.end_array();
  return json;
}

std::string signed_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%+.3g", value);
  return text.data();
}

// A column does as much as its usual distance from its mean changes what is said, without a sign.
std::vector<Bar> bars_of(const tabular::Rows& rows,
                         const Scaling& scaling,
                         const std::vector<Line>& lines) {
  std::vector<Bar> bars;
  double all = 0;
  for (std::size_t column = 0; column < rows.data.table.columns.size(); ++column) {
    double change = 0;
    for (const Line& line : lines) {
      change += std::abs(line.coefficients[column]) * scaling.deviation[column];
    }
    all += change;
    bars.push_back(
        {rows.data.table.columns[column], change,
         lines.size() == 1 ? signed_text(lines[0].coefficients[column]) + " a unit" : ""});
  }
  for (Bar& bar : bars) bar.value = all > 0 ? bar.value / all : 0;
  std::stable_sort(bars.begin(), bars.end(),
                   [](const Bar& left, const Bar& right) { return left.value > right.value; });
  return bars;
}

}  // namespace

Line unscaled(const Line& line, const Scaling& scaling) {
  Line plain{line.intercept, {}};
  for (std::size_t i = 0; i < line.coefficients.size(); ++i) {
    plain.coefficients.push_back(line.coefficients[i] / scaling.scale[i]);
    plain.intercept -= plain.coefficients[i] * scaling.center[i];
  }
  return plain;
}

void log_coefficients(TrainContext& context,
                      const tabular::Rows& rows,
                      const Scaling& scaling,
                      const std::vector<Line>& lines) {
  const fs::path json = context.directory() / "coefficients.json";
  const fs::path picture = context.directory() / "coefficients.png";
  write_text(json, json_of(rows, lines));
  std::vector<Bar> bars = bars_of(rows, scaling, lines);
  const std::string direction =
      rows.classes() == 2 ? "; + speaks for " + class_of(rows, 0) : std::string();
  const std::size_t all = bars.size();
  bars.resize(std::min(all, bars_max));
  const std::string more = all > bars.size() ? ", the first " + std::to_string(bars.size()) +
                                                   " of " + std::to_string(all) + " columns"
                                             : "";
  const auto most = std::find_if(axis_ends.begin(), axis_ends.end() - 1,
                                 [&](double end) { return end >= bars.front().value; });
  draw_bars(bars, "Columns that tell " + rows.data.table.target,
            "What one deviation of each column changes, of all together" + direction + more,
            std::nullopt, picture, *most);
  context.log_file(json);
  context.log_file(picture);
}

}  // namespace trainers::linear
