#include <cstdio>
#include <deque>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"

namespace sandbox::cli {
namespace {

constexpr std::chrono::milliseconds pause{200};

class LogReader {
 public:
  LogReader(std::string path, const std::string& component)
      : path_(std::move(path)), wanted_(component.empty() ? "" : " part=" + component + " ") {
    open();
  }

  [[nodiscard]] bool is_open() const { return file_.is_open(); }

  // The next whole line of the wanted component; false at the present end of the file.
  bool next(std::string& line) {
    while (true) {
      const auto before = file_.tellg();
      if (!std::getline(file_, line) || file_.eof()) {
        // A line without its end is still being written.
        file_.clear();
        file_.seekg(before);
        return false;
      }
      if (wanted_.empty() || line.find(wanted_) != std::string::npos) return true;
    }
  }

  // The server begins a new file when one is full; what is read then is the new one.
  void follow() {
    struct stat now {};
    if (stat(path_.c_str(), &now) == 0 && now.st_ino != inode_) open();
  }

 private:
  void open() {
    file_ = std::ifstream(path_);
    struct stat now {};
    if (stat(path_.c_str(), &now) == 0) inode_ = now.st_ino;
  }

  std::string path_;
  std::string wanted_;
  std::ifstream file_;
  ino_t inode_ = 0;
};

}  // namespace

int logs(const Words& words) {
  Arguments arguments("logs", "Shows the server's log, also of a lab that has stopped.");
  std::string place;
  std::string component;
  std::int64_t tail = 0;
  bool follow = false;
  arguments.one_of("component", component, {"tracking", "s3", "console"},
                   "Only the requests of one part: tracking, s3 or console");
  arguments.flag("--follow,-f", follow, "Go on with what is written from now on, until Ctrl-C");
  arguments.number("--tail,-n", tail, "Only the last lines");
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  if (!arguments.parse(words)) return 0;
  const std::string path = log_file(find_data_dir(place, process_environment()));
  LogReader reader(path, component);
  if (!reader.is_open()) {
    throw Error(Code::not_found, "There is no log at " + path + ": no lab has run there yet.");
  }
  std::deque<std::string> lines;
  std::string line;
  while (reader.next(line)) {
    if (tail <= 0) {
      std::printf("%s\n", line.c_str());
      continue;
    }
    lines.push_back(line);
    if (lines.size() > static_cast<std::size_t>(tail)) lines.pop_front();
  }
  for (const std::string& kept : lines) std::printf("%s\n", kept.c_str());
  std::fflush(stdout);
  while (follow) {
    while (reader.next(line)) std::printf("%s\n", line.c_str());
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return 1;
    std::this_thread::sleep_for(pause);
    reader.follow();
  }
  return 0;
}

}  // namespace sandbox::cli
