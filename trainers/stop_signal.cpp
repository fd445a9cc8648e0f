#include "trainers/stop_signal.h"

#include <csignal>
#include <initializer_list>

namespace trainers {
namespace {

volatile std::sig_atomic_t is_signalled = 0;

void note(int /*signal*/) {
  is_signalled = 1;
}

}  // namespace

void watch_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    action.sa_handler = note;
    // The second one finds the default again.
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    sigaction(signal, &action, nullptr);
  }
}

bool is_stop_signalled() {
  return is_signalled != 0;
}

}  // namespace trainers
