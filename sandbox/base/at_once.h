// The same work for many things, several at a time.
#pragma once

#include <cstddef>
#include <functional>

namespace sandbox {

// Calls `work` with 0 … count-1 from at most `threads_max` threads; returns when all is done. The
// first exception is thrown to the caller, and what has not begun by then is left out.
void each_at_once(std::size_t count,
                  std::size_t threads_max,
                  const std::function<void(std::size_t)>& work);

}  // namespace sandbox
