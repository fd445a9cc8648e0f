#include "sandbox/jobs/command.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox::jobs {
namespace {

enum Place { cgroup, directory, command };
constexpr std::array<const char*, 3> places{"cgroup", "directory", "command"};

struct Failure {
  int place = 0;  // of `places`
  int number = 0;
};

// The pointers live as long as `texts`.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void fail(int report, int place) {
  const Failure failure{place, errno};
  if (write(report, &failure, sizeof failure) < 0) _exit(126);
  _exit(127);
}

[[noreturn]] void become(const Order& order,
                         const std::vector<int>& cgroup_doors,
                         int output,
                         int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int door : cgroup_doors) {
    if (write(door, "0", 1) != 1) fail(report, cgroup);
  }
  setsid();
  umask(022);  // the server's is stricter
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE}) signal(number, SIG_DFL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (chdir(order.working_dir.c_str()) != 0) fail(report, directory);
  std::vector<std::string> words = order.command;
  std::vector<std::string> variables;
  for (const auto& [name, value] : order.env) variables.push_back(name + "=" + value);
  const std::vector<char*> environment = pointers_to(variables);
  // The search for the program goes by the job's PATH.
  environ =
      const_cast<char**>(environment.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  execvp(words[0].c_str(), pointers_to(words).data());
  fail(report, command);
}

}  // namespace

Command start_command(const Order& order, const std::vector<int>& cgroup_doors) {
  std::array<int, 2> output{};
  std::array<int, 2> report{};
  Command started;
  if (pipe2(output.data(), O_CLOEXEC) != 0 || pipe2(report.data(), O_CLOEXEC) != 0) {
    started.start_errno = errno;
    started.start_place = "command";
    return started;
  }
  const pid_t pid = fork();
  if (pid == 0) become(order, cgroup_doors, output[1], report[1]);
  const int fork_errno = errno;
  close(output[1]);
  close(report[1]);
  Failure failure{command, fork_errno};
  // Ends at once when the program begins, as both ends close then.
  if (pid < 0 || read(report[0], &failure, sizeof failure) == sizeof failure) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    started.start_errno = failure.number;
    started.start_place = places.at(static_cast<std::size_t>(failure.place));
    close(output[0]);
  } else {
    started.pid = pid;
    started.output = output[0];
    fcntl(started.output, F_SETFL, O_NONBLOCK);
  }
  close(report[0]);
  return started;
}

}  // namespace sandbox::jobs
