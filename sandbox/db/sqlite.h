// SQLite behind the Database door: one writing connection whose commits serve all that wait, and a
// pool of readers.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/db/sqlite_connection.h"

namespace sandbox::db {

class SqliteDatabase final : public Database {
 public:
  // An empty path is a database in memory, whose readers take turns with its writer.
  explicit SqliteDatabase(const std::string& file);
  ~SqliteDatabase() override;

  void write_work(const std::function<void(Tx&)>& work) override;
  void read_work(const std::function<void(Tx&)>& work) override;
  std::unique_ptr<Instant> hold(const std::function<void()>& meanwhile) override;

 private:
  // Where a caller waits to be told that its job is done, or that it is the one to write now. Each
  // has one of its own, so that nobody wakes for another's news; they are kept, so that whoever
  // tells may still hold one when the caller is gone.
  struct Seat {
    enum class News { none, done, lead };
    News wait();
    void tell(News what);

   private:
    std::mutex mutex_;  // guards news_
    std::condition_variable told_;
    News news_ = News::none;
  };
  struct Job {
    const std::function<void(Tx&)>* work;
    Seat* seat = nullptr;
    std::exception_ptr failure;
  };

  Seat* take_seat();
  void lead(Job& own);
  std::vector<Job*> take_group();
  void run_group(const std::vector<Job*>& group);
  void run_in_savepoint(Job& job);
  std::unique_ptr<SqliteConnection> take_reader();
  void give_back_reader(std::unique_ptr<SqliteConnection> reader);

  std::string file_;
  SqliteConnection writer_;
  std::mutex jobs_mutex_;  // guards jobs_, is_writing_, seats_ and free_seats_
  std::deque<Job*> jobs_;
  bool is_writing_ = false;  // some caller uses writer_
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<Seat*> free_seats_;
  std::mutex readers_mutex_;  // guards idle_readers_ and readers_out_
  std::condition_variable reader_returned_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;
  std::size_t readers_out_ = 0;
};

// The file a sqlite:// URI names, "" for a database in memory. SQLAlchemy's rule: three slashes
// start a relative path, four an absolute one, two are memory. Throws
// Error(invalid_parameter_value) for other URIs.
std::string sqlite_file(const std::string& uri);

}  // namespace sandbox::db
