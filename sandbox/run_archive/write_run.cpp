#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/run_archive/run_archive.h"
#include "sandbox/run_archive/tar.h"
#include "sandbox/tracking/names.h"

namespace sandbox::run_archive {
namespace {

constexpr std::size_t rows_bytes_max = 1 << 20;  // of one entry of rows
constexpr int page_objects = 1000;

// The archive with its running digest and counts.
class Output {
 public:
  Output(const std::function<void(std::string_view)>& sink, std::int64_t now_ms)
      : tar_(sink), now_ms_(now_ms) {}

  void add(const std::string& name, std::string_view content) {
    running_.begin(name, content.size());
    running_.add(content);
    tar_.add(name, content, now_ms_);
  }
  void add_rows(const std::string& name, std::string_view lines, std::int64_t count) {
    add(name, lines);
    end_.rows += count;
  }
  void add_object(const std::string& name, store::ObjectReader& reader) {
    const store::ObjectInfo& info = reader.info();
    running_.begin(name, info.size);
    tar_.begin(name, info.size, info.modified_ms);
    reader.read(0, info.size, [&](std::string_view piece) {
      running_.add(piece);
      tar_.write(piece);
    });
    ++end_.files;
    end_.bytes += static_cast<std::int64_t>(info.size);
  }
  void end() {
    end_.sha256 = running_.finish();
    tar_.add(end_name, to_json(end_) + "\n", now_ms_);
    tar_.end();
  }

 private:
  TarWriter tar_;
  Running running_;
  RunEnd end_;
  std::int64_t now_ms_;
};

void write_cell(JsonWriter& writer, const db::Rows& row, int index, Column::Kind kind) {
  if (row.is_null(index)) {
    writer.null();
    return;
  }
  switch (kind) {
    case Column::Kind::text: writer.value(row.view(index)); return;
    case Column::Kind::integer:
    case Column::Kind::flag: writer.value(row.integer(index)); return;
    case Column::Kind::real: writer.value(row.real(index)); return;
  }
}

void write_table(db::Tx& tx, const Table& table, const std::string& run_id, Output& output) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) sql += ", ";
    sql += table.columns[i].name;
  }
  sql += " FROM " + std::string(table.name) + " WHERE " + std::string(table.condition);
  const std::vector<db::Value> ids(static_cast<std::size_t>(table.conditions), db::Value(run_id));
  db::Rows rows = tx.query_values(sql, ids);
  std::string lines;
  std::int64_t count = 0;
  int number = 0;
  const auto flush = [&] {
    if (count == 0) return;
    output.add_rows("rows/" + std::string(table.name) + "/" + std::to_string(number++) + ".jsonl",
                    lines, count);
    lines.clear();
    count = 0;
  };
  while (rows.next()) {
    JsonWriter writer(lines);
    writer.begin_array();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      write_cell(writer, rows, static_cast<int>(i), table.columns[i].kind);
    }
    writer.end_array();
    lines += '\n';
    ++count;
    if (lines.size() >= rows_bytes_max) flush();
  }
  flush();
}

void write_files(store::ObjectStore& store,
                 const artifacts::Location& root,
                 const std::string& directory,
                 Output& output) {
  if (!store.find_bucket(root.bucket)) return;
  store::ListQuery query;
  query.prefix = root.key.empty() ? "" : root.key + "/";
  query.keys_max = page_objects;
  while (true) {
    const store::ListPage page = store.list(root.bucket, query);
    for (const auto& object : page.objects) {
      // One that was deleted since the page was made is no file of the run any more.
      const auto reader = store.open(root.bucket, object.key);
      if (reader) output.add_object(directory + object.key.substr(query.prefix.size()), *reader);
    }
    if (!page.truncated) return;
    query.after = page.next_after;
  }
}

struct Place {
  std::string directory;
  std::string uri;
};

// A place of the run's as a name in the archive; any other as it is.
std::optional<std::string> name_of(const std::optional<std::string>& uri,
                                   const std::vector<Place>& places) {
  if (!uri) return uri;
  for (const Place& place : places) {
    if (*uri == place.uri) return place.directory;
    if (uri->starts_with(place.uri + "/")) {
      return place.directory + uri->substr(place.uri.size() + 1);
    }
  }
  return uri;
}

std::optional<std::string> maybe_text(const db::Rows& rows, int index) {
  if (rows.is_null(index)) return std::nullopt;
  return rows.text(index);
}

