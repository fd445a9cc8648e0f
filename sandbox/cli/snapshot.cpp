#include "sandbox/cli/snapshot.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <sys/stat.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/snapshots/files.h"
#include "sandbox/snapshots/snapshots.h"

namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;

std::string time_text(std::int64_t ms) {
  return iso8601_ms(ms).substr(0, 19) + "Z";
}

void refuse_taken(const std::string& directory) {
  if (!snapshots::exists(directory)) return;
  throw Error(Code::invalid_parameter_value,
              directory + " exists already. Name a directory that does not exist yet.");
}

int save(const Words& words) {
  Arguments arguments("snapshot save",
                      "Keeps the whole lab as it is at this moment: runs, models, files, users.");
  snapshots::Wanted wanted;
  std::string to;
  LabFlags lab;
  bool as_json = false;
  arguments.text("name", wanted.name, "Its name; without one it is the time");
  arguments.text("--to", to,
                 "Put it into this new directory, also on another disk, instead of the lab's");
  arguments.flag("--metadata-only", wanted.metadata_only,
                 "Keep runs, models, traces and users alone, when the files lie in another object "
                 "store (--artifacts-endpoint)");
  arguments.flag("--json", as_json, "What was taken as JSON");
  lab.declare(arguments);
  arguments.footer(
      "It works on a running lab, beside its clients, and on a stopped one, with SQLite or "
      "PostgreSQL. It takes little\ndisk as long as it lies beside the lab, since both share the "
      "files of large objects; on another disk it is a\nwhole copy. In it are also users and "
      "tokens, the key of the webhooks' secrets and the settings file; S3 keys\nand TLS files that "
      "flags or variables named are not.");
  if (!arguments.parse(words)) return 0;
  umask(077);
  const std::string data_dir = find_data_dir(lab.data_dir, process_environment());
  if (!to.empty()) {
    to = absolute_directory(to);
    refuse_taken(to);
  }
  const snapshots::Manifest manifest = take_snapshot(lab, wanted);
  std::string directory = snapshots::shelf_of(data_dir) + "/" + manifest.name;
  if (!to.empty()) {
    fs::create_directories(fs::path(to).parent_path());
    snapshots::move_snapshot(directory, to);
    directory = to;
  }
  if (as_json) {
    std::printf("%s\n", to_json(manifest).c_str());
    return 0;
  }
  std::printf("Snapshot '%s' of %s: %s.\n", manifest.name.c_str(),
              time_text(manifest.created_ms).c_str(), contents_text(manifest).c_str());
  std::printf("In:          %s (%s that the lab does not share)\n", directory.c_str(),
              size_text(snapshots::own_bytes(directory)).c_str());
  std::printf("To go back:  %s snapshot restore %s --into NEW-DIRECTORY%s\n", program().c_str(),
              to.empty() ? manifest.name.c_str() : shell_word(directory).c_str(),
              to.empty() ? data_dir_flag(data_dir).c_str() : "");
  return 0;
}

const char* state_text(snapshots::Place::State state) {
  switch (state) {
    case snapshots::Place::State::finished: return "";
    case snapshots::Place::State::being_made: return "is being taken";
    case snapshots::Place::State::unfinished: return "was not finished; remove it";
    case snapshots::Place::State::unreadable: return "cannot be used";
  }
  return "";
}

int list(const Words& words) {
  Arguments arguments("snapshot list", "Lists the snapshots that lie beside the lab.");
  std::string place;
  bool as_json = false;
  arguments.flag("--json", as_json, "One JSON object a line, of finished ones only");
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  if (!arguments.parse(words)) return 0;
  const std::string data_dir = find_data_dir(place, process_environment());
  const auto places = snapshots::places_of(data_dir);
  if (places.empty() && !as_json) std::printf("There are no snapshots in %s.\n", data_dir.c_str());
  for (snapshots::Place one : places) {
    if (one.state == snapshots::Place::State::finished) {
      if (as_json) {
        one.manifest.files.clear();
        std::printf("%s\n", to_json(one.manifest).c_str());
      } else {
        std::printf("%-24s %s  %s\n", one.name.c_str(), time_text(one.manifest.created_ms).c_str(),
                    contents_text(one.manifest).c_str());
      }
    } else if (!as_json) {
      std::printf("%-24s %s%s%s\n", one.name.c_str(), state_text(one.state),
                  one.reason.empty() ? "" : ": ", one.reason.c_str());
    }
  }
  return 0;
}

