#include "trainers/tabular/training.h"

int main(int argc, char** argv) {
  using namespace trainers;
  return run_trainers(argc, argv,
                      {{"random_forest",
                        {with_settings<tabular::ForestSettings>(tabular::train_forest),
                         with_settings<tabular::TableSettings>(tabular::evaluate)}},
                       {"gradient_boosting",
                        {with_settings<tabular::BoostingSettings>(tabular::train_boosting),
                         with_settings<tabular::TableSettings>(tabular::evaluate)}}});
}
