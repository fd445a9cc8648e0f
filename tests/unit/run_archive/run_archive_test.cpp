// A run as a file: what comes back is what went out, and a file that anybody may have changed takes
// nothing in and leads nowhere.
#include "sandbox/run_archive/run_archive.h"

#include <cstring>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/run_archive/tar.h"
#include "sandbox/upkeep/rows.h"
#include "tests/unit/upkeep/lab.h"

using namespace sandbox;               // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::run_archive;  // NOLINT(google-build-using-namespace)

namespace {

using Catch::Contains;

constexpr const char* model_id = "m-0123456789abcdef0123456789abcdef";

struct Lab : upkeep::Lab {
  RunArchive archive{env, *database, *store, experiments, artifacts};

  // With every kind of row and value that a run has.
  std::string full_run() {
    const std::string id = run();
    put("0/" + id + "/artifacts/empty", "");
    put("0/" + id + "/artifacts/폴더/모델 파일.bin", std::string(300'000, 'x'));
    put("0/models/" + std::string(model_id) + "/artifacts/weights", "w");
    database->write([&](db::Tx& tx) {
      tx.execute("INSERT INTO params (run_uuid, key, value) VALUES (?, 'empty', '')", id);
      tx.execute("INSERT INTO tags (run_uuid, key, value) VALUES (?, 'none', NULL)", id);
      for (const double value : {-0.1, 5e-324, 1.7976931348623157e308}) {
        tx.execute(
            "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, 'm', "
            "?, 9007199254740993, -3, ?)",
            id, value, false);
      }
      tx.execute(
          "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, "
          "'m', 0, 1, 1, ?)",
          id, true);
      tx.execute(
          "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
          "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, "
          "source_run_id) VALUES (?, 0, 'net', ?, 1, 2, 2, 'active', ?)",
          model_id, "mlflow-artifacts:/0/models/" + std::string(model_id) + "/artifacts", id);
      tx.execute(
          "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) "
          "VALUES (?, 0, 'depth', '3')",
          model_id);
    });
    return id;
  }

  std::string written(const std::string& run_id) {
    std::string file;
    archive.write_run(run_id, [&](std::string_view piece) { file += piece; });
    return file;
  }
  Imported take(std::string_view file) {
    return archive.read_run([&](char* out, std::size_t max) {
      const std::size_t size = std::min(max, file.size());
      std::memcpy(out, file.data(), size);
      file.remove_prefix(size);
      return size;
    });
  }
  [[nodiscard]] std::int64_t visible_runs() const {
    return count("runs WHERE lifecycle_stage = 'active'");
  }
  void remove_run(const std::string& id) const {
    database->write([&](db::Tx& tx) {
      std::int64_t budget = 10'000;
      tx.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", id);
      tx.execute("UPDATE logged_models SET lifecycle_stage = 'deleted'");
      REQUIRE(upkeep::remove_rows(tx, upkeep::logged_model_rows, db::Value(model_id), budget));
      REQUIRE(upkeep::remove_rows(tx, upkeep::run_rows, db::Value(id), budget));
    });
  }
};

// Name and content of each entry.
std::vector<std::pair<std::string, std::string>> entries_of(std::string_view file) {
  TarReader tar([&](char* out, std::size_t max) {
    const std::size_t size = std::min(max, file.size());
    std::memcpy(out, file.data(), size);
    file.remove_prefix(size);
    return size;
  });
  std::vector<std::pair<std::string, std::string>> entries;
  while (const auto entry = tar.next()) {
    std::string content(entry->bytes, '\0');
    std::size_t filled = 0;
    while (filled < content.size()) {
      const std::size_t count = tar.read(content.data() + filled, content.size() - filled);
      REQUIRE(count > 0);
      filled += count;
    }
    entries.emplace_back(entry->name, content);
  }
  return entries;
}

// An archive of these entries, with an end whose counts and digest agree.
std::string archive_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string file;
  TarWriter tar([&](std::string_view piece) { file += piece; });
  Running running;
  RunEnd end;
  for (const auto& [name, content] : entries) {
    running.begin(name, content.size());
    running.add(content);
    tar.add(name, content, 0);
    if (name.starts_with("rows/")) {
      end.rows += std::count(content.begin(), content.end(), '\n');
    } else if (name != header_name) {
      ++end.files;
      end.bytes += static_cast<std::int64_t>(content.size());
    }
  }
  end.sha256 = running.finish();
  tar.add(end_name, to_json(end), 0);
  tar.end();
  return file;
}

std::string header_of(const std::string& run_id) {
  RunHeader header;
  header.format = format_version;
  header.run_id = run_id;
  header.experiment = "Default";
  header.lifecycle_stage = "active";
  return to_json(header);
}

const std::string run_id(32, 'a');
const std::string run_row =
    "[\"" + run_id + "\", \"n\", null, null, null, \"u\", \"FINISHED\", 1, 2, null]\n";

}  // namespace

TEST_CASE("a run comes back as it went out, with its files and models", "[run_archive]") {
  Lab from;
  Lab to;
  const std::string id = from.full_run();
  const std::string file = from.written(id);
  const Imported imported = to.take(file);
  CHECK(imported.run_id == id);
  CHECK(imported.files == 5);
  // The same entries again, the digest of all among them.
  CHECK(entries_of(to.written(id)) == entries_of(file));
  CHECK(to.visible_runs() == 1);
  CHECK_THROWS_WITH(to.take(file), Contains("is here already"));
}

TEST_CASE("a file with a changed or missing byte takes nothing in", "[run_archive]") {
  Lab from;
  Lab to;
  const std::string id = from.full_run();
  const std::string file = from.written(id);
  const auto whole = entries_of(file);
  std::size_t refused = 0;
  std::size_t taken = 0;
  const auto try_to_take = [&](const std::string& changed) {
    try {
      to.take(changed);
    } catch (const Error&) {
      ++refused;
      REQUIRE(to.visible_runs() == 0);
      return;
    }
    // What the entries do not hold, such as their times, may differ.
    ++taken;
    REQUIRE(entries_of(to.written(id)) == whole);
    to.remove_run(id);
  };
  for (std::size_t at = 0; at < file.size(); at += at < 30'000 ? 97 : 9'973) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 0x15);
    try_to_take(changed);
    try_to_take(file.substr(0, at));
  }
  CHECK(refused > 300);
  CHECK(taken < refused);
  CHECK(to.take(file).run_id == id);
}

