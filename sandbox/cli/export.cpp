#include "sandbox/cluster_export/export.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/cluster_export/check.h"
#include "sandbox/cluster_export/explain.h"
#include "sandbox/cluster_export/write.h"

namespace sandbox::cli {
namespace {

using cluster_export::Change;
using cluster_export::Files;
using cluster_export::Lab;
using cluster_export::Layout;
using cluster_export::Target;

using Settings = std::vector<std::pair<std::string, std::string>>;

struct Wanted {
  std::vector<std::string> targets;
  std::string out = "export";
  std::string preset;
  std::vector<std::string> settings;
  std::vector<std::string> models;
  std::vector<std::string> jobs;
  bool overwrite = false;
  bool explain = false;
  bool check = false;
  bool list_settings = false;
};

Settings settings_of(const std::vector<std::string>& words) {
  Settings settings;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(Code::invalid_parameter_value, "--set takes name=value, and '" + word +
                                                     "' is none. `" + program() +
                                                     " export --settings` lists the names.");
    }
    settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return settings;
}

Lab read_lab(const LabFlags& flags) {
  TrackingDoor door(flags);
  Lab lab = from_json<Lab>(door.get("sandbox/lab", {}));
  const auto state = running_lab(find_data_dir(flags.data_dir, process_environment()));
  if (state) {
    lab.tracking_url = state->tracking_url;
    lab.s3_url = state->s3_url;
  }
  return lab;
}

// Keeps those that were named; a name that fits nothing is refused.
void keep_models(Lab& lab, const std::vector<std::string>& names) {
  if (names.empty()) return;
  for (const std::string& name : names) {
    if (std::none_of(lab.models.begin(), lab.models.end(),
                     [&](const auto& model) { return model.name == name; })) {
      throw Error(Code::invalid_parameter_value,
                  "There is no registered model '" + name + "' in the lab.");
    }
  }
  std::erase_if(lab.models, [&](const auto& model) {
    return std::find(names.begin(), names.end(), model.name) == names.end();
  });
}

void keep_jobs(Lab& lab, const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  const auto is_meant = [](const auto& job, const std::string& id) {
    return job.job_id == id || job.details.run_id == id;
  };
  for (const std::string& id : ids) {
    if (std::none_of(lab.jobs.begin(), lab.jobs.end(),
                     [&](const auto& job) { return is_meant(job, id); })) {
      throw Error(Code::invalid_parameter_value, "No job and no job's run of the lab has the id '" +
                                                     id + "'. `" + program() +
                                                     " jobs list` shows the jobs.");
    }
  }
  std::erase_if(lab.jobs, [&](const auto& job) {
    return std::none_of(ids.begin(), ids.end(),
                        [&](const std::string& id) { return is_meant(job, id); });
  });
}

std::vector<const Target*> targets_of(const std::vector<std::string>& names) {
  std::vector<const Target*> found;
  for (const std::string& name : names) {
    if (name == "all") {
      for (const Target& target : cluster_export::targets()) found.push_back(&target);
    } else {
      found.push_back(&cluster_export::target_named(name));
    }
  }
  std::set<const Target*> seen;
  std::erase_if(found, [&](const Target* target) { return !seen.insert(target).second; });
  return found;
}

// An export that would replace something shows it; true when it may go on.
bool may_write(const std::string& directory, const Files& files, bool overwrite) {
  const auto changes = cluster_export::compare(directory, files);
  bool is_free = true;
  for (const Change& change : changes) {
    if (change.kind == Change::Kind::added) continue;
    is_free = false;
    std::fputs(cluster_export::difference(directory, files, change).c_str(), stdout);
    if (change.kind == Change::Kind::edited) {
      std::printf("# %s/%s was changed by hand.\n", directory.c_str(), change.path.c_str());
    }
  }
  return is_free || overwrite;
}

// One target's files and where they go.
struct Tree {
  std::string target;
  std::string directory;
  Files files;
};

std::vector<Tree> trees_of(const Wanted& wanted, const Lab& lab, const Layout& layout) {
  std::vector<Tree> trees;
  for (const Target* target : targets_of(wanted.targets)) {
    const std::string name(target->name);
    trees.push_back({name, wanted.out + "/" + name, target->render({lab, layout})});
  }
  return trees;
}

// 1 where a checker found something.
int check_all(const std::vector<Tree>& trees) {
  using cluster_export::Verdict;
  int code = 0;
  for (const Tree& tree : trees) {
    for (const Verdict& verdict : cluster_export::check(tree.target, tree.directory, tree.files)) {
      const char* word = verdict.kind == Verdict::Kind::passed   ? "passed"
                         : verdict.kind == Verdict::Kind::failed ? "FAILED"
                                                                 : "absent";
      std::printf("%-16s %-12s %s\n", verdict.target.c_str(), verdict.checker.c_str(), word);
      std::fputs(verdict.output.c_str(), stdout);
      if (verdict.kind == Verdict::Kind::failed) code = 1;
    }
  }
  return code;
}

int write_all(const Wanted& wanted, const std::vector<Tree>& trees) {
  bool is_free = true;
  for (const Tree& tree : trees) {
    is_free = may_write(tree.directory, tree.files, wanted.overwrite) && is_free;
  }
  if (!is_free) {
    std::fprintf(stderr,
                 "Nothing was written, since files would be replaced as shown. The same with "
                 "--overwrite does it; or name another directory with --out.\n");
    return 1;
  }
  for (const Tree& tree : trees) {
    const bool is_the_same = cluster_export::compare(tree.directory, tree.files).empty();
    if (!is_the_same) cluster_export::write(tree.directory, tree.files);
    std::printf("%-40s %s%s\n", tree.directory.c_str(),
                count_text(static_cast<std::int64_t>(tree.files.size()), "file").c_str(),
                is_the_same ? ", unchanged" : "");
  }
  return wanted.check ? check_all(trees) : 0;
}

void print_settings(const Layout& layout) {
  std::apply(
      [&](const auto&... row) {
        const auto print = [&](const auto& one) {
          const auto& value = layout.*one.member;
          std::string text;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            text = value;
          } else {
            text = std::to_string(value);
          }
          std::printf("%s=%-48s # %s\n", std::string(one.name).c_str(), text.c_str(),
                      std::string(one.about).c_str());
        };
        (print(row), ...);
      },
      Layout::fields());
}

