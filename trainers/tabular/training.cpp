#include "trainers/tabular/training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "sandbox/base/error.h"
#include "trainers/tabular/booster.h"
#include "trainers/tabular/importance.h"
#include "trainers/tabular/report.h"

namespace trainers::tabular {
namespace {

// Sorting every column anew at each level is exact and, for trees without a limit, also faster; for
// shallow trees on many rows the histograms win.
constexpr std::size_t exact_rows_max = 50'000;
constexpr int unlimited_depth = 1000;

Matrix matrix_of(const Rows& rows, const Part& part) {
  const std::vector<float> labels(part.truth.begin(), part.truth.end());
  return {rows.values(part), rows.data.table.columns, labels, rows.threads};
}

// The parts in XGBoost's form.
struct Matrices {
  Matrix train;
  std::optional<Matrix> validation;
  Matrix test;

  explicit Matrices(const Rows& rows)
      : train(matrix_of(rows, rows.train)), test(matrix_of(rows, rows.test)) {
    if (rows.validation) validation = matrix_of(rows, *rows.validation);
  }
};

// The options of XGBoost that come from the data: objective, classes, where to begin.
Booster::Options options_for(const Rows& rows, const TableSettings& settings) {
  Booster::Options options{{"nthread", std::to_string(rows.threads)},
                           {"seed", std::to_string(settings.seed)}};
  if (rows.is_regression()) {
    const std::vector<double>& truth = rows.train.truth;
    const double mean =
        std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(truth.size());
    options.emplace_back("objective", "reg:squarederror");
    options.emplace_back("base_score", number_text(mean));
  } else if (rows.classes() == 2) {
    options.emplace_back("objective", "binary:logistic");
  } else {
    options.emplace_back("objective", "multi:softprob");
    options.emplace_back("num_class", std::to_string(rows.classes()));
  }
  return options;
}

// In a forest's only round every row has the same second derivative, so rows can be counted by it.
double row_weight(const Rows& rows) {
  if (rows.is_regression()) return 1;
  if (rows.classes() == 2) return 0.25;
  const double each = 1 / static_cast<double>(rows.classes());
  return 2 * each * (1 - each);
}

double columns_of_split(const Rows& rows, const ForestSettings& settings) {
  if (settings.max_features > 0) return settings.max_features;
  if (rows.is_regression()) return 1;
  const auto columns = static_cast<double>(rows.data.table.columns.size());
  // A little more, so that the rounding down to a number of columns is not one too few.
  return std::min(1.0, std::floor(std::sqrt(columns)) / columns + 1e-6);
}

Booster::Options forest_options(const Rows& rows, const ForestSettings& settings) {
  const bool is_exact = settings.max_depth == 0 || rows.train.rows.size() <= exact_rows_max;
  Booster::Options options = options_for(rows, settings);
  options.insert(options.end(),
                 {{"num_parallel_tree", std::to_string(settings.n_estimators)},
                  {"learning_rate", "1"},
                  {"subsample", number_text(settings.max_samples)},
                  {"colsample_bynode", number_text(columns_of_split(rows, settings))},
                  {"max_depth",
                   std::to_string(settings.max_depth == 0 ? unlimited_depth : settings.max_depth)},
                  // A hair less than the rows weigh together, whose sum is rounded.
                  {"min_child_weight", number_text(static_cast<double>(settings.min_samples_leaf) *
                                                   row_weight(rows) * 0.999)},
                  {"reg_lambda", "0"},
                  {"tree_method", is_exact ? "exact" : "hist"}});
  return options;
}

Booster::Options boosting_options(const Rows& rows, const BoostingSettings& settings) {
  Booster::Options options = options_for(rows, settings);
  options.insert(options.end(), {{"learning_rate", number_text(settings.learning_rate)},
                                 {"max_depth", std::to_string(settings.max_depth)},
                                 {"min_child_weight", number_text(settings.min_child_weight)},
                                 {"subsample", number_text(settings.subsample)},
                                 {"colsample_bytree", number_text(settings.colsample_bytree)},
                                 {"reg_lambda", number_text(settings.reg_lambda)},
                                 {"reg_alpha", number_text(settings.reg_alpha)},
                                 {"tree_method", "hist"}});
  return options;
}

struct Best {
  int round = -1;
  double loss = std::numeric_limits<double>::infinity();
};

// Answers the last round that was learnt, nullopt when the person stopped it.
std::optional<int> learn_rounds(TrainContext& context,
                                const Rows& rows,
                                const Matrices& matrices,
                                const BoostingSettings& settings,
                                Booster& booster,
                                Best& best) {
  const auto rounds = static_cast<int>(settings.n_estimators);
  for (int round = 0; round < rounds; ++round) {
    if (context.is_stopping()) return std::nullopt;
    booster.learn_round(round, matrices.train);
    const double loss = rows.loss(rows.train, booster.predict(matrices.train));
    context.log_metric("round_train_" + rows.loss_name(), loss, round);
    std::string line = "round " + std::to_string(round + 1) + " of " + std::to_string(rounds) +
                       ", " + rows.loss_name() + " " + number_text(loss);
    if (rows.validation) {
      const double watched = rows.loss(*rows.validation, booster.predict(*matrices.validation));
      context.log_metric("round_validation_" + rows.loss_name(), watched, round);
      if (watched < best.loss) best = {round, watched};
      line += ", watched " + number_text(watched);
      if (round - best.round >= settings.early_stopping_rounds) return round;
    }
    context.show_progress(line);
    context.flush();
  }
  return rounds - 1;
}

void report_trees(TrainContext& context,
                  const Rows& rows,
                  const Matrices& matrices,
                  const Booster& booster,
                  const TableSettings& settings) {
  Predictions predicted;
  predicted.train = booster.predict(matrices.train);
  if (matrices.validation) predicted.validation = booster.predict(*matrices.validation);
  predicted.test = booster.predict(matrices.test);
  report(context, rows, predicted, settings);
  log_importance(context, booster, rows.data.table.target);
  ModelFolder model = describe_model(context, rows);
  model.library_version = xgboost_version();
  const std::filesystem::path folder = context.directory() / model_folder;
  std::filesystem::create_directories(folder);
  booster.save(model_file(model.flavor, folder));
  log_model(context, model);
}

}  // namespace

void train_forest(TrainContext& context, const ForestSettings& settings) {
  log_settings(context, settings);
  const Rows rows = prepare_rows(context, settings, 0);
  context.flush(true);
  const Matrices matrices(rows);
  Booster booster(forest_options(rows, settings), rows.data.table.columns,
                  {&matrices.train, &matrices.test});
  context.show_progress("growing " + std::to_string(settings.n_estimators) + " trees");
  booster.learn_round(0, matrices.train);
  context.show_progress("");
  if (context.is_stopping()) return;
  report_trees(context, rows, matrices, booster, settings);
}

void train_boosting(TrainContext& context, const BoostingSettings& settings) {
  log_settings(context, settings);
  const bool is_watched = settings.early_stopping_rounds > 0;
  const Rows rows = prepare_rows(context, settings, is_watched ? settings.validation_fraction : 0);
  context.flush(true);
  const Matrices matrices(rows);
  std::vector<const Matrix*> known{&matrices.train};
  if (matrices.validation) known.push_back(&*matrices.validation);
  Booster booster(boosting_options(rows, settings), rows.data.table.columns, known);
  Best best;
  const auto last = learn_rounds(context, rows, matrices, settings, booster, best);
  context.show_progress("");
  if (!last) return;
  if (rows.validation) {
    context.log_metric("best_iteration", best.round);
    context.log_metric("stopped_iteration", *last);
    context.say("Round " + std::to_string(best.round + 1) + " of " + std::to_string(*last + 1) +
                " is the best; the model keeps the rounds up to it.");
    booster = booster.first_rounds(best.round + 1);
  }
  report_trees(context, rows, matrices, booster, settings);
}

void evaluate(TrainContext& context, const TableSettings& settings) {
  const auto file = context.fetch(model_file(Flavor::xgboost, model_folder).string());
  if (!file) {
    throw sandbox::Error(
        sandbox::Code::invalid_state,
        "Run " + context.run_id() + " has no model: its training did not end well.");
  }
  const EarlierRows earlier = rows_to_evaluate(context, settings);
  const Rows& rows = earlier.rows;
  const Booster booster = Booster::load(*file, rows.data.table.columns, rows.threads);
  report_evaluation(context, earlier, booster.predict(matrix_of(rows, rows.test)));
}

}  // namespace trainers::tabular
