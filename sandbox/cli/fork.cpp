#include <cstdio>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/ports.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/snapshot.h"
#include "sandbox/snapshots/files.h"

// A second lab that begins as the first one is, or was: a snapshot, restored and started.
namespace sandbox::cli {
namespace {

struct Ports {
  std::int64_t tracking = 0;
  std::int64_t s3 = 0;
  std::int64_t console = 0;
};

// Those nobody chose become free ones that the first lab does not use by habit.
void choose(Ports& ports) {
  const Config usual;
  std::vector<int> taken{static_cast<int>(usual.port), static_cast<int>(usual.s3_port),
                         static_cast<int>(usual.console_port)};
  for (const std::int64_t port : {ports.tracking, ports.s3, ports.console}) {
    if (port != 0) taken.push_back(static_cast<int>(port));
  }
  const auto take = [&](std::int64_t& port, std::int64_t after) {
    if (port == 0) port = free_port_after(usual.host, static_cast<int>(after), taken);
    if (port == 0) {
      throw Error(Code::invalid_state,
                  "No free port was found. Choose with --port, --s3-port and "
                  "--console-port.");
    }
    taken.push_back(static_cast<int>(port));
  };
  take(ports.tracking, usual.port);
  take(ports.s3, usual.s3_port);
  take(ports.console, usual.console_port);
}

// Removes the snapshot that was taken for this fork alone.
struct Passing {
  std::string data_dir;
  std::string name;
  ~Passing() {
    try {
      if (!name.empty()) snapshots::remove(data_dir, name);
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "mlops-sandbox: the snapshot '%s' stays: %s\n", name.c_str(),
                   failure.what());
    }
  }
};

// What is done in a fork does not show in the first lab; files in one store would.
void refuse_shared_files(const std::string& snapshot) {
  const snapshots::Manifest manifest = snapshots::read_manifest(snapshot);
  if (manifest.has_objects()) return;
  throw Error(Code::invalid_state, "The files of this snapshot have stayed in " +
                                       manifest.artifacts_endpoint +
                                       ", and two labs would remove each other's. `" + program() +
                                       " snapshot restore` makes a lab of it that shares them.");
}

std::string passing_name() {
  SystemEnv env;
  return "fork-" + env.new_id().substr(0, 12);
}

}  // namespace

int fork_lab(const Words& words) {
  Arguments arguments("fork",
                      "Starts a second lab that has all the first one has; what is done in one "
                      "does not show in the other.");
  std::string word;
  std::string into;
  std::string to_db;
  Ports ports;
  LabFlags lab;
  bool detach = false;
  bool no_start = false;
  arguments.text("snapshot", word, "Its name or directory; without one the lab as it is now");
  arguments.text("--into", into, "The new lab's data directory");
  arguments.text("--to-db", to_db, to_db_text);
  arguments.number("--port", ports.tracking, "Its tracking server's port [a free one]");
  arguments.number("--s3-port", ports.s3, "Its S3 server's port [a free one]");
  arguments.number("--console-port", ports.console, "Its console's port [a free one]");
  arguments.flag("--detach", detach, "Run it in the background");
  arguments.flag("--no-start", no_start, "Only make it; `up --data-dir` starts it");
  lab.declare(arguments);
  arguments.footer(
      "It works on a running lab, beside its clients, and on a stopped one; both share the files "
      "of large objects\non the disk. The new lab's ports stand in its settings file, so `up "
      "--data-dir` starts it the same way again.\n"
      "\nExamples:\n"
      "  mlops-sandbox fork --into ~/lab2 --detach                from now\n"
      "  mlops-sandbox fork before-exam --into ~/lab2 --port 5010");
  if (!arguments.parse(words)) return 0;
  if (into.empty()) {
    throw Error(Code::invalid_parameter_value, "Say where the new lab goes: fork --into DIR.");
  }
  umask(077);
  const std::string data_dir = find_data_dir(lab.data_dir, process_environment());
  snapshots::Restoring how;
  how.data_dir = absolute_directory(into);
  how.every_byte = false;
  how.postgres_uri = to_db;
  choose(ports);
  how.settings = {{"port", std::to_string(ports.tracking)},
                  {"s3-port", std::to_string(ports.s3)},
                  {"console-port", std::to_string(ports.console)}};
  {
    Passing passing{data_dir, ""};
    if (word.empty()) {
      passing.name = take_snapshot(lab, {.name = passing_name()}).name;
      word = passing.name;
    }
    how.snapshot = snapshot_directory(word, data_dir);
    refuse_shared_files(how.snapshot);
    const snapshots::Manifest manifest = restore_snapshot(how);
    std::printf("The lab in %s begins with %s.\n", how.data_dir.c_str(),
                contents_text(manifest).c_str());
  }
  if (no_start) {
    print_start(how);
    return 0;
  }
  std::fflush(stdout);
  // Above what the environment may say of the first lab.
  Words start{"--data-dir", how.data_dir, "--backend-store-uri", backend_store_of(how)};
  for (const auto& [name, value] : how.settings) {
    start.push_back("--" + name);
    start.push_back(value);
  }
  if (detach) start.emplace_back("--detach");
  return up(start);
}

}  // namespace sandbox::cli
