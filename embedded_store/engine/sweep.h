// Gives the space of objects back that nobody can reach any more. A change that makes bytes
// unreachable writes a garbage record in its own batch; the sweeper's thread drops the bytes once
// no open reader holds them, and then the record. After a crash it finds the records again, and the
// files of large blobs that no record names.
//
// An object's bytes go under one data id, which readers pin. A reader pins first and then makes
// sure that the object's record still names this data id: a garbage record is committed together
// with the change of that record, so whoever finds it unchanged has pinned before the sweeper
// looked for pins.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "embedded_store/engine/keys.h"
#include "embedded_store/engine/records.h"
#include "embedded_store/engine/rocks.h"

namespace store::engine {

class Sweeper {
 public:
  // Keeps the bytes of one object while it lives.
  class Pin {
   public:
    Pin(Sweeper& sweeper, Id data) : sweeper_(&sweeper), data_(data) {}
    ~Pin() {
      if (sweeper_) sweeper_->unpin(data_);
    }
    Pin(Pin&& other) noexcept
        : sweeper_(std::exchange(other.sweeper_, nullptr)), data_(other.data_) {}
    Pin& operator=(Pin&&) = delete;

   private:
    Sweeper* sweeper_;
    Id data_;
  };

  // Blobs from `first_new` on belong to this process and are never taken for leftovers.
  Sweeper(Rocks& rocks, Id first_new, std::function<void(std::string_view)> crash_point);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  [[nodiscard]] Pin pin(Id data);
  // The garbage record of this data id was committed.
  void notify(Id data);

 private:
  void run(const std::stop_token& stop);
  void remove_leftovers();
  std::vector<Id> next_garbage(const std::stop_token& stop);
  void refill();
  std::vector<Id> without_pinned(const std::vector<Id>& garbage);
  std::vector<Blob> blobs_of_manifest(Id data);
  void drop(const std::vector<Id>& garbage);
  void unpin(Id data);

  Rocks& rocks_;
  const Id first_new_;
  const std::function<void(std::string_view)> crash_point_;

  std::mutex mutex_;  // of everything down to must_rescan_
  std::condition_variable_any changed_;
  std::unordered_map<Id, std::size_t> pins_;
  std::unordered_set<Id> held_;  // garbage that waits for its readers
  std::deque<Id> queue_;
  bool must_rescan_ = true;  // there are garbage records that are not in the queue

  bool must_purge_ = false;  // the thread's own: files were dropped since the last purge

  std::jthread thread_;
};

}  // namespace store::engine
