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

struct VersionTag {
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{field("key", &VersionTag::key), field("value", &VersionTag::value)};
  }
};

// A version of a registered model made from the run or a model of it. Its places are names of this
// archive ("artifacts/…", "models/ID/…") where its files are the run's, else URIs as they are.
struct VersionHeader {
  std::string name;
  std::int64_t version = 0;
  std::optional<std::int64_t> creation_time;
  std::optional<std::int64_t> last_updated_time;
  std::optional<std::string> description;
  std::optional<std::string> user_id;
  std::optional<std::string> current_stage;
  std::optional<std::string> source;
  std::optional<std::string> storage_location;
  std::optional<std::string> run_id;
  std::optional<std::string> run_link;
  std::optional<std::string> status;
  std::optional<std::string> status_message;
  std::vector<VersionTag> tags;
  std::vector<std::string> aliases;
  static constexpr auto fields() {
    return std::tuple{field("name", &VersionHeader::name),
                      field("version", &VersionHeader::version),
                      field("creation_time", &VersionHeader::creation_time),
                      field("last_updated_time", &VersionHeader::last_updated_time),
                      field("description", &VersionHeader::description),
                      field("user_id", &VersionHeader::user_id),
                      field("current_stage", &VersionHeader::current_stage),
                      field("source", &VersionHeader::source),
                      field("storage_location", &VersionHeader::storage_location),
                      field("run_id", &VersionHeader::run_id),
                      field("run_link", &VersionHeader::run_link),
                      field("status", &VersionHeader::status),
                      field("status_message", &VersionHeader::status_message),
                      field("tags", &VersionHeader::tags),
                      field("aliases", &VersionHeader::aliases)};
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
  std::vector<VersionHeader> versions;  // older readers of this format pass over them
  static constexpr auto fields() {
    return std::tuple{field("format", &RunHeader::format),
                      field("version", &RunHeader::version),
                      field("run_id", &RunHeader::run_id),
                      field("experiment", &RunHeader::experiment),
                      field("lifecycle_stage", &RunHeader::lifecycle_stage),
                      field("deleted_time", &RunHeader::deleted_time),
                      field("models", &RunHeader::models),
                      field("versions", &RunHeader::versions)};
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
