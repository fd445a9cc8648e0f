// A database in memory with one active experiment (7), one deleted (8), a run (r1) and two traces
// (t1 of 7, t8 of 8), and questions about its rows.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/db/database.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

namespace sandbox::evaluation {

struct World {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();

  World() {
    script(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, artifact_location) VALUES "
        "(7, 'e', 'active', 'mlflow-artifacts:/7'), (8, 'd', 'deleted', 'mlflow-artifacts:/8');"
        "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage, status) VALUES ('r1', 7, "
        "'active', 'RUNNING');"
        "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES ('t1', 7, "
        "1, 'OK'), ('t8', 8, 1, 'OK')");
  }

  void script(const std::string& sql) {
    database->write([&](db::Tx& tx) { tx.script(sql); });
  }

  // Every row as "a|b|c\n"; NULL is "-".
  std::string rows(const std::string& sql, int columns) {
    return database->read([&](db::Tx& tx) {
      std::string out;
      for (db::Rows found = tx.query(sql); found.next();) {
        for (int i = 0; i < columns; ++i) {
          out += (i == 0 ? "" : "|") + (found.is_null(i) ? "-" : found.text(i));
        }
        out += '\n';
      }
      return out;
    });
  }
};

inline Code code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("nothing was refused");
  return Code::internal_error;
}

}  // namespace sandbox::evaluation
