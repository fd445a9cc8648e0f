#include "sandbox/tracking/experiments.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/gc.h"
#include "sandbox/cli/text_width.h"
#include "sandbox/cli/tracking_door.h"

namespace sandbox::cli {
namespace {

using tracking::Experiment;

constexpr const char* get_path = "2.0/mlflow/experiments/get";
constexpr const char* by_name_path = "2.0/mlflow/experiments/get-by-name";

struct Found {
  Experiment experiment;
  static constexpr auto fields() { return std::tuple{field("experiment", &Found::experiment)}; }
};

struct Id {
  std::string experiment_id;
  static constexpr auto fields() { return std::tuple{field("experiment_id", &Id::experiment_id)}; }
};

struct Search {
  std::int64_t max_results = 1000;
  std::string view_type;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{field("max_results", &Search::max_results),
                      field("view_type", &Search::view_type),
                      field("page_token", &Search::page_token)};
  }
};

// How a person says which experiment: a word that is an id or else a name, or one of MLflow's
// flags.
struct Which {
  std::string word;
  std::string id;
  std::string name;

  void declare(Arguments& arguments) {
    arguments.text("experiment", word, "The experiment's id or, where none has it, its name");
    arguments.text("--experiment-id,-x", id, "Its id, as `mlflow experiments` takes it");
    arguments.text("--experiment-name", name, "Its name, also where that is a number");
  }

  Experiment find(TrackingDoor& door) const {
    if ((word.empty() ? 0 : 1) + (id.empty() ? 0 : 1) + (name.empty() ? 0 : 1) != 1) {
      throw Error(Code::invalid_parameter_value, "Say which experiment: its id or its name, once.");
    }
    if (!name.empty()) return by_name(door, name);
    if (!id.empty()) return by_id(door, id);
    if (parse_int64(word)) {
      try {
        return by_id(door, word);
      } catch (const Error&) {
        return by_name(door, word);  // a name may be a number
      }
    }
    return by_name(door, word);
  }

