// The file that `run export` writes: a tar archive of
//
//   run.json               what it is (RunHeader); the first
//   rows/TABLE/N.jsonl     rows, one JSON array each, in the order of `tables`
//   artifacts/PATH         the run's files
//   models/ID/PATH         the files of the models it logged
//   end.json               counts and one digest of all before it; the last
//
// Where things lie is not in the rows: the lab that takes the run in has places of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/base/hash.h"

namespace sandbox::run_archive {

inline constexpr std::int64_t format_version = 1;
inline constexpr const char* header_name = "run.json";
inline constexpr const char* end_name = "end.json";

struct ModelHeader {
  std::string model_id;
  std::string lifecycle_stage;
  std::int64_t last_updated_timestamp_ms = 0;
  static constexpr auto fields() {
    return std::tuple{field("model_id", &ModelHeader::model_id),
                      field("lifecycle_stage", &ModelHeader::lifecycle_stage),
                      field("last_updated_timestamp_ms", &ModelHeader::last_updated_timestamp_ms)};
  }
};

struct RunHeader {
  std::int64_t format = 0;
  std::string version;  // of the program that wrote it
  std::string run_id;
  std::string experiment;  // its name
  std::string lifecycle_stage;
  std::optional<std::int64_t> deleted_time;
  std::vector<ModelHeader> models;
  static constexpr auto fields() {
    return std::tuple{field("format", &RunHeader::format),
                      field("version", &RunHeader::version),
                      field("run_id", &RunHeader::run_id),
                      field("experiment", &RunHeader::experiment),
                      field("lifecycle_stage", &RunHeader::lifecycle_stage),
                      field("deleted_time", &RunHeader::deleted_time),
                      field("models", &RunHeader::models)};
  }
};

struct RunEnd {
  std::int64_t rows = 0;
  std::int64_t files = 0;
  std::int64_t bytes = 0;  // of the files
  std::string sha256;
  static constexpr auto fields() {
    return std::tuple{field("rows", &RunEnd::rows), field("files", &RunEnd::files),
                      field("bytes", &RunEnd::bytes), field("sha256", &RunEnd::sha256)};
  }
};

struct Column {
  enum class Kind { text, integer, real, flag };
  std::string_view name;
  Kind kind = Kind::text;
};

struct Table {
  std::string_view name;
  std::span<const Column> columns;  // those that are carried along
  // Which rows are the run's; every ? is its id.
  std::string_view condition;
  int conditions = 1;  // how many ? there are
  // Columns that the lab taking it in fills: experiment_id, artifact_uri, ….
  std::span<const std::string_view> places;
};
// In the order rows can be inserted.
extern const std::span<const Table> tables;

// Names and contents of all entries, in their order, as one digest.
class Running {
 public:
  void begin(const std::string& name, std::uint64_t bytes);
  void add(std::string_view piece) { digest_.update(piece); }
  std::string finish();

 private:
  Digest digest_{DigestKind::sha256};
};

}  // namespace sandbox::run_archive
