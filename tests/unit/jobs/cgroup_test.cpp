// Where cgroups of jobs are made, what is written into them, and, where this machine lets us, that
// the kernel keeps the limits (row S4-28).
#include "sandbox/jobs/cgroup.h"

#include <csignal>
#include <filesystem>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/jobs/attempt.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

// A child that lies in the cgroup from its beginning on.
template <class Work>
pid_t start_in(const Cgroup& cgroup, const Work& work) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  for (const int door : cgroup.doors()) {
    if (write(door, "0", 1) != 1) _exit(99);
  }
  work();
  _exit(0);
}

int status_of(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

std::string name_of(const char* purpose) {
  return "mlops-sandbox-test-" + std::string(purpose) + "-" + std::to_string(getpid());
}

}  // namespace

TEST_CASE("the lab's own cgroup is found in all layouts of the mounts", "[jobs]") {
  // As systemd mounts version 2 alone.
  const CgroupPlace unified = own_cgroup(
      2, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope\n",
      "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  CHECK(unified.version == 2);
  CHECK(unified.controllers.at("memory") ==
        "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope");
  // A container with its own namespace: the mount shows its cgroup as the root.
  CHECK(own_cgroup(2, "0::/\n", "31 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n")
            .controllers.at("cpu") == "/sys/fs/cgroup");
  // Version 1, where two controllers may share a mount, in a container without a namespace.
  const std::string mounts =
      "33 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "34 31 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "35 31 0:31 /docker/abc /sys/fs/cgroup/pids rw master:2 - cgroup cgroup rw,pids\n"
      "36 31 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
  const CgroupPlace first = own_cgroup(
      1, "12:cpu,cpuacct:/docker/abc\n9:memory:/docker/abc/deeper\n3:pids:/elsewhere\n", mounts);
  CHECK(first.version == 1);
  CHECK(first.controllers ==
        TextMap{{"cpu", "/sys/fs/cgroup/cpu,cpuacct"}, {"memory", "/sys/fs/cgroup/memory/deeper"}});
  CHECK(own_cgroup(2, "12:cpu,cpuacct:/docker/abc\n", mounts).version == 0);
  // The start of another name is not its cgroup.
  CHECK(own_cgroup(1, "9:memory:/docker/abcd\n", mounts).version == 0);
  CHECK(own_cgroup(1, "9:memory:/docker/abc/../../x\n", mounts).version == 0);
  CHECK(own_cgroup(1, "", "").version == 0);
}

TEST_CASE("limits are written as the kernel reads them", "[jobs]") {
  const CgroupLimits limits{512 << 20, 1.5, 100};
  CHECK(limit_files(2, "memory", limits) == CgroupFiles{{"memory.max", "536870912"},
                                                        {"memory.swap.max", "0"},
                                                        {"memory.oom.group", "1"}});
  CHECK(limit_files(2, "cpu", limits) == CgroupFiles{{"cpu.max", "150000 100000"}});
  CHECK(limit_files(2, "pids", limits) == CgroupFiles{{"pids.max", "100"}});
  CHECK(limit_files(1, "memory", limits) ==
        CgroupFiles{{"memory.limit_in_bytes", "536870912"},
                    {"memory.memsw.limit_in_bytes", "536870912"}});
  CHECK(limit_files(1, "cpu", limits) ==
        CgroupFiles{{"cpu.cfs_period_us", "100000"}, {"cpu.cfs_quota_us", "150000"}});
  CHECK(limit_files(2, "cpu", {0, 0.001, 0}) == CgroupFiles{{"cpu.max", "1000 100000"}});
  for (const char* name : {"memory", "cpu", "pids"}) CHECK(limit_files(2, name, {}).empty());
  CHECK(limits_text({}) == "looking: memory, processes");
  CHECK(limits_text({2, {{"memory", "/a"}, {"cpu", "/a"}}}) == "cgroup v2: cpu, memory");
}

TEST_CASE("the kernel keeps memory and processes at their limits", "[jobs]") {
  const CgroupPlace place = find_cgroup_place();
  if (!place.controllers.contains("memory") || !place.controllers.contains("pids")) {
    WARN("no cgroups can be made here: " + limits_text(place));
    return;
  }
  const auto cgroup = Cgroup::make(place, name_of("limits"), {64 << 20, 1, 8});
  REQUIRE(cgroup.has_value());
  CHECK(WEXITSTATUS(status_of(start_in(*cgroup, [] {}))) == 0);
  CHECK_FALSE(cgroup->has_run_out_of_memory());
  CHECK_FALSE(cgroup->has_run_out_of_processes());
  const int killed = status_of(start_in(*cgroup, [] {
    const std::size_t bytes = std::size_t{256} << 20;
    void* const memory =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(98);
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
  }));
  CHECK(WIFSIGNALED(killed));
  CHECK(WTERMSIG(killed) == SIGKILL);
  CHECK(cgroup->has_run_out_of_memory());
  CHECK_FALSE(cgroup->has_run_out_of_processes());
  const int refused = status_of(start_in(*cgroup, [] {
    for (int i = 0; i < 20; ++i) {
      const pid_t child = fork();
      if (child < 0) _exit(97);
      if (child == 0) {
        pause();
        _exit(0);
      }
    }
  }));
  CHECK(WEXITSTATUS(refused) == 97);
  CHECK(cgroup->has_run_out_of_processes());
  const auto directories = Cgroup::directories(place, name_of("limits"));
  cgroup->remove();  // with the seven that wait
  for (const std::string& one : directories) CHECK_FALSE(std::filesystem::exists(one));
}

TEST_CASE("a cgroup of version 2 is removed with all that lies in it and below", "[jobs]") {
  // Needs no controller, so that it is shown where those are version 1's too.
  const CgroupPlace own = own_cgroup(2, read_file("/proc/self/cgroup").value_or(""),
                                     read_file("/proc/self/mountinfo").value_or(""));
  if (own.version != 2 || access(own.controllers.at("memory").c_str(), W_OK) != 0) {
    WARN("no cgroup of version 2 can be written here");
    return;
  }
  const CgroupPlace place{2, {{"none", own.controllers.at("memory")}}};
  const auto cgroup = Cgroup::make(place, name_of("v2"), {});
  if (!cgroup) {
    WARN("no cgroup of version 2 can be made here");
    return;
  }
  const std::string directory = Cgroup::directories(place, name_of("v2")).at(0);
  const pid_t child = start_in(*cgroup, [] { pause(); });
  REQUIRE(child > 0);
  while (read_file(directory + "/cgroup.procs") == "") usleep(1'000);
  std::filesystem::create_directories(directory + "/below/it");
  remove_cgroup({directory});
  CHECK(WTERMSIG(status_of(child)) == SIGKILL);
  CHECK_FALSE(std::filesystem::exists(directory));
  remove_cgroup({directory});  // nothing there is no error
}
