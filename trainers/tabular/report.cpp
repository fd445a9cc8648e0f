#include "trainers/tabular/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sandbox/base/fields_json.h"
#include "trainers/plots.h"
#include "trainers/tabular/description.h"
#include "trainers/text_file.h"

namespace trainers::tabular {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t example_rows_max = 5;
constexpr std::size_t matrix_classes_max = 100;

Scores log_scores(TrainContext& context,
                  const Rows& rows,
                  const std::vector<float>& predicted,
                  const Part& part,
                  const std::string& name) {
  const Scores scores = rows.scores(part, predicted);
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
std::string predictions_csv(const Rows& rows, const std::vector<float>& predicted) {
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

void log_confusion(TrainContext& context,
                   const Rows& rows,
                   const std::vector<float>& predicted,
                   const std::string& name) {
  // More classes than that are no picture.
  if (rows.is_regression() || rows.classes() > matrix_classes_max) return;
  Confusion confusion(rows.classes());
  for (std::size_t i = 0; i < rows.test.truth.size(); ++i) {
    confusion.add(static_cast<std::size_t>(rows.test.truth[i]),
                  predicted_class(predicted, i, rows.classes()));
  }
  const fs::path file = context.directory() / name;
  draw_confusion_matrix(confusion, rows.data.target.classes, rows.data.table.target, file,
                        "test rows");
  context.log_file(file);
}

std::string description_json(const Rows& rows) {
  Description description;
  description.task = task_name(rows.data.target.task);
  description.target = rows.data.table.target;
  description.columns = rows.data.table.columns;
  description.classes = rows.data.target.classes;
  description.data_sha256 = rows.data.digest;
  for (const std::size_t row : rows.test.rows) {
    description.test_rows.push_back(static_cast<std::int64_t>(row));
  }
  return sandbox::to_json(description);
}

}  // namespace

ModelFolder describe_model(const TrainContext& context, const Rows& rows) {
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
  const std::size_t examples = std::min(example_rows_max, rows.test.rows.size());
  for (std::size_t i = 0; i < examples; ++i) {
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      model.example.push_back(table.at(rows.test.rows[i], column));
    }
  }
  return model;
}

void log_model(TrainContext& context, const ModelFolder& model) {
  const fs::path folder = context.directory() / model_folder;
  write_model_folder(model, folder);
  context.log_folder(folder, model_folder);
  context.set_model(model_folder);
  context.set_tag("mlflow.log-model.history", model_history(model));
}

void report(TrainContext& context,
            const Rows& rows,
            const Predictions& predicted,
            const TableSettings& settings) {
  say_scores(context, "Learnt", log_scores(context, rows, predicted.train, rows.train, "train"));
  Scores judged;
  if (rows.validation) {
    judged = log_scores(context, rows, predicted.validation, *rows.validation, "validation");
  }
  const Scores test = log_scores(context, rows, predicted.test, rows.test, "test");
  say_scores(context, "Tested", test);
  if (!rows.validation) judged = test;
  const double score = judged.at(rows.is_regression() ? "r2" : "accuracy");
  if (!std::isnan(score)) context.log_metric(score_metric, score);

  const fs::path folder = context.directory();
  write_text(folder / "split.json", split_json(rows));
  write_text(folder / description_name, description_json(rows));
  write_text(folder / "test_predictions.csv", predictions_csv(rows, predicted.test));
  for (const char* name : {"split.json", description_name, "test_predictions.csv"}) {
    context.log_file(folder / name);
  }
  log_confusion(context, rows, predicted.test, "confusion_matrix.png");
  decide(context, rows, settings, test);
}

void report_evaluation(TrainContext& context,
                       const EarlierRows& earlier,
                       const std::vector<float>& predicted) {
  const Rows& rows = earlier.rows;
  const std::string name = earlier.is_other ? "evaluation" : "test";
  say_scores(context,
             earlier.is_other ? "On the " + std::to_string(rows.test.rows.size()) + " rows of " +
                                    rows.data.table.name
                              : "Tested again",
             log_scores(context, rows, predicted, rows.test, name));
  const fs::path file = context.directory() / (name + "_predictions.csv");
  write_text(file, predictions_csv(rows, predicted));
  context.log_file(file);
  log_confusion(context, rows, predicted,
                earlier.is_other ? "evaluation_confusion_matrix.png" : "confusion_matrix.png");
}

}  // namespace trainers::tabular
