// A lab without ports: stores in a directory of their own, a clock counted by hand.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/db/database.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/logged_models.h"
#include "sandbox/tracking/runs.h"
#include "sandbox/upkeep/collector.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace sandbox::upkeep {

struct Lab {
  FakeEnv env;
  TemporaryDirectory directory;
  std::unique_ptr<db::Database> database =
      open_test_database("sqlite:///" + (directory.path / "mlflow.db").string());
  std::unique_ptr<store::ObjectStore> store =
      store::open_object_store(env, (directory.path / "objects").string());
  tracking::Experiments experiments{env, *database, "mlflow-artifacts:/"};
  tracking::Runs runs{env, *database};
  tracking::LoggedModels models{env, *database};
  artifacts::Artifacts artifacts{*database, *store, {"mlflow", ""}, {}};
  Collector collector{env, *database, *store, artifacts, "mlflow-artifacts:/"};

  Lab() { store->create_bucket("mlflow", "us-east-1"); }

  std::string run(const std::string& experiment = "0") {
    tracking::NewRun fresh;
    fresh.experiment_id = experiment;
    const std::string id = runs.create(fresh).info.run_id;
    put(experiment + "/" + id + "/artifacts/a/b.txt");
    put(experiment + "/" + id + "/artifacts/c.txt");
    return id;
  }

  void put(const std::string& key, const std::string& content = "four") const {
    const auto writer = store->begin_put("mlflow", key);
    writer->write(content);
    writer->commit({});
  }

  [[nodiscard]] std::vector<std::string> keys(const std::string& prefix = "") const {
    store::ListQuery query;
    query.prefix = prefix;
    std::vector<std::string> names;
    for (const auto& object : store->list("mlflow", query).objects) names.push_back(object.key);
    return names;
  }

  // Runs statements without parameters.
  void write(const std::string& sql) const {
    database->write([&](db::Tx& tx) { tx.script(sql); });
  }

  [[nodiscard]] std::int64_t count(const std::string& table_and_condition) const {
    return database->read([&](db::Tx& tx) {
      db::Rows rows = tx.query("SELECT COUNT(*) FROM " + table_and_condition);
      rows.next();
      return rows.integer(0);
    });
  }

  std::vector<Finding> collect(const Selection& selection = {}) {
    std::vector<Finding> findings;
    collector.check(selection);
    collector.collect(selection, {}, [&](const Finding& one) { findings.push_back(one); });
    return findings;
  }
};

// How many findings there are of each kind.
inline std::map<std::string, int> kinds(const std::vector<Finding>& findings) {
  std::map<std::string, int> counts;
  for (const Finding& finding : findings) ++counts[finding.kind];
  return counts;
}

}  // namespace sandbox::upkeep
