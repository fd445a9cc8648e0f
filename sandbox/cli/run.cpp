#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/run_archive/run_archive.h"

// A run as a single file, out of one lab and into another.
namespace sandbox::cli {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(Code::invalid_state, what + ": " + std::strerror(errno));
}

// Standard output, or a file that bears its name only once it is whole.
class Output {
 public:
  explicit Output(const std::string& name) : name_(name) {
    if (name_.empty()) {
      if (isatty(STDOUT_FILENO) != 0) {
        throw Error(Code::invalid_parameter_value,
                    "A run is no text for a terminal. Say where it goes: run export ID > run.tar, "
                    "or --output run.tar.");
      }
      file_ = STDOUT_FILENO;
      return;
    }
    file_ = open(part().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file_ < 0) fail(name_ + " cannot be written");
  }
  ~Output() {
    if (name_.empty() || file_ < 0) return;
    close(file_);
    unlink(part().c_str());
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail((name_.empty() ? "The output" : name_) + " cannot be written");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void end() {
    if (name_.empty()) return;
    if (fsync(file_) != 0 || rename(part().c_str(), name_.c_str()) != 0) {
      fail(name_ + " cannot be written");
    }
    close(file_);
    file_ = -1;
  }

 private:
  [[nodiscard]] std::string part() const { return name_ + ".part"; }
  std::string name_;
  int file_ = -1;
};

int export_run(const Words& words) {
  Arguments arguments("run export",
                      "Writes one run as a file: params, tags, all points of its metrics, inputs, "
                      "files, and the models it logged.");
  std::string run_id;
  std::string name;
  LabFlags lab;
  arguments.text("run_id", run_id, "The run's id");
  arguments.text("--output,-o", name, "The file; without it standard output");
  lab.declare(arguments);
  arguments.footer(
      "The file is a tar archive. Versions of registered models made from the run are in it, its "
      "traces are not.\nIt works on a running lab and on a stopped one.\n"
      "\nExample:\n"
      "  mlops-sandbox run export 0123456789abcdef0123456789abcdef > run.tar\n"
      "  mlops-sandbox run import run.tar --data-dir ~/lab2");
  if (!arguments.parse(words)) return 0;
  if (run_id.empty()) throw Error(Code::invalid_parameter_value, "Say which run: run export ID.");
  Output output(name);
  TrackingDoor door(lab);
  door.get_for_pieces("sandbox/runs/" + percent_encode(run_id) + "/archive",
                      [&](std::string_view piece) { output.write(piece); });
  output.end();
  return 0;
}

int import_run(const Words& words) {
  Arguments arguments(
      "run import",
      "Takes in a run that `run export` wrote, under the same id. Its experiment is "
      "found by name, and made where there is none.");
  std::string name;
  LabFlags lab;
  bool as_json = false;
  arguments.text("file", name, "The file; - is standard input");
  arguments.flag("--json", as_json, "What was taken in as JSON");
  lab.declare(arguments);
  arguments.footer(
      "A run that is here already is refused, and nothing changes. The run shows once all of it "
      "has come and its\ndigest agrees; interrupted, it is imported again.\nVersions of registered "
      "models "
      "keep their numbers; one that is here already stays, and so does an alias.");
  if (!arguments.parse(words)) return 0;
  if (name.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Say which file: run import run.tar, or run import - for standard input.");
  }
  const int file = name == "-" ? STDIN_FILENO : open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(name + " cannot be read");
  TrackingDoor door(lab);
  const std::string answer =
      door.post_pieces("sandbox/runs/import", [&](char* out, std::size_t max) {
        ssize_t count = -1;
        do {
          count = read(file, out, max);
        } while (count < 0 && errno == EINTR);
        if (count < 0) fail(name + " cannot be read");
        return static_cast<std::size_t>(count);
      });
  if (name != "-") close(file);
  if (as_json) {
    std::printf("%s\n", answer.c_str());
    return 0;
  }
  const auto imported = from_json<run_archive::Imported>(answer);
  std::printf("Run %s is in experiment '%s' (id %s): %lld rows, %lld files, %s.\n",
              imported.run_id.c_str(), imported.experiment.c_str(), imported.experiment_id.c_str(),
              static_cast<long long>(imported.rows), static_cast<long long>(imported.files),
              size_text(imported.bytes).c_str());
  if (imported.versions > 0) {
    std::printf("Registered again: %lld model version%s.\n",
                static_cast<long long>(imported.versions), imported.versions == 1 ? "" : "s");
  }
  for (const std::string& sentence : imported.left_out) std::printf("%s\n", sentence.c_str());
  return 0;
}

// What follows `--`, a project's entry point, and what a job ran before are commands.
bool is_job(const Words& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "--" || word.starts_with("--project") || word.starts_with("--from-run");
  });
}

}  // namespace

int run_command(const Words& words) {
  const char* usage =
      "Usage: mlops-sandbox run [OPTIONS] -- COMMAND (run -- --help shows the options)\n"
      "       mlops-sandbox run [OPTIONS] --project DIR [-e ENTRY] [-P NAME=VALUE]\n"
      "       mlops-sandbox run [OPTIONS] --from-run ID\n"
      "       mlops-sandbox run export|import (each has --help)\n\n"
      "  -- COMMAND                  run a program as a job, with a run of its own\n"
      "  --project DIR               an MLproject folder, as `mlflow run` does\n"
      "  --from-run ID               what the job of that run ran, once more\n"
      "  export ID [--output FILE]   one run with its history, files and models, as one file\n"
      "  import FILE|-               take such a file into this lab, under the same id\n\n"
      "The last two work on a stopped lab too.\n";
  if (is_job(words)) return run_job(words);
  const std::string verb = words.empty() ? "" : words[0];
  const Words rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (verb == "export") return export_run(rest);
  if (verb == "import") return import_run(rest);
  const bool is_help = verb == "--help" || verb == "-h";
  std::fputs(usage, is_help ? stdout : stderr);
  return is_help ? 0 : 2;
}

}  // namespace sandbox::cli
