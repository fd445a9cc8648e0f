#include "trainers/tabular/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "sandbox/base/fields_json.h"
#include "trainers/plots.h"
#include "trainers/tabular/mlflow_folder.h"
#include "trainers/text_file.h"

namespace trainers::tabular {

namespace fs = std::filesystem;

namespace {

constexpr const char* model_folder = "model";
constexpr std::size_t example_rows_max = 5;
constexpr std::size_t bars_max = 30;
constexpr std::array<double, 4> axis_ends{0.1, 0.25, 0.5, 1};  // whose fifths are round
constexpr std::size_t matrix_classes_max = 100;

Scores log_scores(TrainContext& context,
                  const Rows& rows,
                  const Booster& booster,
                  const Part& part,
                  const std::string& name) {
  const Scores scores = rows.scores(part, booster);
  for (const auto& [metric, value] : scores) {
    if (!std::isnan(value)) context.log_metric(name + "_" + metric, value);
  }
  return scores;
}

std::string four_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

void say_scores(TrainContext& context, const std::string& name, const Scores& scores) {
  std::string line = name + ":";
  for (const auto& [metric, value] : scores) line += " " + metric + " " + four_digits(value);
  context.say(line);
}

void decide(TrainContext& context,
            const Rows& rows,
            const TableSettings& settings,
            const Scores& test) {
  const double least = rows.is_regression() ? settings.min_r2 : settings.min_accuracy;
  if (least == 0) return;
  const std::string metric = rows.is_regression() ? "r2" : "accuracy";
  const double found = test.at(metric);
  // Not a number is no good either.
  const bool is_good = found >= least;
  const std::string sentence = "test_" + metric + " is " + four_digits(found) + ", " +
                               (is_good ? "at or above" : "below") + " the threshold of " +
                               number_text(least);
  context.set_tag("deploy", is_good ? "true" : "false");
  context.say(sentence + (is_good ? ": deploy=true." : ": deploy=false."));
  if (!is_good) context.refuse_registration(sentence + ".");
}

void write_rows(sandbox::JsonWriter& writer,
                const char* name,
                const std::vector<std::size_t>& rows) {
  writer.name(name);
  writer.begin_array();
  for (const std::size_t row : rows) writer.value(static_cast<std::uint64_t>(row));
  writer.end_array();
}

// Numbers of rows count from 0 and leave the header out, as pandas counts them.
std::string split_json(const Rows& rows) {
  std::string json;
  sandbox::JsonWriter writer(json);
  writer.begin_object();
  write_rows(writer, "train", rows.train.rows);
  if (rows.validation) write_rows(writer, "validation", rows.validation->rows);
  write_rows(writer, "test", rows.test.rows);
  writer.end_object();
  return json;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

// Row, truth and what the model says: a number, or a class with the probability of each.
std::string predictions_csv(const Rows& rows, const Booster& booster) {
  const std::vector<float> predicted = booster.predict(rows.test.matrix);
  const std::vector<std::string>& classes = rows.data.target.classes;
  std::string csv = "row,target,prediction";
  for (const std::string& name : classes) csv += "," + csv_field("probability of " + name);
  csv += "\n";
  for (std::size_t i = 0; i < rows.test.rows.size(); ++i) {
    csv += std::to_string(rows.test.rows[i]) + ",";
    if (classes.empty()) {
      csv += number_text(rows.test.truth[i]) + "," +
             number_text(static_cast<double>(predicted[i])) + "\n";
      continue;
    }
    csv += csv_field(classes[static_cast<std::size_t>(rows.test.truth[i])]) + "," +
           csv_field(classes[predicted_class(predicted, i, classes.size())]);
    for (std::size_t k = 0; k < classes.size(); ++k) {
      const float said = classes.size() > 2 ? predicted[i * classes.size() + k]
                         : k == 1           ? predicted[i]
                                            : 1 - predicted[i];
      csv += "," + number_text(static_cast<double>(said));
    }
    csv += "\n";
  }
  return csv;
}

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

void draw_importance(const std::vector<Importance>& list, const Rows& rows, const fs::path& file) {
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
  draw_bars(bars, "Columns that tell " + rows.data.table.target,
            "Each column's part of the gain of all splits" + more, std::nullopt, file, *most);
}

void draw_confusion(const Rows& rows, const Booster& booster, const fs::path& file) {
  const std::vector<float> predicted = booster.predict(rows.test.matrix);
  Confusion confusion(rows.classes());
  for (std::size_t i = 0; i < rows.test.truth.size(); ++i) {
    confusion.add(static_cast<std::size_t>(rows.test.truth[i]),
                  predicted_class(predicted, i, rows.classes()));
  }
  draw_confusion_matrix(confusion, rows.data.target.classes, rows.data.table.target, file,
                        "test rows");
}

void write_model(TrainContext& context, const Rows& rows, const Booster& booster) {
  sandbox::SystemEnv env;
  const Table& table = rows.data.table;
  ModelFolder model;
  model.run_id = context.run_id();
  model.artifact_path = model_folder;
  model.uuid = env.new_id();
  model.now_ms = env.now_ms();
  model.task = rows.data.target.task;
  model.target = table.target;
  model.columns = table.columns;
  model.classes = rows.data.target.classes;
  model.xgboost_version = xgboost_version();
  const std::size_t examples = std::min(example_rows_max, rows.test.rows.size());
  for (std::size_t i = 0; i < examples; ++i) {
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      model.example.push_back(table.at(rows.test.rows[i], column));
    }
  }
  const fs::path folder = context.directory() / model_folder;
  fs::create_directories(folder);
  booster.save(booster_file(folder));
  write_model_folder(model, folder);
  context.log_folder(folder, model_folder);
  context.set_model(model_folder);
  context.set_tag("mlflow.log-model.history", model_history(model));
}

}  // namespace

void report(TrainContext& context,
            const Rows& rows,
            const Booster& booster,
            const TableSettings& settings) {
  say_scores(context, "Learnt", log_scores(context, rows, booster, rows.train, "train"));
  if (rows.validation) log_scores(context, rows, booster, *rows.validation, "validation");
  const Scores test = log_scores(context, rows, booster, rows.test, "test");
  say_scores(context, "Tested", test);

  const fs::path folder = context.directory();
  const std::vector<Importance> importances = booster.importances();
  write_text(folder / "split.json", split_json(rows));
  write_text(folder / "test_predictions.csv", predictions_csv(rows, booster));
  write_text(folder / "feature_importance.json", importance_json(importances));
  draw_importance(importances, rows, folder / "feature_importance.png");
  for (const char* name : {"split.json", "test_predictions.csv", "feature_importance.json",
                           "feature_importance.png"}) {
    context.log_file(folder / name);
  }
  // More classes than that are no picture.
  if (!rows.is_regression() && rows.classes() <= matrix_classes_max) {
    draw_confusion(rows, booster, folder / "confusion_matrix.png");
    context.log_file(folder / "confusion_matrix.png");
  }
  write_model(context, rows, booster);
  decide(context, rows, settings, test);
}

}  // namespace trainers::tabular
