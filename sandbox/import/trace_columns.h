// Traces of an MLflow before 3.17, whose names, sessions, tokens and costs are still tags, metadata
// and metrics: page by page as 3.17 keeps them, in columns.
// Source of the rules: MLflow's migration 75868b020152 (add sql trace analytics schema).
#pragma once

#include <memory>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/import/rows.h"

namespace sandbox::import {

class TracePages {
 public:
  // `parts` are those of a trace. `source` must outlive it.
  TracePages(db::Database& source, std::vector<Part> parts);
  static bool are_needed(db::Database& source);

  // A database with these traces, until the next call.
  db::Database& fill(const Ids& ids);

 private:
  void read_span_models(db::Tx& from, db::Tx& to, const Ids& ids) const;

  db::Database& source_;
  std::vector<Part> parts_;
  std::unique_ptr<db::Database> page_;
};

// Moves what stands in tags, metadata and metrics of the traces of this database to the columns.
void fill_trace_columns(db::Tx& tx);

}  // namespace sandbox::import
