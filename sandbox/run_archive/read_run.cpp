#include <algorithm>
#include <map>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/run_archive/run_archive.h"
#include "sandbox/run_archive/tar.h"
#include "sandbox/tracking/names.h"
#include "sandbox/upkeep/rows.h"

namespace sandbox::run_archive {
namespace {

constexpr std::size_t text_entry_bytes_max = 16 << 20;  // rows come in entries of about 1 MiB
constexpr std::int64_t slice_rows_max = 2000;           // as gc's slices
// The year 9999. What is being taken in counts as deleted, and gc takes what was deleted up to now.
constexpr std::int64_t not_for_gc_ms = 253'402'300'799'000;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(Code::invalid_parameter_value, message);
}

[[noreturn]] void damaged(const std::string& why) {
  refuse("The file is damaged or cut off (" + why +
         "), so its run is not taken in. Export it again.");
}

// The body of one entry, for who stores files.
class EntryBody final : public http::BodyReader {
 public:
  EntryBody(TarReader& tar, Running& running, std::uint64_t bytes)
      : tar_(tar), running_(running), bytes_(bytes) {}
  std::size_t read(char* out, std::size_t max) override {
    const std::size_t count = tar_.read(out, max);
    running_.add({out, count});
    return count;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return bytes_; }

 private:
  TarReader& tar_;
  Running& running_;
  std::uint64_t bytes_;
};

const Table* find_table(std::string_view name) {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const Table& table) { return table.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

// "INSERT INTO t (columns, places) VALUES (?, …)".
std::string insert_into(const Table& table) {
  std::string names;
  std::string marks;
  const auto add = [&](std::string_view name) {
    names += (names.empty() ? "" : ", ") + std::string(name);
    marks += marks.empty() ? "?" : ", ?";
  };
  for (const Column& column : table.columns) add(column.name);
  for (const std::string_view place : table.places) add(place);
  return "INSERT INTO " + std::string(table.name) + " (" + names + ") VALUES (" + marks + ")";
}

// One row as it came; owns its texts.
struct Row {
  std::vector<std::optional<std::string>> texts;  // by column; for texts alone
  std::vector<db::Value> values;
};

Row row_of(const Table& table, std::string_view line) {
  const JsonDocument document(line);
  const JsonView cells = document.root();
  const std::size_t count = table.columns.size();
  if (!cells.is_array() || cells.size() != count) damaged("a row of " + std::string(table.name));
  Row row;
  row.texts.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const JsonView cell = cells.at(i);
    std::int64_t integer = 0;
    double real = 0;
    bool is_read = true;
    if (cell.is_null()) {
      row.values.emplace_back(nullptr);
      continue;
    }
    switch (table.columns[i].kind) {
      case Column::Kind::text:
        is_read = cell.read(row.texts[i].emplace());
        row.values.emplace_back(nullptr);  // once the row stays where it is
        break;
      case Column::Kind::integer:
        is_read = cell.read(integer);
        row.values.emplace_back(integer);
        break;
      case Column::Kind::flag:
        is_read = cell.read(integer);
        row.values.emplace_back(integer != 0);
        break;
      case Column::Kind::real:
        is_read = cell.read(real);
        row.values.emplace_back(real);
        break;
    }
    if (!is_read) damaged("a value of " + std::string(table.name));
  }
  return row;
}

}  // namespace

class RunArchive::Reading {
 public:
  Reading(RunArchive& owner, const std::function<std::size_t(char*, std::size_t)>& source)
      : owner_(owner), tar_(source) {}

  Imported run() {
    read_header();
    find_experiment();
    begin();
    try {
      take_all();
    } catch (...) {
      leave_to_gc();
      throw;
    }
    return {header_.run_id, header_.experiment, std::to_string(experiment_id_),
            end_.rows,      end_.files,         end_.bytes,
            registered_,    left_out_};
  }