int verify_one(const Words& words) {
  Arguments arguments("snapshot verify",
                      "Reads a snapshot to its last byte and compares it with its digests.");
  std::string word;
  std::string place;
  arguments.text("snapshot", word, "Its name, or its directory");
  arguments.text("--data-dir,--data", place, "The lab beside which it lies");
  if (!arguments.parse(words)) return 0;
  const std::string directory =
      snapshot_directory(word, find_data_dir(place, process_environment()));
  const snapshots::Manifest manifest = snapshots::read_manifest(directory);
  const auto wrong = snapshots::differences(directory, manifest, true);
  for (const std::string& sentence : wrong) std::fprintf(stderr, "%s\n", sentence.c_str());
  if (!wrong.empty()) {
    throw Error(Code::invalid_state, "The snapshot in " + directory + " is damaged.");
  }
  std::printf("Snapshot '%s' is whole: %s.\n", manifest.name.c_str(),
              contents_text(manifest).c_str());
  return 0;
}

int restore(const Words& words) {
  Arguments arguments("snapshot restore", "Makes a lab out of a snapshot, where none is yet.");
  std::string word;
  std::string place;
  std::string into;
  std::string to_db;
  arguments.text("snapshot", word, "Its name, or its directory");
  arguments.text("--into", into,
                 "The new lab's data directory; without it the lab's own, where only snapshots are "
                 "left");
  arguments.text("--to-db,--backend-store-uri", to_db, to_db_text);
  arguments.text("--data-dir,--data", place, "The lab beside which it lies");
  arguments.footer(
      "Nothing is overwritten: where a lab is already, it says so. The snapshot is checked to its "
      "last byte first\nand never changed. Interrupted, it is run again and begins anew; `up` "
      "refuses the directory until then.\n"
      "\nExamples:\n"
      "  mlops-sandbox snapshot restore before-exam --into ~/lab2\n"
      "  mlops-sandbox snapshot restore /backup/monday --into ~/lab2\n"
      "  mlops-sandbox snapshot restore monday --into ~/lab2 --to-db postgresql://me@db:5432/lab2\n"
      "  mlops-sandbox up --data-dir ~/lab2");
  if (!arguments.parse(words)) return 0;
  umask(077);
  const std::string data_dir = find_data_dir(place, process_environment());
  snapshots::Restoring how;
  how.snapshot = snapshot_directory(word, data_dir);
  how.data_dir = into.empty() ? data_dir : absolute_directory(into);
  how.postgres_uri = to_db;
  const snapshots::Manifest manifest = restore_snapshot(how);
  std::printf("Restored '%s' of %s: %s.\n", manifest.name.c_str(),
              time_text(manifest.created_ms).c_str(), contents_text(manifest).c_str());
  if (!manifest.has_objects()) {
    std::printf(
        "Its files are those of the first lab, in %s: what one of the two removes there, the other "
        "misses. Use gc, trash-days and relocate in one of them only.\n",
        manifest.artifacts_endpoint.c_str());
  }
  print_start(how);
  return 0;
}

int remove_one(const Words& words) {
  Arguments arguments("snapshot remove", "Removes a snapshot, or what an interrupted one left.");
  std::string name;
  std::string place;
  arguments.text("name", name, "Its name");
  arguments.text("--data-dir,--data", place, "The lab beside which it lies");
  if (!arguments.parse(words)) return 0;
  const std::string data_dir = find_data_dir(place, process_environment());
  if (!snapshots::remove(data_dir, name)) {
    throw Error(Code::not_found, "There is no snapshot '" + name + "' in " + data_dir + ".");
  }
  std::printf("Snapshot '%s' is gone.\n", name.c_str());
  return 0;
}

}  // namespace

