// One run as a single file: written from one moment of the database, and taken into another lab
// under the same id, with the versions of registered models made from it. Not in it: traces.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/run_archive/format.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::run_archive {

struct Imported {
  std::string run_id;
  std::string experiment;
  std::string experiment_id;
  std::int64_t rows = 0;
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::int64_t versions = 0;          // of registered models, registered again
  std::vector<std::string> left_out;  // a sentence for each version or alias that is not, and why
  static constexpr auto fields() {
    return std::tuple{field("run_id", &Imported::run_id),
                      field("experiment", &Imported::experiment),
                      field("experiment_id", &Imported::experiment_id),
                      field("rows", &Imported::rows),
                      field("files", &Imported::files),
                      field("bytes", &Imported::bytes),
                      field("versions", &Imported::versions),
                      field("left_out", &Imported::left_out)};
  }
};

class RunArchive {
 public:
  // The collaborators must outlive it.
  RunArchive(Env& env,
             db::Database& database,
             store::ObjectStore& store,
             tracking::Experiments& experiments,
             artifacts::Artifacts& artifacts)
      : env_(env),
        database_(database),
        store_(store),
        experiments_(experiments),
        artifacts_(artifacts) {}

  // What write_run() will begin with; throws RESOURCE_DOES_NOT_EXIST for a run that is not there.
  RunHeader header(const std::string& run_id);
  void write_run(const std::string& run_id, const std::function<void(std::string_view)>& sink);

  // Takes a run in; it and its models are hidden, as deleted ones, until all of it has come. What
  // an interrupted import leaves is removed by the next one of this run, or by gc. Throws
  // RESOURCE_ALREADY_EXISTS when the run or one of its models is here already.
  Imported read_run(const std::function<std::size_t(char* out, std::size_t max)>& source);

 private:
  class Reading;
  Env& env_;
  db::Database& database_;
  store::ObjectStore& store_;
  tracking::Experiments& experiments_;
  artifacts::Artifacts& artifacts_;
};

}  // namespace sandbox::run_archive
