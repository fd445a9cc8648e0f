// From the settings to rows: the file is found, fetched or downloaded, read and described.
#pragma once

#include "trainers/tabular/description.h"
#include "trainers/tabular/settings.h"
#include "trainers/tabular/table.h"
#include "trainers/train_context.h"

namespace trainers::tabular {

struct Data {
  Table table;
  Target target;
  std::string digest;  // SHA-256 of the file, hex
  DatasetInput input;  // for the run
};

// Throws Error with a sentence for the person when it cannot be had.
Data load_data(TrainContext& context, const TableSettings& settings);
// The same with the columns and classes of an earlier training: more columns are left out.
Data load_data_like(TrainContext& context, const TableSettings& settings, const Description& model);

}  // namespace trainers::tabular
