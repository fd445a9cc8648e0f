#include "sandbox/import/ledger.h"

#include <algorithm>

#include "sandbox/base/error.h"

namespace sandbox::import {
namespace {

constexpr std::int64_t progress_ns = 200'000'000;
constexpr std::int64_t told_max = 20;  // of each kind; all are counted

}  // namespace

void Ledger::tell(const std::string& kind, const std::string& id, const std::string& sentence) {
  Finding finding;
  finding.kind = kind;
  finding.id = id;
  finding.note = sentence;
  report_(finding);
}

void Ledger::odd(const std::string& id, const std::string& sentence) {
  if (++odd_ <= told_max) tell("odd", id, sentence);
}

void Ledger::different(const std::string& id, const std::string& sentence) {
  if (++different_ <= told_max) tell("different", id, sentence);
}

void Ledger::unreachable(const std::string& id, const std::string& sentence) {
  if (++unreachable_ <= told_max) tell("unreachable", id, sentence);
}

void Ledger::compare(const std::string& kind, std::int64_t source, std::int64_t target) {
  auto found = std::find_if(compared_.begin(), compared_.end(),
                            [&](const Compared& one) { return one.kind == kind; });
  if (found == compared_.end()) found = compared_.insert(found, {kind, 0, 0});
  found->source += source;
  found->target += target;
}

void Ledger::advance(std::int64_t things, std::int64_t bytes) {
  if (stop_.stop_requested()) {
    throw Error(Code::temporarily_unavailable,
                "The import was stopped. What is there is whole; the same command goes on.");
  }
  things_ += things;
  bytes_ += bytes;
  const std::int64_t now = env_.monotonic_ns();
  if (told_ns_ != 0 && now - told_ns_ < progress_ns) return;
  told_ns_ = now;
  Finding finding;
  finding.kind = "progress";
  finding.things = things_;
  finding.bytes = bytes_;
  report_(finding);
}

Finding Ledger::total() const {
  Finding finding;
  finding.kind = "total";
  finding.compared = compared_;
  finding.added = added_;
  finding.present = present_;
  finding.different = different_;
  finding.odd = odd_;
  finding.unreachable = unreachable_;
  finding.is_equal =
      different_ == 0 && std::all_of(compared_.begin(), compared_.end(),
                                     [](const Compared& one) { return one.source == one.target; });
  return finding;
}

}  // namespace sandbox::import
