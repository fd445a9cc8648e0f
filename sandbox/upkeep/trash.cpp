#include "sandbox/upkeep/trash.h"

#include <chrono>
#include <string>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"

namespace sandbox::upkeep {
namespace {

constexpr std::chrono::minutes between_rounds{10};

}  // namespace

void Trash::start() {
  if (days_ <= 0) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      empty(stop);
      std::unique_lock lock(waiting_);
      woken_.wait_for(lock, stop, between_rounds, [] { return false; });
    }
  });
}

void Trash::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Trash::empty(const std::stop_token& stop) {
  if (days_ <= 0) return;
  Selection selection;
  selection.older_than = std::to_string(days_) + "d";
  try {
    collector_.collect(selection, stop, [](const Finding& finding) {
      if (finding.kind == "total") return;
      log::info(finding.kind == "kept" ? "trash kept" : "trash removed",
                {{"kind", finding.kind},
                 {"id", finding.id},
                 {"objects", finding.objects},
                 {"bytes", finding.bytes},
                 {"note", finding.note}});
    });
  } catch (const std::exception& failure) {
    // A gc that runs at this moment, a full disk: the next round comes.
    log::warning("the trash was not emptied", {{"reason", failure.what()}});
  }
}

}  // namespace sandbox::upkeep
