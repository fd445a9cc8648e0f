#include "sandbox/base/at_once.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace sandbox {

void each_at_once(std::size_t count,
                  std::size_t threads_max,
                  const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // guards failure
  std::exception_ptr failure;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(count, threads_max); ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < count; at = next++) {
          try {
            work(at);
          } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            next = count;
          }
        }
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace sandbox
