// Empties the trash by itself: what has been deleted for longer than the setting `trash-days` goes
// for ever, in the background, in the same small slices as `gc`.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "sandbox/upkeep/collector.h"

namespace sandbox::upkeep {

class Trash {
 public:
  // With 0 days nothing is ever removed. The collector must outlive it.
  Trash(Collector& collector, std::int64_t days) : collector_(collector), days_(days) {}
  ~Trash() { stop(); }
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // A round now and then one every ten minutes, in a thread of its own.
  void start();
  // Returns when the thread has ended; a round that runs ends after its present slice.
  void stop();
  // One round, in this thread. Failures are logged: the next round tries again.
  void empty(const std::stop_token& stop = {});

 private:
  Collector& collector_;
  std::int64_t days_;
  std::mutex waiting_;  // guards nothing but the wait
  std::condition_variable_any woken_;
  std::jthread thread_;
};

}  // namespace sandbox::upkeep