 private:
  void take_all() {
    bool has_ended = false;
    while (const auto entry = tar_.next()) {
      if (has_ended) damaged("something follows its end");
      if (entry->name == end_name) {
        check_end(text_of(*entry, false));
        has_ended = true;
      } else if (entry->name.starts_with("rows/")) {
        take_rows(*entry);
      } else {
        take_file(*entry);
      }
    }
    if (!has_ended) damaged("its end is missing");
    finish();
  }

  // Files and rows: gc finds the files by the rows.
  void leave_to_gc() noexcept {
    if (!has_run_) return;
    try {
      owner_.database_.write([&](db::Tx& tx) {
        const std::int64_t now = owner_.env_.now_ms();
        tx.execute("UPDATE runs SET deleted_time = ? WHERE run_uuid = ? AND deleted_time = ?", now,
                   header_.run_id, not_for_gc_ms);
        tx.execute(
            "UPDATE logged_models SET last_updated_timestamp_ms = ? WHERE source_run_id = ? AND "
            "last_updated_timestamp_ms = ?",
            now, header_.run_id, not_for_gc_ms);
      });
    } catch (const std::exception& failure) {
      log::warning("an unfinished import stays until the next one",
                   {{"run_id", header_.run_id}, {"reason", failure.what()}});
    }
  }

  std::string text_of(const TarReader::Entry& entry, bool counts) {
    if (entry.bytes > text_entry_bytes_max) damaged("an entry of rows is too large");
    if (counts) running_.begin(entry.name, entry.bytes);
    std::string text(entry.bytes, '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
      const std::size_t count = tar_.read(text.data() + filled, text.size() - filled);
      if (count == 0) damaged("an entry is shorter than it says");
      filled += count;
    }
    if (counts) running_.add(text);
    return text;
  }

  void read_header() {
    const auto entry = tar_.next();
    if (!entry || entry->name != header_name) {
      refuse("This is no run that `run export` wrote: it does not begin with " +
             std::string(header_name) + ".");
    }
    header_ = from_json<RunHeader>(text_of(*entry, true));
    if (header_.format > format_version) {
      refuse("The file has format " + std::to_string(header_.format) +
             ", which a newer version of this program wrote (" + header_.version +
             "); this one reads up to " + std::to_string(format_version) + ". Use that version.");
    }
    if (header_.format < 1 || header_.run_id.empty() || header_.experiment.empty()) {
      damaged("its first entry names no run");
    }
    tracking::check_run_id(header_.run_id);
  }

  void find_experiment() {
    const auto find = [&](db::Tx& tx) {
      db::Rows rows =
          tx.query("SELECT experiment_id, lifecycle_stage FROM experiments WHERE name = ?",
                   header_.experiment);
      if (!rows.next()) return std::string();
      if (rows.view(1) != "active") {
        throw Error(Code::invalid_state,
                    "The experiment '" + header_.experiment +
                        "' of the run is deleted here. Restore it first: `mlops-sandbox "
                        "experiments restore " +
                        rows.text(0) + "`.");
      }
      return rows.text(0);
    };
    experiment_ = owner_.database_.read(find);
    if (!experiment_.empty()) return;
    owner_.database_.read([&](db::Tx& tx) { refuse_present(tx); });
    experiment_ = owner_.experiments_.create(header_.experiment, "", {});
  }

  // The rest of an import or a removal that did not end is none.
  bool is_left_over(db::Tx& tx) {
    return tx
        .query(
            "SELECT 1 FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid WHERE r.run_uuid = ? "
            "AND r.lifecycle_stage = 'deleted' AND t.key = ?",
            header_.run_id, tracking::purging_tag)
        .next();
  }