std::string absolute_directory(const std::string& path) {
  std::string absolute = fs::absolute(path).lexically_normal().string();
  while (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return absolute;
}

std::string snapshot_directory(const std::string& word, const std::string& data_dir) {
  if (word.empty()) {
    throw Error(Code::invalid_parameter_value, "Say which snapshot: its name (see `" + program() +
                                                   " snapshot list`) or its "
                                                   "directory.");
  }
  if (word.find('/') != std::string::npos || word == "." || word == "..") {
    return absolute_directory(word);
  }
  snapshots::check_name(word);
  std::string directory = snapshots::shelf_of(data_dir) + "/" + word;
  if (snapshots::exists(directory)) return directory;
  throw Error(Code::not_found,
              "There is no snapshot '" + word + "' in " + data_dir + ". `" + program() +
                  " snapshot list` shows those that are; a directory is said with a '/', ./" +
                  word + ".");
}

snapshots::Manifest take_snapshot(const LabFlags& lab, const snapshots::Wanted& wanted) {
  TrackingDoor door(lab);
  return from_json<snapshots::Manifest>(door.post("sandbox/snapshots", to_json(wanted)));
}

std::string contents_text(const snapshots::Manifest& manifest) {
  const snapshots::Counts& counts = manifest.counts;
  std::string text = count_text(counts.experiments, "experiment") + ", " +
                     count_text(counts.runs, "run") + ", " +
                     count_text(counts.registered_models, "registered model");
  if (counts.traces > 0) text += ", " + count_text(counts.traces, "trace");
  if (!manifest.has_objects()) return text + "; files stay in " + manifest.artifacts_endpoint;
  return text + "; " + count_text(counts.objects, "file") + ", " + size_text(counts.object_bytes);
}

std::string backend_store_of(const snapshots::Restoring& how) {
  return how.postgres_uri.empty() ? "sqlite:///" + how.data_dir + "/mlflow.db" : how.postgres_uri;
}

void print_start(const snapshots::Restoring& how) {
  std::printf("Start it:  %s up%s\n", program().c_str(), data_dir_flag(how.data_dir).c_str());
  for (const char* name : {"MLOPS_SANDBOX_BACKEND_STORE_URI", "MLFLOW_BACKEND_STORE_URI"}) {
    const auto set = process_environment()(name);
    if (!set || *set == backend_store_of(how)) continue;
    std::printf("           in a shell without %s, which names another database\n", name);
  }
}

snapshots::Manifest restore_snapshot(const snapshots::Restoring& how) {
  const LabLock lock(how.data_dir);
  return snapshots::restore(how);
}

int snapshot(const Words& words) {
  const char* usage =
      "Usage: mlops-sandbox snapshot save|list|verify|restore|remove (each has --help)\n\n"
      "  save [NAME] [--to DIR]          keep the lab as it is now; `snapshot` alone does it too\n"
      "  list [--json]                   the snapshots that lie beside the lab\n"
      "  verify NAME|DIR                 read one to its last byte\n"
      "  restore NAME|DIR [--into DIR]   make a lab out of one, where none is yet\n"
      "  remove NAME                     remove one\n\n"
      "`mlops-sandbox fork` starts a second lab from one. All work on a stopped lab too.\n";
  const std::string verb = words.empty() ? "save" : words[0];
  const Words rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (verb == "save") return save(rest);
  if (verb == "list") return list(rest);
  if (verb == "verify") return verify_one(rest);
  if (verb == "restore") return restore(rest);
  if (verb == "remove") return remove_one(rest);
  if (verb == "--help" || verb == "-h") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (verb.starts_with('-')) return save(words);
  throw Error(Code::invalid_parameter_value,
              "There is no `snapshot " + verb +
                  "`: it is save, list, verify, restore or remove. `" + program() +
                  " snapshot save " + shell_word(verb) + "` keeps a snapshot of that name.");
}

}  // namespace sandbox::cli
