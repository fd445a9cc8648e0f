// A lab without ports whose snapshots are taken: stores in a directory of their own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/snapshots/snapshots.h"
#include "tests/support/temporary_directory.h"

namespace sandbox::snapshots {

// The stores below a data directory, as `up` lays them out.
struct Lab {
  // Without a database it has an SQLite file.
  explicit Lab(std::string place,
               CrashPoint crash_point = {},
               std::unique_ptr<db::Database> metadata = nullptr)
      : data_dir(std::move(place)),
        database(metadata ? std::move(metadata)
                          : db::open_database("sqlite:///" + data_dir + "/mlflow.db")),
        objects(store::open_object_store(env, data_dir + "/objects")),
        snapshots(env,
                  *database,
                  *objects,
                  {data_dir, "mlflow-artifacts:/", "s3://mlflow", "none"},
                  std::move(crash_point)) {
    if (!objects->find_bucket("mlflow")) objects->create_bucket("mlflow", "us-east-1");
    database->write([](db::Tx& tx) {
      tx.execute(
          "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
          "VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active') ON CONFLICT DO NOTHING");
    });
  }

  void put(const std::string& key, const std::string& content) const {
    const auto writer = objects->begin_put("mlflow", key);
    writer->write(content);
    writer->commit({});
  }
  // "" when there is none.
  [[nodiscard]] std::string get(const std::string& key) const {
    std::string content;
    if (const auto reader = objects->open("mlflow", key)) {
      reader->read(0, reader->info().size, [&](std::string_view piece) { content += piece; });
    }
    return content;
  }
  void add_run(const std::string& id) const {
    database->write([&](db::Tx& tx) {
      tx.execute(
          "INSERT INTO runs (run_uuid, experiment_id, name, status, lifecycle_stage, "
          "artifact_uri) VALUES (?, 0, 'n', 'FINISHED', 'active', ?)",
          id, "mlflow-artifacts:/0/" + id + "/artifacts");
    });
  }
  [[nodiscard]] std::vector<std::string> runs() const {
    return database->read([](db::Tx& tx) {
      std::vector<std::string> ids;
      db::Rows rows = tx.query("SELECT run_uuid FROM runs ORDER BY run_uuid");
      while (rows.next()) ids.push_back(rows.text(0));
      return ids;
    });
  }

  SystemEnv env;
  std::string data_dir;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<store::ObjectStore> objects;
  Snapshots snapshots;
};

inline const std::string large(3 << 20, 'L');  // has a file of its own

}  // namespace sandbox::snapshots
