#include "sandbox/cluster_export/check.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <sys/wait.h>

#include "sandbox/base/text.h"

namespace sandbox::cluster_export {
namespace {

// A row for each checker. `command` is a line for sh, run in the target's directory; FILES are
// those that end in `ending`, and without any the row is left out.
struct Checker {
  std::string_view program;  // that has to be there
  std::string_view targets;  // with blanks between; "" for all
  std::string_view ending;
  std::string_view command;
};

constexpr std::array checkers{
    Checker{"shellcheck", "", ".sh", "shellcheck FILES"},
    Checker{"yamllint", "k8s job nfs kserve fastapi env", ".yaml",
            "yamllint -d '{extends: relaxed, rules: {line-length: disable}}' FILES"},
    Checker{"kubeconform", "job nfs kserve fastapi", ".yaml",
            "kubeconform -strict -ignore-missing-schemas FILES"},
    Checker{"kubeconform", "k8s", "base/kustomization.yaml",
            "kubeconform -strict -ignore-missing-schemas -ignore-filename-pattern kustomization "
            "-ignore-filename-pattern overlays ."},
    Checker{"kubectl", "k8s", "kustomization.yaml",
            "for place in overlays/*; do kubectl kustomize \"$place\" >/dev/null || exit 1; done"},
    Checker{"helm", "helm", "Chart.yaml",
            "for chart in FILES; do helm lint --strict \"${chart%/*}\" || exit 1; done"},
    Checker{"docker compose", "compose", "docker-compose.yml",
            "docker compose --env-file .env.example config --quiet --no-interpolate"},
    Checker{"terraform", "terraform", ".tf", "terraform fmt -check -recursive ."},
    Checker{"airflow", "airflow", ".py",
            "airflow dags list-import-errors --subdir . >/dev/null && python3 -m py_compile FILES"},
    Checker{"kfp", "kfp", ".yaml",
            "for file in FILES; do python3 -c 'import sys; from kfp import components; "
            "components.load_component_from_file(sys.argv[1])' \"$file\" || exit 1; done"},
    Checker{"actionlint", "github-actions", ".yml", "actionlint FILES"},
};

bool is_for(const Checker& checker, const std::string& target) {
  const auto names = split(checker.targets, ' ');
  return checker.targets.empty() || std::find(names.begin(), names.end(), target) != names.end();
}

struct Ended {
  int code = 0;
  std::string output;
};

Ended run(const std::string& line) {
  Ended ended;
  FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) return {127, "no shell could be started"};
  std::array<char, 4096> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe)) {
    ended.output.append(piece.data(), count);
  }
  const int status = ::pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  return ended;
}

// "docker compose" is a part of docker that need not be installed with it.
bool is_there(std::string_view program) {
  const auto words = split(program, ' ');
  const std::string found = "command -v " + shell_word(words.front()) + " 2>&1";
  if (words.size() == 1) return run(found).code == 0;
  return run(found + " && " + std::string(program) + " version 2>&1").code == 0;
}

std::string line_of(const Checker& checker,
                    const std::string& directory,
                    const std::string& listed) {
  std::string command(checker.command);
  for (auto at = command.find("FILES"); at != command.npos; at = command.find("FILES", at)) {
    command.replace(at, 5, listed);
    at += listed.size();
  }
  return "cd " + shell_word(directory) + " && { " + command + "; } 2>&1";
}

}  // namespace

std::vector<Verdict> check(const std::string& target,
                           const std::string& directory,
                           const Files& files) {
  std::vector<Verdict> verdicts;
  for (const Checker& checker : checkers) {
    if (!is_for(checker, target)) continue;
    std::string listed;
    for (const auto& [path, file] : files) {
      if (path.ends_with(checker.ending)) listed += (listed.empty() ? "" : " ") + shell_word(path);
    }
    if (listed.empty()) continue;
    Verdict verdict{Verdict::Kind::absent, std::string(checker.program), target, ""};
    if (is_there(checker.program)) {
      const Ended ended = run(line_of(checker, directory, listed));
      verdict.kind = ended.code == 0 ? Verdict::Kind::passed : Verdict::Kind::failed;
      if (ended.code != 0) verdict.output = ended.output;
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace sandbox::cluster_export
