// What every training on a table leaves in its run: metrics, predictions, the split and the model.
#pragma once

#include <string>
#include <vector>

#include "trainers/tabular/mlflow_folder.h"
#include "trainers/tabular/rows.h"
#include "trainers/train_context.h"

namespace trainers::tabular {

inline constexpr const char* model_folder = "model";  // among the artifacts

// What a model says for each part: one value a row, or one a class and row.
struct Predictions {
  std::vector<float> train;
  std::vector<float> validation;
  std::vector<float> test;
};

// Logs scores, predictions, the split and a matrix of confusions. Also decides about the threshold:
// the tag deploy, and that nothing is registered below it.
void report(TrainContext& context,
            const Rows& rows,
            const Predictions& predicted,
            const TableSettings& settings);

// Scores and predictions of an evaluation: test_… of the rows the run was tested on, evaluation_…
// of another file's.
void report_evaluation(TrainContext& context,
                       const EarlierRows& earlier,
                       const std::vector<float>& predicted);

// The model's folder but for what the library says about itself.
ModelFolder describe_model(const TrainContext& context, const Rows& rows);
// Writes the folder around the model's file, which is there, and logs it.
void log_model(TrainContext& context, const ModelFolder& model);

}  // namespace trainers::tabular
