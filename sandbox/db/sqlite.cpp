#include "sandbox/db/sqlite.h"

#include <algorithm>
#include <utility>

#include "sandbox/base/error.h"

namespace sandbox::db {
namespace {

constexpr std::size_t group_jobs_max = 512;  // bounds how long the first of a group waits
constexpr std::size_t readers_max = 16;

class SqliteInstant final : public Instant {
 public:
  explicit SqliteInstant(const std::string& file) : reader_(file, true) {
    reader_.execute_values("BEGIN", {});
    // A transaction sees what there is when it first reads.
    reader_.execute_values("SELECT 1 FROM sqlite_master", {});
  }
  Tx& tx() override { return reader_; }
  void copy_to(const std::string& file) override { reader_.copy_to(file); }

 private:
  SqliteConnection reader_;
};

}  // namespace

SqliteDatabase::SqliteDatabase(const std::string& file)
    : file_(file), writer_(file.empty() ? ":memory:" : file, false) {
  if (!file_.empty()) {
    writer_.script("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;");
  }
}

SqliteDatabase::~SqliteDatabase() = default;

SqliteDatabase::Seat::News SqliteDatabase::Seat::wait() {
  std::unique_lock lock(mutex_);
  told_.wait(lock, [this] { return news_ != News::none; });
  return std::exchange(news_, News::none);
}

void SqliteDatabase::Seat::tell(News what) {
  {
    const std::lock_guard lock(mutex_);
    news_ = what;
  }
  told_.notify_one();
}

// Whoever comes while nobody writes, writes for all that have come meanwhile: concurrent callers
// share a commit, and a lone one pays for no change of threads.
void SqliteDatabase::write_work(const std::function<void(Tx&)>& work) {
  Job job{&work, nullptr, nullptr};
  std::unique_lock lock(jobs_mutex_);
  jobs_.push_back(&job);
  const bool is_first = !std::exchange(is_writing_, true);
  if (!is_first) job.seat = take_seat();
  lock.unlock();
  if (is_first || job.seat->wait() == Seat::News::lead) lead(job);
  if (job.seat != nullptr) {
    lock.lock();
    free_seats_.push_back(job.seat);
    lock.unlock();
  }
  if (job.failure) std::rethrow_exception(job.failure);
}

SqliteDatabase::Seat* SqliteDatabase::take_seat() {
  if (free_seats_.empty()) return seats_.emplace_back(std::make_unique<Seat>()).get();
  Seat* const seat = free_seats_.back();
  free_seats_.pop_back();
  return seat;
}

// Writes one group, the caller's own job in front, and names the next leader before it wakes the
// others of its group: the disk is what everybody waits for.
void SqliteDatabase::lead(Job& own) {
  std::unique_lock lock(jobs_mutex_);
  const std::vector<Job*> group = take_group();
  lock.unlock();
  run_group(group);
  lock.lock();
  Seat* const next = jobs_.empty() ? nullptr : jobs_.front()->seat;
  if (next == nullptr) is_writing_ = false;
  lock.unlock();
  if (next != nullptr) next->tell(Seat::News::lead);
  for (Job* job : group) {
    if (job != &own) job->seat->tell(Seat::News::done);
  }
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

// While the writer's transaction is open no other program commits to the file either. What waits in
// that transaction is not acknowledged yet, and the reader does not see it.
std::unique_ptr<Instant> SqliteDatabase::hold(const std::function<void()>& meanwhile) {
  if (file_.empty()) {
    throw Error(Code::not_implemented,
                "A database in memory cannot be kept. Give the lab a file: --backend-store-uri "
                "sqlite:///FILE.");
  }
  std::unique_ptr<Instant> instant;
  write_work([&](Tx&) {
    instant = std::make_unique<SqliteInstant>(file_);
    meanwhile();
  });
  return instant;
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
    // A full disk may end the whole transaction: the others of the group are told of that too.
    if (!writer_.is_in_transaction()) throw;
    writer_.execute_values("ROLLBACK TO job", {});
  }
  writer_.execute_values("RELEASE job", {});
}

}  // namespace sandbox::db
