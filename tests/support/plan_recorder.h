// A database that remembers how SQLite would go about each statement it is asked, for tests that no
// search reads a whole table. Works on SQLite only.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox {

class PlanRecorder final : public db::Database {
 public:
  explicit PlanRecorder(db::Database& database) : database_(database) {}

  void write_work(const std::function<void(db::Tx&)>& work) override {
    database_.write_work([&](db::Tx& tx) { record(tx, work); });
  }
  void read_work(const std::function<void(db::Tx&)>& work) override {
    database_.read_work([&](db::Tx& tx) { record(tx, work); });
  }

  // Statement to the lines of EXPLAIN QUERY PLAN.
  std::map<std::string, std::vector<std::string>> plans;

 private:
  class RecordingTx final : public db::Tx {
   public:
    RecordingTx(db::Tx& tx, PlanRecorder& recorder) : tx_(tx), recorder_(recorder) {}
    db::Rows query_values(std::string_view sql, const std::vector<db::Value>& values) override {
      explain(sql, values);
      return tx_.query_values(sql, values);
    }
    std::int64_t execute_values(std::string_view sql,
                                const std::vector<db::Value>& values) override {
      explain(sql, values);
      return tx_.execute_values(sql, values);
    }
    void script(std::string_view sql) override { tx_.script(sql); }

   private:
    void explain(std::string_view sql, const std::vector<db::Value>& values) {
      std::vector<std::string>& lines = recorder_.plans[std::string(sql)];
      lines.clear();
      db::Rows rows = tx_.query_values("EXPLAIN QUERY PLAN " + std::string(sql), values);
      while (rows.next()) lines.push_back(rows.text(3));
    }
    db::Tx& tx_;
    PlanRecorder& recorder_;
  };

  void record(db::Tx& tx, const std::function<void(db::Tx&)>& work) {
    RecordingTx recording(tx, *this);
    work(recording);
  }

  db::Database& database_;
};

}  // namespace sandbox
