#include "sandbox/cli/gc.h"

#include <cstdio>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"

namespace sandbox::cli {
namespace {

using upkeep::Finding;

std::string files_text(const Finding& finding) {
  return std::to_string(finding.objects) + (finding.objects == 1 ? " file, " : " files, ") +
         size_text(finding.bytes);
}

std::string sentence(const Finding& finding, bool dry_run) {
  const std::string ending = dry_run ? " would be permanently deleted"
                                     : " has been permanently "
                                       "deleted";
  std::string name;
  if (finding.kind == "run") name = "Run";
  if (finding.kind == "logged_model") name = "Logged model";
  if (finding.kind == "experiment") name = "Experiment";
  if (!name.empty()) {
    std::string text = name + " with ID " + finding.id + ending;
    if (finding.objects > 0) text += " (" + files_text(finding) + ")";
    if (!finding.note.empty()) text += "; " + finding.note;
    return text + ".";
  }
  if (finding.kind == "orphan") {
    return std::string(dry_run ? "Without a row: " : "Removed ") + finding.place + " (" +
           files_text(finding) + "), " + finding.note + ".";
  }
  if (finding.kind == "missing") {
    return "Without files: " + finding.id + " at " + finding.place + " (" + finding.note + ").";
  }
  return "Kept. " + finding.note;
}

std::string summary(const Finding& total, const upkeep::Selection& selection) {
  std::string text = selection.dry_run ? "Would delete " : "Deleted ";
  text += count_text(*total.runs, "run") + ", " + count_text(*total.logged_models, "logged model") +
          ", " + count_text(*total.experiments, "experiment") + ", " + files_text(total) + ".";
  if (selection.dry_run || selection.orphans) {
    text += " Files without a row: " + count_text(*total.orphans, "place") + ".";
  }
  if (selection.dry_run) {
    text += " Rows without files: " + std::to_string(*total.missing) + ".";
    text += " Nothing was changed.";
    if (*total.orphans > 0 && !selection.orphans) {
      text += " `gc --orphans` removes files without a row too.";
    }
  }
  return total.note.empty() ? text : text + "\n" + total.note;
}

void add_ids(std::vector<std::string>& ids, const std::string& text) {
  for (const std::string& id : split(text, ',')) {
    if (const std::string_view word = trim(id); !word.empty()) ids.emplace_back(word);
  }
}

constexpr const char* help_footer =
    "Deleting a run, an experiment or a logged model only marks it: it can be restored and keeps "
    "its "
    "files and,\nfor an experiment, its name. gc removes what is marked for ever, rows and files. "
    "What is active is never\ntouched. Naming ids limits gc to these (`mlflow gc` would go on to "
    "all "
    "other deleted experiments and\nmodels). It works on a running lab, beside its clients, and on "
    "a "
    "stopped one; when it is interrupted, the\nnext gc finishes.\n"
    "\nExamples:\n"
    "  mlops-sandbox gc --dry-run            what would go, and where rows and files disagree\n"
    "  mlops-sandbox gc                      all that is deleted\n"
    "  mlops-sandbox gc --older-than 30d     only what was deleted 30 days ago or earlier\n"
    "  mlops-sandbox gc --run-ids ID1,ID2    only these runs\n"
    "  mlops-sandbox gc --orphans            files left by runs, models and traces that are gone, "
    "too\n"
    "\nThe setting trash-days of `up` does the same by itself after so many days.";

}  // namespace

int collect(TrackingDoor& door, const upkeep::Selection& selection, bool as_json) {
  int code = 1;  // unless the last line comes
  std::string reason = "The clean-up ended in the middle. Run it again: it goes on from there.";
  door.post_for_lines("sandbox/gc", to_json(selection), [&](std::string_view line) {
    const auto finding = from_json<Finding>(line);
    if (finding.kind == "total") code = 0;
    if (finding.kind == "error") reason = finding.note;
    if (as_json) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    } else if (finding.kind == "total") {
      std::printf("%s\n", summary(finding, selection).c_str());
    } else if (finding.kind != "error") {
      std::printf("%s\n", sentence(finding, selection.dry_run).c_str());
    }
    std::fflush(stdout);
  });
  if (code != 0) throw Error(Code::invalid_state, reason);
  return code;
}

int gc(const Words& words) {
  Arguments arguments("gc",
                      "Removes for ever what has been deleted: runs, experiments, logged "
                      "models and their files.");
  upkeep::Selection selection;
  LabFlags lab;
  std::string run_ids;
  std::string experiment_ids;
  std::string model_ids;
  bool as_json = false;
  arguments.text("--older-than", selection.older_than,
                 "Only what was deleted so long ago, e.g. 30d, 8h, 1d2h3m4s");
  arguments.text("--run-ids", run_ids, "Only these runs, with commas between");
  arguments.text("--experiment-ids", experiment_ids,
                 "Only these experiments, with all that is in them");
  arguments.text("--logged-model-ids", model_ids, "Only these logged models");
  arguments.flag("--dry-run,-n", selection.dry_run,
                 "Change nothing; tell what would go, files without a row, rows without files");
  arguments.flag("--orphans", selection.orphans,
                 "Remove files whose run, logged model or trace is gone as well");
  arguments.text("--orphan-age", selection.orphan_age,
                 "Files younger than this are never orphans [1h]");
  arguments.flag("--json", as_json, "One JSON object a line");
  lab.declare(arguments);
  arguments.footer(help_footer);
  if (!arguments.parse(words)) return 0;
  add_ids(selection.run_ids, run_ids);
  add_ids(selection.experiment_ids, experiment_ids);
  add_ids(selection.logged_model_ids, model_ids);
  TrackingDoor door(lab);
  return collect(door, selection, as_json);
}

}  // namespace sandbox::cli
