// How long the server runs: until it is told to stop, or, in a test run, until its parent is gone.
#pragma once

#include <functional>

namespace sandbox::cli {

// Made before the first thread, because every thread inherits what signals it leaves to this one.
class Lifetime {
 public:
  // With `parent` above 0 the end of that process ends the wait too, and so does the end of
  // standard input where that is an open pipe.
  explicit Lifetime(int parent);
  ~Lifetime();
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  // Returns the reason, as a word for the log. A second signal after that ends the process at once.
  // Where nobody sits at a terminal that could hang up, SIGHUP calls `on_hangup` instead, if set.
  const char* wait(const std::function<void()>& on_hangup = {});

 private:
  int signals_ = -1;
  int parent_ = -1;
  bool watches_input_ = false;
};

}  // namespace sandbox::cli