TEST_CASE("files made to harm are refused with a sentence", "[run_archive]") {
  Lab lab;
  const auto refused = [&](const std::vector<std::pair<std::string, std::string>>& entries,
                           const char* sentence) {
    CHECK_THROWS_WITH(lab.take(archive_of(entries)), Contains(sentence));
    CHECK(lab.visible_runs() == 0);
    CHECK(lab.keys().empty());
  };
  const std::pair<std::string, std::string> header{header_name, header_of(run_id)};
  const std::pair<std::string, std::string> row{"rows/runs/0.jsonl", run_row};
  refused({}, "does not begin with run.json");
  refused({{header_name, "{"}}, "");
  refused({{header_name, header_of("../../etc")}}, "");
  refused({header}, "holds no run");
  refused({header, row, {"artifacts/../../x", "1"}}, "unusable name");
  refused({header, row, {"artifacts//x", "1"}}, "unusable name");
  refused({header, row, {"models/m-1/x", "1"}}, "of a model that it does not name");
  refused({header, row, {"elsewhere", "1"}}, "belongs to nothing");
  refused({header, {"artifacts/x", "1"}}, "before its run");
  refused({header, {"rows/experiments/0.jsonl", "[1]\n"}}, "unknown kind");
  refused({header, {"rows/runs/0.jsonl", "[1, 2]\n"}}, "a row of runs");
  refused({header, {"rows/runs/0.jsonl", "nothing\n"}}, "");
  refused({header, {"rows/runs/0.jsonl", std::string(17 << 20, ' ')}}, "too large");
  CHECK(lab.take(archive_of({header, row, {"artifacts/x", "1"}})).run_id == run_id);
}