 private:
  static Experiment by_id(TrackingDoor& door, const std::string& id) {
    return from_json<Found>(door.get(get_path, {{"experiment_id", id}})).experiment;
  }
  static Experiment by_name(TrackingDoor& door, const std::string& name) {
    return from_json<Found>(door.get(by_name_path, {{"experiment_name", name}})).experiment;
  }
};

// "y" from the person; anything else, and the end of the input, is no.
bool is_confirmed(const Experiment& experiment) {
  std::printf(
      "This removes experiment '%s' (id %s) with all its runs, models, traces and files for ever.\n"
      "Go on? [y/N] ",
      experiment.name.c_str(), experiment.experiment_id.c_str());
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  const std::string word = lower(trim(answer));
  return word == "y" || word == "yes";
}

int remove(const Words& words) {
  Arguments arguments("experiments delete",
                      "Deletes an experiment with its runs. It can be restored, unless --hard.");
  Which which;
  LabFlags lab;
  bool hard = false;
  bool yes = false;
  which.declare(arguments);
  arguments.flag("--hard", hard,
                 "Remove it and everything in it for ever, at once; its name is free again");
  arguments.flag("--yes,-y", yes, "Do not ask before --hard");
  lab.declare(arguments);
  arguments.footer(
      "Examples:\n"
      "  mlops-sandbox experiments delete -x 3            as `mlflow experiments delete`\n"
      "  mlops-sandbox experiments delete my-experiment   by name\n"
      "  mlops-sandbox experiments delete --hard old      for ever, also when it is deleted "
      "already");
  if (!arguments.parse(words)) return 0;
  TrackingDoor door(lab);
  const Experiment experiment = which.find(door);
  const std::string& id = experiment.experiment_id;
  if (hard && !yes && !is_confirmed(experiment)) {
    throw Error(Code::invalid_state, "Not confirmed, so nothing was changed. --yes does not ask.");
  }
  if (!hard || experiment.lifecycle_stage != "deleted") {
    door.post("2.0/mlflow/experiments/delete", to_json(Id{id}));
  }
  if (!hard) {
    std::printf("Experiment with ID %s has been deleted.\n", id.c_str());
    return 0;
  }
  upkeep::Selection selection;
  selection.experiment_ids.push_back(id);
  return collect(door, selection, false);
}

int restore(const Words& words) {
  Arguments arguments("experiments restore", "Restores a deleted experiment and its runs.");
  Which which;
  LabFlags lab;
  which.declare(arguments);
  lab.declare(arguments);
  if (!arguments.parse(words)) return 0;
  TrackingDoor door(lab);
  const std::string id = which.find(door).experiment_id;
  door.post("2.0/mlflow/experiments/restore", to_json(Id{id}));
  std::printf("Experiment with id %s has been restored.\n", id.c_str());
  return 0;
}

std::vector<Experiment> all(TrackingDoor& door, const std::string& view) {
  std::vector<Experiment> experiments;
  Search search;
  search.view_type = view == "all" ? "ALL" : view == "deleted" ? "DELETED_ONLY" : "ACTIVE_ONLY";
  do {
    auto page = from_json<tracking::ExperimentPage>(
        door.post("2.0/mlflow/experiments/search", to_json(search)));
    std::move(page.experiments.begin(), page.experiments.end(), std::back_inserter(experiments));
    search.page_token = page.next_page_token.value_or("");
  } while (!search.page_token.empty());
  std::sort(experiments.begin(), experiments.end(), [](const Experiment& a, const Experiment& b) {
    return parse_int64(a.experiment_id) < parse_int64(b.experiment_id);
  });
  return experiments;
}

void print_table(const std::vector<Experiment>& experiments) {
  std::vector<std::vector<std::string>> rows{
      {"Experiment Id", "Name", "Stage", "Changed", "Artifact Location"}};
  for (const Experiment& one : experiments) {
    rows.push_back(
        {one.experiment_id, one.name, one.lifecycle_stage,
         one.last_update_time ? iso8601_ms(*one.last_update_time).substr(0, 19) + "Z" : "",
         one.artifact_location});
  }
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], text_width(row[i]));
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - text_width(row[i]), ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

int list(const Words& words) {
  Arguments arguments("experiments list", "Lists the experiments.");
  LabFlags lab;
  std::string view = "active";
  bool as_json = false;
  arguments.one_of("--view,-v", view, {"active", "deleted", "all", "active_only", "deleted_only"},
                   "active, deleted or all [active]");
  arguments.flag("--json", as_json, "One JSON object a line");
  lab.declare(arguments);
  if (!arguments.parse(words)) return 0;
  if (view.ends_with("_only")) view.resize(view.size() - 5);
  TrackingDoor door(lab);
  const std::vector<Experiment> experiments = all(door, view);
  if (!as_json) {
    print_table(experiments);
    return 0;
  }
  for (const Experiment& experiment : experiments) {
    std::printf("%s\n", to_json(experiment).c_str());
  }
  return 0;
}

}  // namespace

int experiments(const Words& words) {
  const std::string verb = words.empty() ? "" : words[0];
  const Words rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (verb == "list" || verb == "search") return list(rest);
  if (verb == "delete") return remove(rest);
  if (verb == "restore") return restore(rest);
  const char* usage =
      "Usage: mlops-sandbox experiments list|delete|restore (each has --help)\n\n"
      "  list [--view active|deleted|all] [--json]  the experiments; `search` is the same\n"
      "  delete [--hard] [--yes] ID|NAME            delete one with its runs, --hard for ever\n"
      "  restore ID|NAME                            take back a deletion\n\n"
      "ID may be said as -x ID, as `mlflow experiments` does. All work on a stopped lab too.\n";
  if (verb == "--help" || verb == "-h") {
    std::fputs(usage, stdout);
    return 0;
  }
  std::fputs(usage, stderr);
  return 2;
}

}  // namespace sandbox::cli
