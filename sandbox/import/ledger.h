// Counts what an import does and passes on what it finds.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "sandbox/base/env.h"
#include "sandbox/import/finding.h"

namespace sandbox::import {

// Used by the importing thread.
class Ledger {
 public:
  Ledger(Env& env, const Report& report, std::stop_token stop)
      : env_(env), report_(report), stop_(std::move(stop)) {}

  void note(const std::string& sentence) { tell("note", "", sentence); }
  void odd(const std::string& id, const std::string& sentence);
  void different(const std::string& id, const std::string& sentence);
  void unreachable(const std::string& id, const std::string& sentence);
  // Adds to a kind of the comparison; kinds are shown in the order they came first.
  void compare(const std::string& kind, std::int64_t source, std::int64_t target);
  void add(std::int64_t things) { added_ += things; }
  void present(std::int64_t things) { present_ += things; }
  // Says how far it is, now and then. Throws Error(temporarily_unavailable) once it shall stop.
  void advance(std::int64_t things, std::int64_t bytes);
  // The line that ends the report.
  [[nodiscard]] Finding total() const;

 private:
  void tell(const std::string& kind, const std::string& id, const std::string& sentence);

  Env& env_;
  const Report& report_;
  std::stop_token stop_;
  std::vector<Compared> compared_;
  std::int64_t added_ = 0;
  std::int64_t present_ = 0;
  std::int64_t different_ = 0;
  std::int64_t odd_ = 0;
  std::int64_t unreachable_ = 0;
  std::int64_t things_ = 0;
  std::int64_t bytes_ = 0;
  std::int64_t told_ns_ = 0;
};

}  // namespace sandbox::import
