// Names with everything in them that means something to YAML, shells and Kubernetes.
#include <catch2/catch.hpp>

#include "sample_labs.h"
#include "sandbox/base/yaml.h"
#include "sandbox/cluster_export/export.h"
#include "sandbox/cluster_export/names.h"

namespace sandbox::cluster_export {
namespace {

std::vector<PythonJson> documents_of(const std::string& text) {
  std::vector<PythonJson> documents;
  std::size_t begin = text.find("---\n");
  while (begin != std::string::npos) {
    begin += 4;
    const auto end = text.find("\n---\n", begin);
    documents.push_back(
        read_yaml(text.substr(begin, end == std::string::npos ? end : end - begin)));
    begin = end == std::string::npos ? end : end + 1;
  }
  return documents;
}

const PythonJson& at(const PythonJson& tree, const std::vector<std::string>& path) {
  const PythonJson* found = &tree;
  for (const std::string& name : path) {
    const bool is_index = found->is_list();
    found = is_index ? &found->items.at(std::stoul(name)) : found->find(name);
    INFO(name);
    REQUIRE(found != nullptr);
  }
  return *found;
}

std::string plain(std::string text) {
  for (auto at = text.find("$$("); at != std::string::npos; at = text.find("$$(", at + 1)) {
    text.replace(at, 3, "$(");
  }
  return text;
}

}  // namespace

TEST_CASE("every manifest of a hostile lab is YAML with names that a cluster takes",
          "[cluster_export]") {
  const Lab lab = hostile_lab();
  for (const Preset& preset : presets()) {
    const Layout layout = make_layout(lab, preset.name, {});
    for (const char* target : {"k8s", "job", "nfs", "env", "kserve", "fastapi"}) {
      for (const auto& [path, file] : target_named(target).render({lab, layout})) {
        if (!path.ends_with(".yaml") || path.find("kustomization") != std::string::npos) continue;
        INFO(path);
        const auto documents = documents_of(file.text);
        REQUIRE_FALSE(documents.empty());
        for (const PythonJson& document : documents) {
          CHECK(is_dns_label(at(document, {"metadata", "name"}).text));
        }
      }
    }
  }
}

TEST_CASE("a hostile job's words arrive as they were", "[cluster_export]") {
  const Lab lab = hostile_lab();
  const Layout layout = make_layout(lab, "lab", {});
  const Files files = target_named("job").render({lab, layout});
  std::size_t jobs = 0;
  for (const auto& [path, file] : files) {
    if (!path.ends_with(".yaml") || path == "data.yaml" || path == "config.yaml") continue;
    const PythonJson job = documents_of(file.text).at(0);
    const bool is_schedule = at(job, {"kind"}).text == "CronJob";
    const PythonJson& spec =
        is_schedule ? at(job, {"spec", "jobTemplate", "spec"}) : at(job, {"spec"});
    const PythonJson& container = at(spec, {"template", "spec", "containers", "0"});
    const jobs::JobSpec& original = lab.jobs.front().spec;
    CHECK(at(job, {"metadata", "annotations", "mlops-sandbox/name"}).text == original.name);
    const PythonJson& command = at(container, {"command"});
    REQUIRE(command.items.size() == original.command.size());
    for (std::size_t i = 0; i < original.command.size(); ++i) {
      CHECK(plain(command.items[i].text) == original.command[i]);
      // Kubernetes would put a variable there.
      CHECK(plain(command.items[i].text).find("$(") == original.command[i].find("$("));
    }
    bool has_word = false;
    for (const PythonJson& variable : at(container, {"env"}).items) {
      const std::string& name = at(variable, {"name"}).text;
      if (name == "WORD") {
        has_word = true;
        CHECK(plain(at(variable, {"value"}).text) == original.env[0].value);
      }
      // Its name says that it is a secret, although it was given as a plain variable.
      if (name == "API_TOKEN") CHECK(variable.find("value") == nullptr);
    }
    CHECK(has_word);
    ++jobs;
  }
  CHECK(jobs == 2);
}

TEST_CASE("a huge lab is exported whole", "[cluster_export]") {
  constexpr std::size_t count = 1'000;  // of jobs, as many as are told (jobs::jobs_listed_max)
  Lab lab = course_lab();
  const LabModel model = lab.models.front();
  const jobs::Job job = lab.jobs.back();
  lab.models.clear();
  lab.jobs.clear();
  for (std::size_t i = 0; i < count; ++i) {
    lab.models.push_back(model);
    lab.models.back().name += "-" + std::to_string(i);
    lab.jobs.push_back(job);
    lab.jobs.back().name += "-" + std::to_string(i);
    lab.experiments.push_back({std::to_string(i + 1), "e" + std::to_string(i), ""});
  }
  const Layout layout = make_layout(lab, "lab", {});
  for (const Target& target : targets()) {
    const Files files = target.render({lab, layout});
    INFO(target.name);
    CHECK_FALSE(files.empty());
    // A file for each, so no two had the same name.
    if (target.name == "job" || target.name == "kserve") CHECK(files.size() > count);
  }
}

}  // namespace sandbox::cluster_export