std::vector<VersionHeader> versions_of(db::Tx& tx,
                                       const std::string& run_id,
                                       const std::vector<Place>& places) {
  std::vector<VersionHeader> versions;
  db::Rows rows = tx.query(
      "SELECT name, version, creation_time, last_updated_time, description, user_id, "
      "current_stage, source, storage_location, run_id, run_link, status, status_message FROM "
      "model_versions WHERE workspace = 'default' AND COALESCE(current_stage, '') <> "
      "'Deleted_Internal' AND (run_id = ? OR source IN (SELECT 'models:/' || model_id FROM "
      "logged_models WHERE source_run_id = ?)) ORDER BY name, version",
      run_id, run_id);
  while (rows.next()) {
    VersionHeader one;
    one.name = rows.text(0);
    one.version = rows.integer(1);
    one.creation_time = rows.maybe_integer(2);
    one.last_updated_time = rows.maybe_integer(3);
    one.description = maybe_text(rows, 4);
    one.user_id = maybe_text(rows, 5);
    one.current_stage = maybe_text(rows, 6);
    one.source = name_of(maybe_text(rows, 7), places);
    one.storage_location = name_of(maybe_text(rows, 8), places);
    one.run_id = maybe_text(rows, 9);
    one.run_link = maybe_text(rows, 10);
    one.status = maybe_text(rows, 11);
    one.status_message = maybe_text(rows, 12);
    versions.push_back(std::move(one));
  }
  for (VersionHeader& one : versions) {
    db::Rows tags = tx.query(
        "SELECT key, value FROM model_version_tags WHERE workspace = 'default' AND name = ? AND "
        "version = ? ORDER BY key",
        one.name, one.version);
    while (tags.next()) one.tags.push_back({tags.text(0), tags.text(1)});
    db::Rows aliases = tx.query(
        "SELECT alias FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND "
        "version = ? ORDER BY alias",
        one.name, one.version);
    while (aliases.next()) one.aliases.push_back(aliases.text(0));
  }
  return versions;
}

RunHeader header_of(db::Tx& tx, const std::string& run_id, std::vector<Place>& places) {
  RunHeader header;
  header.format = format_version;
  header.version = SANDBOX_VERSION;
  header.run_id = run_id;
  {
    db::Rows rows = tx.query(
        "SELECT e.name, r.lifecycle_stage, r.deleted_time, r.artifact_uri FROM runs r JOIN "
        "experiments e ON e.experiment_id = r.experiment_id WHERE r.run_uuid = ?",
        run_id);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist, "Run with id=" + run_id + " not found");
    }
    header.experiment = rows.text(0);
    header.lifecycle_stage = rows.text(1);
    header.deleted_time = rows.maybe_integer(2);
    places.push_back({"artifacts/", rows.text(3)});
  }
  if (tx.query("SELECT 1 FROM tags WHERE run_uuid = ? AND key = ?", run_id, tracking::purging_tag)
          .next()) {
    throw Error(Code::invalid_state, "Run " + run_id +
                                         " is being removed for ever, or its import "
                                         "has not ended; some of it is not there.");
  }
  db::Rows rows = tx.query(
      "SELECT model_id, lifecycle_stage, artifact_location, last_updated_timestamp_ms FROM "
      "logged_models WHERE source_run_id "
      "= ? ORDER BY model_id",
      run_id);
  while (rows.next()) {
    header.models.push_back({rows.text(0), rows.text(1), rows.integer(3)});
    places.push_back({"models/" + rows.text(0) + "/", rows.text(2)});
  }
  header.versions = versions_of(tx, run_id, places);
  return header;
}

}  // namespace

RunHeader RunArchive::header(const std::string& run_id) {
  std::vector<Place> places;
  RunHeader header = database_.read([&](db::Tx& tx) { return header_of(tx, run_id, places); });
  // What lies where this server cannot read is better refused than left out.
  for (const Place& place : places) artifacts_.locate_uri(place.uri);
  return header;
}

void RunArchive::write_run(const std::string& run_id,
                           const std::function<void(std::string_view)>& sink) {
  Output output(sink, env_.now_ms());
  std::vector<Place> places;
  database_.read([&](db::Tx& tx) {
    output.add(header_name, to_json(header_of(tx, run_id, places)) + "\n");
    for (const Table& table : tables) write_table(tx, table, run_id, output);
  });
  for (const Place& place : places) {
    write_files(store_, artifacts_.locate_uri(place.uri), place.directory, output);
  }
  output.end();
}

}  // namespace sandbox::run_archive
