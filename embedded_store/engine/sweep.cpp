#include "embedded_store/engine/sweep.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "embedded_store/engine/chunks.h"
#include "embedded_store/engine/records.h"
#include "sandbox/base/log.h"

namespace store::engine {
namespace {

constexpr std::size_t garbage_at_once_max = 64;
constexpr std::size_t garbage_queue_max = 16'384;
constexpr std::size_t leftovers_at_once_max = 256;
constexpr std::chrono::seconds wait_after_failure{1};
constexpr std::chrono::milliseconds quiet_before_purge{500};

}  // namespace

Sweeper::Sweeper(Rocks& rocks, Id first_new, std::function<void(std::string_view)> crash_point)
    : rocks_(rocks),
      first_new_(first_new),
      crash_point_(std::move(crash_point)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Sweeper::~Sweeper() = default;

Sweeper::Pin Sweeper::pin(Id data) {
  const std::lock_guard lock(mutex_);
  ++pins_[data];
  return {*this, data};
}

void Sweeper::unpin(Id data) {
  const std::lock_guard lock(mutex_);
  const auto pins = pins_.find(data);
  if (--pins->second > 0) return;
  pins_.erase(pins);
  if (held_.erase(data) == 0) return;
  queue_.push_back(data);
  changed_.notify_one();
}

void Sweeper::notify(Id data) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() < garbage_queue_max) {
    queue_.push_back(data);
  } else {
    must_rescan_ = true;
  }
  changed_.notify_one();
}

void Sweeper::run(const std::stop_token& stop) {
  bool has_leftovers = true;
  while (!stop.stop_requested()) {
    try {
      if (has_leftovers) remove_leftovers();
      has_leftovers = false;
      drop(next_garbage(stop));
    } catch (const std::exception& failure) {
      sandbox::log::warning("space of deleted objects could not be freed, trying again",
                            {{"cause", failure.what()}});
      std::unique_lock lock(mutex_);
      must_rescan_ = true;
      changed_.wait_for(lock, stop, wait_after_failure, [] { return false; });
    }
  }
}

// Files that were taken in but whose record was never committed. Both lists are in order of ids.
void Sweeper::remove_leftovers() {
  std::vector<Id> leftovers;
  Cursor marks = rocks_.cursor(large_prefix);
  for (const Id blob : rocks_.blobs_with_files()) {
    if (blob >= first_new_) break;
    while (marks.valid() && id_of(marks.key()) < blob) marks.next();
    if (!marks.valid() || id_of(marks.key()) != blob) leftovers.push_back(blob);
  }
  for (std::size_t i = 0; i < leftovers.size(); i += leftovers_at_once_max) {
    rocks_.drop_files(
        std::span(leftovers).subspan(i, std::min(leftovers_at_once_max, leftovers.size() - i)));
  }
  if (!leftovers.empty()) {
    sandbox::log::info("removed unfinished objects of an earlier process",
                       {{"files", leftovers.size()}});
  }
}

// Waits for work; empty when asked to stop.
std::vector<Id> Sweeper::next_garbage(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (!queue_.empty()) {
      const auto count = std::min(queue_.size(), garbage_at_once_max);
      std::vector<Id> garbage(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      return garbage;
    }
    if (must_rescan_) {
      must_rescan_ = false;
      lock.unlock();
      refill();
      lock.lock();
    } else if (must_purge_) {
      if (changed_.wait_for(lock, stop, quiet_before_purge,
                            [&] { return !queue_.empty() || must_rescan_; })) {
        continue;
      }
      if (stop.stop_requested()) return {};
      must_purge_ = false;
      lock.unlock();
      rocks_.purge();
      lock.lock();
    } else if (!changed_.wait(lock, stop, [&] { return !queue_.empty() || must_rescan_; })) {
      return {};
    }
    if (stop.stop_requested()) return {};
  }
}

void Sweeper::refill() {
  std::vector<Id> found;
  Cursor garbage = rocks_.cursor(garbage_prefix);
  for (; garbage.valid() && found.size() < garbage_queue_max; garbage.next()) {
    found.push_back(id_of(garbage.key()));
  }
  const std::lock_guard lock(mutex_);
  bool is_new = false;
  for (const Id data : found) {
    if (held_.count(data) > 0) continue;
    queue_.push_back(data);
    is_new = true;
  }
  if (is_new && garbage.valid()) must_rescan_ = true;
}

std::vector<Id> Sweeper::without_pinned(const std::vector<Id>& garbage) {
  const std::lock_guard lock(mutex_);
  std::vector<Id> free;
  for (const Id data : garbage) {
    if (pins_.count(data) > 0) {
      held_.insert(data);
    } else {
      free.push_back(data);
    }
  }
  return free;
}

std::vector<Blob> Sweeper::blobs_of_manifest(Id data) {
  std::vector<Blob> blobs;
  const auto manifest = rocks_.read(Family::meta, manifest_key(data));
  if (!manifest) return blobs;
  for (auto& part : decode_manifest(*manifest)) blobs.push_back(std::move(part.blob));
  return blobs;
}

void Sweeper::drop(const std::vector<Id>& garbage) {
  if (garbage.empty()) return;
  Batch batch(rocks_);
  std::vector<Id> files;
  for (const Id data : without_pinned(garbage)) {
    const auto record = rocks_.read(Family::meta, garbage_key(data));
    if (!record) continue;  // met twice, in the queue and in a rescan
    auto blobs = decode_garbage(*record);
    if (blobs.empty()) {
      blobs = blobs_of_manifest(data);
      batch.erase(Family::meta, manifest_key(data));
    }
    for (const Blob& blob : blobs) {
      if (blob.place == Place::large) files.push_back(blob.id);
      erase_blob(batch, blob);
    }
    batch.erase(Family::meta, garbage_key(data));
  }
  if (crash_point_) crash_point_("garbage found");
  rocks_.drop_files(files);
  must_purge_ = must_purge_ || !files.empty();
  if (crash_point_) crash_point_("garbage files dropped");
  rocks_.apply(batch);
}

}  // namespace store::engine
