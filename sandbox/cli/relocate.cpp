#include <cstdio>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/upkeep/relocation.h"

namespace sandbox::cli {
namespace {

using upkeep::Move;
using upkeep::Progress;

constexpr const char* help_footer =
    "Files are copied inside the lab's object store, each copy is read again and compared, then "
    "experiments,\nruns, logged models, model versions, traces and datasets are told the new place "
    "in one step, then what\ncame meanwhile is copied. The old files stay unless "
    "--delete-source. It works on a running lab, beside its\nclients, and on a stopped one; when "
    "it "
    "is interrupted, the same command goes on and copies nothing twice.\nA client that opened a "
    "run "
    "before may write to the old place until it ends: run the same command again,\nwith --from, "
    "and "
    "use --delete-source then.\n"
    "\nExamples:\n"
    "  mlops-sandbox relocate --experiment-id 3 --to s3://archive/3 --dry-run\n"
    "  mlops-sandbox relocate --from mlflow-artifacts:/3 --to s3://archive/3\n"
    "  mlops-sandbox relocate --from s3://old-bucket --to mlflow-artifacts:/old --delete-source";

std::string sentence(const Progress& line, bool dry_run) {
  if (line.kind == "column") {
    return "  " + line.column + ": " + count_text(line.rows, "row") +
           (dry_run ? " would say " : " now say ") + line.to + " for " + line.from;
  }
  return "  " + count_text(line.copied, "file") + " copied so far, of " +
         count_text(line.objects, "file") + " looked at";
}

std::string summary(const Progress& total, const Move& move) {
  const std::string all = count_text(total.objects, "file") + ", " + size_text(total.bytes) + ", ";
  if (move.dry_run) {
    return "Would move " + all + count_text(total.rows, "row") + " from " + total.from + " to " +
           total.to + ". Nothing was changed.";
  }
  std::string text = "Moved " + all + "from " + total.from + " to " + total.to + ": " +
                     count_text(total.copied, "file") +
                     " copied and verified, the others were "
                     "there; " +
                     count_text(total.rows, "row") + " rewritten; ";
  return text + (move.delete_source ? count_text(total.removed, "old file") + " removed."
                                    : "the old files are still there.");
}

}  // namespace

int relocate(const Words& words) {
  Arguments arguments("relocate",
                      "Moves files of runs and models to another bucket or prefix, with all that "
                      "says where they lie.");
  Move move;
  LabFlags lab;
  bool as_json = false;
  arguments.text("--from", move.from, "What to move: s3://bucket/path or mlflow-artifacts:/path");
  arguments.text("--experiment-id", move.experiment_id,
                 "Instead of --from: the place of this experiment");
  arguments.text("--to", move.to, "The new place, likewise; its bucket must exist");
  arguments.flag("--dry-run,-n", move.dry_run, "Change nothing; count what would be done");
  arguments.flag("--delete-source", move.delete_source,
                 "Remove the old files once their copies are verified and in use");
  arguments.flag("--json", as_json, "One JSON object a line");
  lab.declare(arguments);
  arguments.footer(help_footer);
  if (!arguments.parse(words)) return 0;
  if (move.to.empty() || move.from.empty() == move.experiment_id.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Say what to move and where: `" + program() +
                    " relocate --from s3://old/path --to s3://new/path`, or --experiment-id ID in "
                    "place of --from.");
  }
  TrackingDoor door(lab);
  bool is_done = false;
  std::string reason = "The move ended in the middle. Run it again: it goes on from there.";
  door.post_for_lines("sandbox/relocate", to_json(move), [&](std::string_view text) {
    const auto line = from_json<Progress>(text);
    if (line.kind == "total") is_done = true;
    if (line.kind == "error") reason = line.note;
    if (as_json) {
      std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
    } else if (line.kind == "total") {
      std::printf("%s\n", summary(line, move).c_str());
    } else if (line.kind != "error") {
      std::printf("%s\n", sentence(line, move.dry_run).c_str());
    }
    std::fflush(stdout);
  });
  if (!is_done) throw Error(Code::invalid_state, reason);
  return 0;
}

}  // namespace sandbox::cli
