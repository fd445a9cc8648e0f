// Moves a lab to another database and object store while its clients go on. Passes copy what
// changed until little is left; then writes wait for a moment, in which the rest is copied and
// every row is compared, and the lab goes on from the new place. The old one is only read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include "sandbox/backend.h"
#include "sandbox/base/config.h"
#include "sandbox/http/turnstile.h"
#include "sandbox/migrate/migration.h"
#include "sandbox/migrate/order.h"
#include "sandbox/migrate/report.h"

namespace sandbox {

// Remembers where the lab is from now on, durably: what is started after that works there.
using KeepPlace = std::function<void(const Config& place, const migrate::Settings& settings)>;

class LiveMigration {
 public:
  // What it does to the lab; all are called from the thread of run().
  struct Lab {
    const Surroundings& surroundings;
    http::Turnstile& turnstile;           // every request that writes goes through it
    std::function<Backend&()> backend;    // the one that answers now
    std::function<void()> open_built_in;  // makes surroundings.built_in, where it is null
    KeepPlace keep_place;
    std::function<void(std::unique_ptr<Backend>)> take_over;
  };
  explicit LiveMigration(Lab lab) : lab_(std::move(lab)) {}

  // One at a time: a second caller gets Error(resource_conflict). Until the lab goes on from the
  // new place, which is decided by keep_place, it may end or be killed anywhere, and the lab stays
  // where it was; the same order then goes on. Throws Error and store::Fault.
  void run(const migrate::Order& order, const migrate::Report& report);
  // Ends one that runs, soon, and every later one at once.
  void stop() { stopping_.request_stop(); }

 private:
  struct Move;
  void open_target(Move& move);
  void follow(Move& move, const migrate::Report& report);
  std::int64_t copy_pass(Move& move, int pass, const migrate::Progress& progress);
  void close_turnstile(Move& move, const migrate::Report& report);
  bool settle(Move& move);
  void check_stop() const;

  Lab lab_;
  std::mutex migrating_;  // held by the one migration that runs
  std::stop_source stopping_;
};

}  // namespace sandbox
