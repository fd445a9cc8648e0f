#include "trainers/linear/training.h"

int main(int argc, char** argv) {
  using namespace trainers;
  const auto evaluate = with_settings<tabular::TableSettings>(linear::evaluate);
  return run_trainers(
      argc, argv,
      {{"linear_regression",
        {with_settings<linear::RegressionSettings>(linear::train_regression), evaluate}},
       {"logistic_regression",
        {with_settings<linear::LogisticSettings>(linear::train_logistic), evaluate}},
       {"mlp", {with_settings<linear::NetworkSettings>(linear::train_mlp), evaluate}}});
}