  void refuse_present(db::Tx& tx) {
    if (is_left_over(tx)) return;
    db::Rows rows = tx.query(
        "SELECT e.name, r.lifecycle_stage FROM runs r JOIN experiments e ON e.experiment_id = "
        "r.experiment_id WHERE r.run_uuid = ?",
        header_.run_id);
    if (rows.next()) {
      const std::string where =
          "Run " + header_.run_id + " is here already, in experiment '" + rows.text(0) + "'";
      throw Error(Code::resource_already_exists,
                  where + (rows.view(1) == "deleted"
                               ? ", as a deleted one. Restore it, or remove it for ever with "
                                 "`mlops-sandbox gc --run-ids " +
                                     header_.run_id + "` first."
                               : ". Nothing was changed."));
    }
    for (const ModelHeader& model : header_.models) {
      if (!tx.query("SELECT 1 FROM logged_models WHERE model_id = ?", model.model_id).next()) {
        continue;
      }
      throw Error(Code::resource_already_exists, "The model " + model.model_id +
                                                     " of the run is here already. Nothing was "
                                                     "changed.");
    }
  }

  void remove_left_over() {
    if (!owner_.database_.read([&](db::Tx& tx) { return is_left_over(tx); })) return;
    const auto models = owner_.database_.read([&](db::Tx& tx) {
      std::vector<std::string> ids;
      db::Rows rows = tx.query(
          "SELECT model_id FROM logged_models WHERE source_run_id = ? AND lifecycle_stage = "
          "'deleted'",
          header_.run_id);
      while (rows.next()) ids.push_back(rows.text(0));
      return ids;
    });
    for (const std::string& model : models) remove_rows(upkeep::logged_model_rows, model);
    remove_rows(upkeep::run_rows, header_.run_id);
  }

  void remove_rows(upkeep::Slices slices, const std::string& id) {
    bool is_done = false;
    while (!is_done) {
      is_done = owner_.database_.write([&](db::Tx& tx) {
        std::int64_t budget = slice_rows_max;
        return upkeep::remove_rows(tx, slices, id, budget);
      });
    }
  }

  void begin() {
    owner_.database_.read([&](db::Tx& tx) { refuse_present(tx); });
    remove_left_over();
    const auto place = owner_.database_.read(
        [&](db::Tx& tx) { return tracking::active_experiment(tx, experiment_); });
    experiment_id_ = place.id;
    run_uri_ = tracking::append_uri_path(place.artifact_location, header_.run_id + "/artifacts");
    run_root_ = owner_.artifacts_.locate_uri(run_uri_);
    for (const ModelHeader& model : header_.models) {
      const std::string uri = tracking::append_uri_path(place.artifact_location,
                                                        "models/" + model.model_id + "/artifacts");
      model_uris_[model.model_id] = uri;
      model_roots_[model.model_id] = owner_.artifacts_.locate_uri(uri);
    }
  }

  void take_rows(const TarReader::Entry& entry) {
    const std::vector<std::string> parts = split(entry.name, '/');
    const Table* table = parts.size() == 3 ? find_table(parts[1]) : nullptr;
    if (table == nullptr) damaged("it has rows of an unknown kind");
    const std::string lines = text_of(entry, true);
    const std::string sql = insert_into(*table);
    owner_.database_.write([&](db::Tx& tx) {
      rows_now_ = 0;
      std::size_t begin = 0;
      for (std::size_t end = lines.find('\n'); end != std::string::npos;
           end = lines.find('\n', begin)) {
        insert(tx, *table, sql, row_of(*table, std::string_view(lines).substr(begin, end - begin)));
        begin = end + 1;
        ++rows_now_;
      }
    });
    seen_.rows += rows_now_;
  }

