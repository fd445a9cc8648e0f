#include "trainers/tabular/importance.h"

#include <algorithm>
#include <array>

#include "sandbox/base/fields_json.h"
#include "trainers/plots.h"
#include "trainers/text_file.h"

namespace trainers::tabular {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t bars_max = 30;
constexpr std::array<double, 4> axis_ends{0.1, 0.25, 0.5, 1};  // whose fifths are round

std::string importance_json(const std::vector<Importance>& list) {
  std::string json;
  sandbox::JsonWriter writer(json);
  writer.begin_array();
  for (const Importance& one : list) {
    writer.begin_object();
    writer.name("feature");
    writer.value(one.column);
    const std::pair<const char*, double> values[]{{"importance", one.share},
                                                  {"total_gain", one.total_gain},
                                                  {"gain", one.gain},
                                                  {"cover", one.cover},
                                                  {"splits", one.splits}};
    for (const auto& [name, value] : values) {
      writer.name(name);
      writer.value(value);
    }
    writer.end_object();
  }
  writer.end_array();
  return json;
}

void draw_importance(const std::vector<Importance>& list,
                     const std::string& target,
                     const fs::path& file) {
  std::vector<Bar> bars;
  for (const Importance& one : list) {
    if (bars.size() == bars_max) break;
    bars.push_back(
        {one.column, one.share, std::to_string(static_cast<std::int64_t>(one.splits)) + " splits"});
  }
  const std::string more = list.size() > bars.size()
                               ? ", the first " + std::to_string(bars.size()) + " of " +
                                     std::to_string(list.size()) + " columns"
                               : "";
  const auto most = std::find_if(axis_ends.begin(), axis_ends.end() - 1,
                                 [&](double end) { return end >= list.front().share; });
  draw_bars(bars, "Columns that tell " + target,
            "Each column's part of the gain of all splits" + more, std::nullopt, file, *most);
}

}  // namespace

void log_importance(TrainContext& context, const Booster& booster, const std::string& target) {
  const std::vector<Importance> importances = booster.importances();
  const fs::path json = context.directory() / "feature_importance.json";
  const fs::path picture = context.directory() / "feature_importance.png";
  write_text(json, importance_json(importances));
  draw_importance(importances, target, picture);
  context.log_file(json);
  context.log_file(picture);
}

}  // namespace trainers::tabular
