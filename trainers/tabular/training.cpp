#include "trainers/tabular/training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "trainers/tabular/report.h"

namespace trainers::tabular {
namespace {

// Sorting every column anew at each level is exact and, for trees without a limit, also faster; for
// shallow trees on many rows the histograms win.
constexpr std::size_t exact_rows_max = 50'000;
constexpr int unlimited_depth = 1000;

// Every parameter by its name, as Python's clients write its value; `task` is logged when it is
// known what auto means.
template <class Settings>
void log_settings(TrainContext& context, const Settings& settings) {
  const Texts texts = texts_of(settings);
  for (const ParameterRow& row : rows_of<Settings>()) {
    const std::string& value = texts.at(row.name);
    if (row.kind == ParameterRow::Kind::flag) {
      context.log_param(row.name, value == "true");
    } else if (!value.empty() && row.name != "task") {
      context.log_param(row.name, value);
    }
  }
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
                                const BoostingSettings& settings,
                                Booster& booster,
                                Best& best) {
  const auto rounds = static_cast<int>(settings.n_estimators);
  for (int round = 0; round < rounds; ++round) {
    if (context.is_stopping()) return std::nullopt;
    booster.learn_round(round, rows.train.matrix);
    const double loss = rows.loss(rows.train, booster);
    context.log_metric("round_train_" + rows.loss_name(), loss, round);
    std::string line = "round " + std::to_string(round + 1) + " of " + std::to_string(rounds) +
                       ", " + rows.loss_name() + " " + number_text(loss);
    if (rows.validation) {
      const double watched = rows.loss(*rows.validation, booster);
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

}  // namespace

void train_forest(TrainContext& context, const ForestSettings& settings) {
  log_settings(context, settings);
  const Rows rows = prepare_rows(context, settings, 0);
  context.flush(true);
  Booster booster(forest_options(rows, settings), rows.data.table.columns,
                  {&rows.train.matrix, &rows.test.matrix});
  context.show_progress("growing " + std::to_string(settings.n_estimators) + " trees");
  booster.learn_round(0, rows.train.matrix);
  context.show_progress("");
  if (context.is_stopping()) return;
  report(context, rows, booster, settings);
}

void train_boosting(TrainContext& context, const BoostingSettings& settings) {
  log_settings(context, settings);
  const bool is_watched = settings.early_stopping_rounds > 0;
  const Rows rows = prepare_rows(context, settings, is_watched ? settings.validation_fraction : 0);
  context.flush(true);
  std::vector<const Matrix*> known{&rows.train.matrix};
  if (rows.validation) known.push_back(&rows.validation->matrix);
  Booster booster(boosting_options(rows, settings), rows.data.table.columns, known);
  Best best;
  const auto last = learn_rounds(context, rows, settings, booster, best);
  context.show_progress("");
  if (!last) return;
  if (rows.validation) {
    context.log_metric("best_iteration", best.round);
    context.log_metric("stopped_iteration", *last);
    context.say("Round " + std::to_string(best.round + 1) + " of " + std::to_string(*last + 1) +
                " is the best; the model keeps the rounds up to it.");
    booster = booster.first_rounds(best.round + 1);
  }
  report(context, rows, booster, settings);
}

}  // namespace trainers::tabular
