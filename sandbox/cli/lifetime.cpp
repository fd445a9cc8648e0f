#include "sandbox/cli/lifetime.h"

#include <array>
#include <csignal>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    // nohup, and shells that start something in the background, want these ignored.
    if (action.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  return set;
}

bool input_is_open_pipe() {
  struct stat about {};
  if (fstat(STDIN_FILENO, &about) != 0 || !S_ISFIFO(about.st_mode)) return false;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 0) == 0;
}

}  // namespace

Lifetime::Lifetime(int parent) {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  if (parent <= 0) return;
  watches_input_ = input_is_open_pipe();
  parent_ = static_cast<int>(syscall(SYS_pidfd_open, parent, 0));
  // Older kernels: told when the thread that started us ends, which usually is the parent's last.
  if (parent_ < 0) prctl(PR_SET_PDEATHSIG, SIGTERM);
}

Lifetime::~Lifetime() {
  if (signals_ >= 0) close(signals_);
  if (parent_ >= 0) close(parent_);
}

const char* Lifetime::wait(const std::function<void()>& on_hangup) {
  const bool hears_hangups = on_hangup && isatty(STDIN_FILENO) == 0;
  std::array<pollfd, 3> watched{
      {{signals_, POLLIN, 0}, {parent_, POLLIN, 0}, {watches_input_ ? STDIN_FILENO : -1, 0, 0}}};
  for (;;) {
    while (poll(watched.data(), watched.size(), -1) < 0) {
    }
    if (watched[0].revents == 0) break;
    signalfd_siginfo taken{};
    (void)!read(signals_, &taken, sizeof taken);
    if (taken.ssi_signo != SIGHUP || !hears_hangups) break;
    on_hangup();
  }
  const char* why = "signal";
  if (watched[1].revents != 0) why = "parent ended";
  if (watched[2].revents != 0) why = "standard input ended";
  signal(SIGINT, SIG_DFL);
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return why;
}

}  // namespace sandbox::cli
