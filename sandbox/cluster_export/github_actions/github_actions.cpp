#include "sandbox/cluster_export/github_actions/github_actions.h"

#include "sandbox/base/text.h"

namespace sandbox::cluster_export {
namespace {

// Without tag or digest.
std::string repository_of(const std::string& image) {
  const std::string name = image.substr(0, image.find('@'));
  const auto colon = name.rfind(':');
  return colon == name.npos || name.find('/', colon) != name.npos ? name : name.substr(0, colon);
}

std::string bucket_words(const Scene& scene) {
  std::string words;
  for (const std::string& bucket : bucket_names(scene.lab, scene.layout)) {
    words += " --bucket " + shell_word(bucket);
  }
  return words;
}

}  // namespace

Files github_actions_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::string image = repository_of(layout.trainer_image);
  const std::string workflows = ".github/workflows/";
  Files files;
  files[workflows + "test.yml"] = {std::string(own_file("github_actions/test.yml"))};
  files[workflows + "docker.yml"] = {
      filled(own_file("github_actions/docker.yml"), {{"image", image}})};
  files[workflows + "release.yml"] = {std::string(own_file("github_actions/release.yml"))};
  files[".github/start-lab.sh"] = {
      filled(own_file("github_actions/start-lab.sh"),
             {{"sandbox", layout.sandbox_image}, {"buckets", bucket_words(scene)}}),
      true};
  files["README.md"] = {filled(own_file("github_actions/README.md"),
                               {{"image", image}, {"sandbox", layout.sandbox_image}})};
  return files;
}

}  // namespace sandbox::cluster_export
