#include "sandbox/db/sqlite.h"

#include <algorithm>

#include "sandbox/base/error.h"

namespace sandbox::db {
namespace {

constexpr std::size_t group_jobs_max = 512;  // bounds how long the first of a group waits
constexpr std::size_t readers_max = 16;

}  // namespace

SqliteDatabase::SqliteDatabase(const std::string& file)
    : file_(file), writer_(file.empty() ? ":memory:" : file, false) {
  if (!file_.empty()) {
    writer_.script("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;");
  }
}

SqliteDatabase::~SqliteDatabase() = default;

// Whoever comes while nobody writes, writes for all that have come meanwhile: concurrent callers
// share a commit, and a lone one pays for no change of threads.
void SqliteDatabase::write_work(const std::function<void(Tx&)>& work) {
  Job job{&work, false, nullptr};
  std::unique_lock lock(jobs_mutex_);
  jobs_.push_back(&job);
  while (!job.done) {
    if (is_writing_) {
      group_written_.wait(lock);
      continue;
    }
    is_writing_ = true;
    const std::vector<Job*> group = take_group();
    lock.unlock();
    run_group(group);
    lock.lock();
    is_writing_ = false;
    for (Job* one : group) one->done = true;
    group_written_.notify_all();
  }
  lock.unlock();
  if (job.failure) std::rethrow_exception(job.failure);
}

std::vector<SqliteDatabase::Job*> SqliteDatabase::take_group() {
  const std::size_t count = std::min(jobs_.size(), group_jobs_max);
  const auto end = jobs_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Job*> group(jobs_.begin(), end);
  jobs_.erase(jobs_.begin(), end);
  return group;
}

void SqliteDatabase::read_work(const std::function<void(Tx&)>& work) {
  if (file_.empty()) {
    write_work(work);
    return;
  }
  // Handed back, with its transaction ended, on every way out.
  struct Lease {
    SqliteDatabase& database;
    std::unique_ptr<SqliteConnection> reader;
    ~Lease() {
      try {
        reader->execute_values("ROLLBACK", {});
        database.give_back_reader(std::move(reader));
      } catch (const std::exception&) {
        database.give_back_reader(nullptr);
      }
    }
  };
  Lease lease{*this, take_reader()};
  lease.reader->execute_values("BEGIN", {});
  work(*lease.reader);
}

std::unique_ptr<SqliteConnection> SqliteDatabase::take_reader() {
  {
    std::unique_lock lock(readers_mutex_);
    reader_returned_.wait(lock,
                          [&] { return !idle_readers_.empty() || readers_out_ < readers_max; });
    ++readers_out_;
    if (!idle_readers_.empty()) {
      auto reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  try {
    return std::make_unique<SqliteConnection>(file_, true);
  } catch (...) {
    give_back_reader(nullptr);
    throw;
  }
}

void SqliteDatabase::give_back_reader(std::unique_ptr<SqliteConnection> reader) {
  const std::lock_guard lock(readers_mutex_);
  --readers_out_;
  if (reader) idle_readers_.push_back(std::move(reader));
  reader_returned_.notify_one();
}

void SqliteDatabase::run_group(const std::vector<Job*>& group) {
  try {
    writer_.execute_values("BEGIN IMMEDIATE", {});
    for (Job* job : group) run_in_savepoint(*job);
    writer_.execute_values("COMMIT", {});
  } catch (...) {
    // The commit is what makes all of them durable: without it none of them happened.
    const std::exception_ptr failure = std::current_exception();
    for (Job* job : group) {
      if (!job->failure) job->failure = failure;
    }
    try {
      writer_.execute_values("ROLLBACK", {});
    } catch (const std::exception&) {
      // SQLite has rolled back by itself (disk full, I/O error): there is nothing to undo.
      return;
    }
  }
}

void SqliteDatabase::run_in_savepoint(Job& job) {
  writer_.execute_values("SAVEPOINT job", {});
  try {
    (*job.work)(writer_);
  } catch (...) {
    job.failure = std::current_exception();
    writer_.execute_values("ROLLBACK TO job", {});
  }
  writer_.execute_values("RELEASE job", {});
}

}  // namespace sandbox::db
