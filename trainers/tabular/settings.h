// What the tabular trainers can be told. Names and defaults are scikit-learn's where it has them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>

#include "trainers/parameters.h"

namespace trainers::tabular {

inline constexpr std::array<std::string_view, 2> dataset_names{"csv", "california_housing"};
inline constexpr std::array<std::string_view, 3> task_names{"auto", "regression", "classification"};

// The metric that sweeps go by: r2 or accuracy, of the validation rows where some are set aside,
// else of the test rows.
inline constexpr const char* score_metric = "score";

// The data and what is asked of the model; every trainer of the family has it.
struct TableSettings {
  std::string dataset = "csv";
  std::string data_path;
  std::string data_url;
  std::string data_digest;
  std::string target;
  std::string drop;
  std::string task = "auto";
  bool derived_features = false;
  double test_fraction = 0.2;
  std::int64_t seed = 42;
  std::int64_t threads = 0;
  double min_r2 = 0;
  double min_accuracy = 0;

  static constexpr auto parameters() {
    using Own = TableSettings;
    return std::tuple{
        one_of("dataset", &Own::dataset, dataset_names, "Where the rows come from"),
        text("data_path", &Own::data_path,
             "The CSV file, or of california_housing its archive cal_housing.tgz: a file or "
             "s3://bucket/key; without it the archive is downloaded to "
             "~/.cache/mlops-sandbox/datasets"),
        text(
            "data_url", &Own::data_url,
            "Download the archive of california_housing from here instead of its official address"),
        text("data_digest", &Own::data_digest,
             "SHA-256 of what is downloaded; else the official one's"),
        text("target", &Own::target, "The column to predict; california_housing has its own"),
        text("drop", &Own::drop, "Columns to leave out, separated by commas"),
        one_of("task", &Own::task, task_names,
               "auto takes text and up to 20 different whole numbers for classes"),
        flag("derived_features", &Own::derived_features,
             "Add bedroom_ratio, people_per_household and dist_to_bay to the columns of California "
             "Housing"),
        number("test_fraction", &Own::test_fraction, {0, 0.9, true},
               "Part of the rows that is kept for the test"),
        number("seed", &Own::seed, {0, 2'147'483'647}, "Of everything that is left to chance"),
        number("threads", &Own::threads, {0, 1024}, "Processor threads, 0 for one a core"),
        number(
            "min_r2", &Own::min_r2, {0, 1},
            "A regression's least test_r2: below it the run is tagged deploy=false and nothing is "
            "registered; 0 asks for nothing"),
        number("min_accuracy", &Own::min_accuracy, {0, 1},
               "The same for the test_accuracy of a classification"),
    };
  }
};

struct ForestSettings : TableSettings {
  std::int64_t n_estimators = 100;
  std::int64_t max_depth = 0;
  std::int64_t min_samples_leaf = 1;
  double max_features = 0;
  double max_samples = 0.632;

  static constexpr auto parameters() {
    using Own = ForestSettings;
    return std::tuple_cat(
        TableSettings::parameters(),
        std::tuple{
            number("n_estimators", &Own::n_estimators, {1, 100'000}, "Trees in the forest"),
            number("max_depth", &Own::max_depth, {0, 1000}, "Of a tree; 0 sets no limit"),
            number("min_samples_leaf", &Own::min_samples_leaf, {1, 1e9},
                   "Rows that a leaf has at least"),
            number("max_features", &Own::max_features, {0, 1},
                   "Part of the columns that a split chooses from; 0 takes all for a regression, "
                   "and for a classification the square root of their number"),
            number("max_samples", &Own::max_samples, {0, 1, true},
                   "Part of the rows that a tree sees, each once; 0.632 are as many as differ in a "
                   "bootstrap sample"),
        });
  }
};

struct BoostingSettings : TableSettings {
  std::int64_t n_estimators = 100;
  double learning_rate = 0.1;
  std::int64_t max_depth = 6;
  double min_child_weight = 1;
  double subsample = 1;
  double colsample_bytree = 1;
  double reg_lambda = 1;
  double reg_alpha = 0;
  std::int64_t early_stopping_rounds = 0;
  double validation_fraction = 0.1;

  static constexpr auto parameters() {
    using Own = BoostingSettings;
    return std::tuple_cat(
        TableSettings::parameters(),
        std::tuple{
            number("n_estimators", &Own::n_estimators, {1, 100'000}, "Rounds, at most"),
            number("learning_rate", &Own::learning_rate, {0, 1, true}, "Weight of each new tree"),
            number("max_depth", &Own::max_depth, {0, 1000}, "Of a tree; 0 sets no limit"),
            number("min_child_weight", &Own::min_child_weight, {0, 1e9},
                   "Least sum of second derivatives in a leaf; of a regression its rows"),
            number("subsample", &Own::subsample, {0, 1, true}, "Part of the rows a tree sees"),
            number("colsample_bytree", &Own::colsample_bytree, {0, 1, true},
                   "Part of the columns a tree sees"),
            number("reg_lambda", &Own::reg_lambda, {0, 1e9}, "Pull of the leaves to zero, squared"),
            number("reg_alpha", &Own::reg_alpha, {0, 1e9}, "Pull of the leaves to zero, absolute"),
            number("early_stopping_rounds", &Own::early_stopping_rounds, {0, 100'000},
                   "Stop after so many rounds without a better validation, and keep the best; 0 "
                   "never"),
            number("validation_fraction", &Own::validation_fraction, {0, 0.9, true},
                   "Part of the training rows that early stopping watches"),
        });
  }
};

}  // namespace trainers::tabular