std::string footer() {
  std::string text = "Targets:\n";
  for (const Target& target : cluster_export::targets()) {
    const std::string name(target.name);
    text += "  " + name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') +
            std::string(target.about) + "\n";
  }
  text += "Presets:\n";
  for (const auto& preset : cluster_export::presets()) {
    const std::string name(preset.name);
    text += "  " + name + std::string(16 - name.size(), ' ') + std::string(preset.about) + "\n";
  }
  return text +
         "No file of an export holds a secret. What would be replaced is shown first.\n"
         "Examples:\n"
         "  mlops-sandbox export k8s helm --out cluster --preset docker-desktop\n"
         "  mlops-sandbox export kserve --model shapes --set serving_namespace=models";
}

}  // namespace

int export_lab(const Words& words) {
  Arguments arguments("export", "Writes the files of a cluster installation of this lab.");
  Wanted wanted;
  LabFlags lab_flags;
  std::vector<std::string> names;
  for (const auto& preset : cluster_export::presets()) names.emplace_back(preset.name);
  wanted.preset = names.front();
  arguments.list("target", wanted.targets, "What to write, one or several; all is every target");
  arguments.text("--out,-o", wanted.out, "The directory, with one of each target in it [export]");
  arguments.one_of("--preset,-p", wanted.preset, names, "Whose names and ports [lab]");
  arguments.list("--set", wanted.settings, "A name by itself: mlflow_namespace=monitoring");
  arguments.list("--model", wanted.models, "Only this registered model; may be repeated");
  arguments.list("--job", wanted.jobs, "Only this job, by its id or its run's; may be repeated");
  arguments.flag("--overwrite", wanted.overwrite, "Replace files that are there");
  arguments.flag("--explain", wanted.explain,
                 "Write nothing; say what changes when this lab leaves this machine, and what not");
  arguments.flag("--check", wanted.check,
                 "Then run the checkers this machine has: kubeconform, helm, shellcheck, …");
  arguments.flag("--settings", wanted.list_settings, "List what --set takes, and its values now");
  lab_flags.declare(arguments);
  arguments.footer(footer());
  if (!arguments.parse(words)) return 0;
  if (wanted.targets.empty() && !wanted.list_settings && !wanted.explain) {
    throw Error(Code::invalid_parameter_value, "Say what to write: `" + program() +
                                                   " export k8s`. `export --help` lists the "
                                                   "targets.");
  }
  Lab lab = read_lab(lab_flags);
  keep_models(lab, wanted.models);
  keep_jobs(lab, wanted.jobs);
  const Layout layout =
      cluster_export::make_layout(lab, wanted.preset, settings_of(wanted.settings));
  if (wanted.list_settings) {
    print_settings(layout);
    return 0;
  }
  if (wanted.explain) {
    std::fputs(cluster_export::explanation_text(cluster_export::explain({lab, layout})).c_str(),
               stdout);
    return 0;
  }
  return write_all(wanted, trees_of(wanted, lab, layout));
}

}  // namespace sandbox::cli