  void insert(db::Tx& tx, const Table& table, const std::string& sql, Row row) {
    if (table.name == "datasets" && has_dataset(tx, row)) return;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      std::optional<std::string>& text = row.texts[i];
      if (!text) continue;
      // The lab may know the dataset under another id.
      const std::string_view column = table.columns[i].name;
      if (column == "dataset_uuid" || column == "source_id") {
        const auto known = datasets_.find(*text);
        if (known != datasets_.end()) text = known->second;
      }
      row.values[i] = db::Value(*text);
    }
    if (table.name == "runs") {
      insert_run(tx, sql, row);
      return;
    }
    std::string location;
    for (const std::string_view place : table.places) {
      if (place == "experiment_id") row.values.emplace_back(experiment_id_);
      if (place == "lifecycle_stage") row.values.emplace_back("deleted");
      if (place == "last_updated_timestamp_ms") row.values.emplace_back(not_for_gc_ms);
      if (place == "artifact_location") {
        const auto uri = model_uris_.find(row.texts[0].value_or(""));
        if (uri == model_uris_.end()) damaged("a model that its first entry does not name");
        location = uri->second;
        row.values.emplace_back(location);
      }
    }
    tx.execute_values(sql, row.values);
  }

  // Hidden, and marked as what gc removes, until finish().
  void insert_run(db::Tx& tx, const std::string& sql, Row& row) {
    if (row.texts[0] != header_.run_id) damaged("it holds another run than it says");
    refuse_present(tx);
    row.values.emplace_back(experiment_id_);
    row.values.emplace_back(run_uri_);
    row.values.emplace_back("deleted");
    row.values.emplace_back(not_for_gc_ms);
    tx.execute_values(sql, row.values);
    tx.execute("INSERT INTO tags (key, value, run_uuid) VALUES (?, 'true', ?)",
               tracking::purging_tag, header_.run_id);
    has_run_ = true;
  }

  bool has_dataset(db::Tx& tx, const Row& row) {
    db::Rows rows = tx.query(
        "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
        experiment_id_, row.texts[1], row.texts[2]);
    if (!rows.next()) return false;
    datasets_[row.texts[0].value_or("")] = rows.text(0);
    return true;
  }

  void take_file(const TarReader::Entry& entry) {
    if (!has_run_) damaged("its files come before its run");
    running_.begin(entry.name, entry.bytes);
    EntryBody body(tar_, running_, entry.bytes);
    owner_.artifacts_.put(place_of(entry.name), body);
    ++seen_.files;
    seen_.bytes += static_cast<std::int64_t>(entry.bytes);
  }

  artifacts::Location place_of(const std::string& name) {
    constexpr std::string_view run_files = "artifacts/";
    constexpr std::string_view model_files = "models/";
    if (name.starts_with(run_files)) return inside(run_root_, name.substr(run_files.size()));
    const std::size_t slash = name.find('/', model_files.size());
    if (!name.starts_with(model_files) || slash == std::string::npos) {
      damaged("it has a file that belongs to nothing");
    }
    const auto root =
        model_roots_.find(name.substr(model_files.size(), slash - model_files.size()));
    if (root == model_roots_.end()) damaged("it has files of a model that it does not name");
    return inside(root->second, name.substr(slash + 1));
  }

  static artifacts::Location inside(const artifacts::Location& root, const std::string& path) {
    for (const std::string& part : split(path, '/')) {
      if (part.empty() || part == "." || part == "..") damaged("a file has an unusable name");
    }
    return {root.bucket, root.key.empty() ? path : root.key + "/" + path};
  }

  void check_end(const std::string& text) {
    end_ = from_json<RunEnd>(text);
    if (!has_run_) damaged("it holds no run");
    if (end_.rows != seen_.rows || end_.files != seen_.files || end_.bytes != seen_.bytes) {
      damaged("its counts do not agree");
    }
    if (end_.sha256 != running_.finish()) damaged("its digest does not agree");
  }

  // Where it is here, of a place as the archive names it.
  std::optional<std::string> uri_of(const std::optional<std::string>& place) {
    constexpr std::string_view run_files = "artifacts/";
    constexpr std::string_view model_files = "models/";
    const auto below = [](const std::string& root, const std::string& path) {
      return path.empty() ? root : tracking::append_uri_path(root, path);
    };
    if (!place) return place;
    if (place->starts_with(run_files)) return below(run_uri_, place->substr(run_files.size()));
    if (!place->starts_with(model_files)) return place;
    const std::size_t slash = place->find('/', model_files.size());
    if (slash == std::string::npos) damaged("a version lies nowhere");
    const auto root =
        model_uris_.find(place->substr(model_files.size(), slash - model_files.size()));
    if (root == model_uris_.end()) damaged("a version of a model that it does not name");
    return below(root->second, place->substr(slash + 1));
  }

  // A version the lab has already stays as it is, and so does an alias.
  void register_again(db::Tx& tx, const VersionHeader& one) {
    const std::int64_t now = owner_.env_.now_ms();
    const std::string shown = "Version " + std::to_string(one.version) + " of '" + one.name + "'";
    tx.execute(
        "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time) VALUES "
        "('default', ?, ?, ?) ON CONFLICT DO NOTHING",
        one.name, now, now);
    const std::int64_t written = tx.execute(
        "INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, "
        "description, user_id, current_stage, source, storage_location, run_id, run_link, status, "
        "status_message) VALUES ('default', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO "
        "NOTHING",
        one.name, one.version, one.creation_time, one.last_updated_time, one.description,
        one.user_id, one.current_stage, uri_of(one.source), uri_of(one.storage_location),
        one.run_id, one.run_link, one.status, one.status_message);
    if (written == 0) {
      left_out_.push_back(shown + " was left out: the lab has, or had, another of that number.");
      return;
    }
    ++registered_;
    for (const VersionTag& tag : one.tags) {
      tx.execute(
          "INSERT INTO model_version_tags (workspace, name, version, key, value) VALUES "
          "('default', ?, ?, ?, ?)",
          one.name, one.version, tag.key, tag.value);
    }
    for (const std::string& alias : one.aliases) {
      const std::int64_t set = tx.execute(
          "INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES "
          "('default', ?, ?, ?) ON CONFLICT DO NOTHING",
          one.name, alias, one.version);
      if (set > 0) continue;
      left_out_.push_back("The alias '" + alias + "' of '" + one.name +
                          "' was left out: in the lab it belongs to another version.");
    }
  }

  void finish() {
    owner_.database_.write([&](db::Tx& tx) {
      registered_ = 0;
      left_out_.clear();
      for (const VersionHeader& one : header_.versions) register_again(tx, one);
      for (const ModelHeader& model : header_.models) {
        tx.execute(
            "UPDATE logged_models SET lifecycle_stage = ?, last_updated_timestamp_ms = ? WHERE "
            "model_id = ?",
            model.lifecycle_stage, model.last_updated_timestamp_ms, model.model_id);
      }
      const std::int64_t changed = tx.execute(
          "UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE run_uuid = ? AND "
          "deleted_time = ?",
          header_.lifecycle_stage, header_.deleted_time, header_.run_id, not_for_gc_ms);
      if (changed != 1) {
        throw Error(
            Code::invalid_state,
            "Run " + header_.run_id + " was removed while it was taken in. Import it again.");
      }
      tx.execute("DELETE FROM tags WHERE run_uuid = ? AND key = ?", header_.run_id,
                 tracking::purging_tag);
    });
  }

  RunArchive& owner_;
  TarReader tar_;
  Running running_;
  RunHeader header_;
  RunEnd end_;
  RunEnd seen_;  // counted here
  std::int64_t rows_now_ = 0;
  std::string experiment_;
  std::int64_t experiment_id_ = 0;
  std::string run_uri_;
  artifacts::Location run_root_;
  std::map<std::string, std::string> model_uris_;
  std::map<std::string, artifacts::Location> model_roots_;
  std::map<std::string, std::string> datasets_;  // id in the file to the id here
  std::int64_t registered_ = 0;
  std::vector<std::string> left_out_;
  bool has_run_ = false;
};

Imported RunArchive::read_run(
    const std::function<std::size_t(char* out, std::size_t max)>& source) {
  return Reading(*this, source).run();
}

}  // namespace sandbox::run_archive
