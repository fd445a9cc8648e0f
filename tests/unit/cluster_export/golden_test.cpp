// Whole trees of every target under every preset, compared with tests/golden/export/PRESET/TARGET.
// Files that are copied as they lie in sandbox/cluster_export are not kept there once more.
// SANDBOX_UPDATE_GOLDEN=1 writes them anew; read what git shows then.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "sample_labs.h"
#include "sandbox/cluster_export/export.h"
#include "sandbox/cluster_export/own_files.h"

namespace fs = std::filesystem;

namespace sandbox::cluster_export {
namespace {

std::map<std::string, std::string> tree_at(const fs::path& root) {
  std::map<std::string, std::string> files;
  if (!fs::exists(root)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    files[fs::relative(entry.path(), root).string()] = text.str();
  }
  return files;
}

bool is_copied(const File& file) {
  const auto files = all_own_files();
  return std::any_of(files.begin(), files.end(),
                     [&](const OwnFile& own) { return own.text == file.text; });
}

Files without_copies(Files files) {
  std::erase_if(files, [](const auto& entry) { return is_copied(entry.second); });
  return files;
}

void update(const fs::path& root, const Files& files) {
  fs::remove_all(root);
  for (const auto& [path, file] : files) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << file.text;
  }
}

}  // namespace

TEST_CASE("a lab is exported to the same files as before", "[cluster_export]") {
  const Lab lab = course_lab();
  for (const Preset& preset : presets()) {
    const Layout layout = make_layout(lab, preset.name, {});
    for (const Target& target : targets()) {
      DYNAMIC_SECTION(preset.name << "/" << target.name) {
        const fs::path root = fs::path(SOURCE_DIRECTORY) / "tests/golden/export" /
                              std::string(preset.name) / std::string(target.name);
        const Files files = without_copies(target.render({lab, layout}));
        if (std::getenv("SANDBOX_UPDATE_GOLDEN") != nullptr) update(root, files);
        const auto expected = tree_at(root);
        CHECK(files.size() == expected.size());
        for (const auto& [path, file] : files) {
          INFO(path);
          const auto found = expected.find(path);
          REQUIRE(found != expected.end());
          CHECK(file.text == found->second);
        }
      }
    }
  }
}

TEST_CASE("an export says the same twice and holds no secret", "[cluster_export]") {
  for (const Lab& lab : {course_lab(), empty_lab(), hostile_lab()}) {
    for (const Preset& preset : presets()) {
      const Layout layout = make_layout(lab, preset.name, {});
      for (const Target& target : targets()) {
        const Files once = target.render({lab, layout});
        const Files again = target.render({lab, layout});
        REQUIRE(once.size() == again.size());
        for (const auto& [path, file] : once) {
          INFO(preset.name << "/" << target.name << "/" << path);
          CHECK(again.at(path).text == file.text);
          // Of the hostile lab's job, and of every lab's store.
          CHECK(file.text.find("hunter2") == std::string::npos);
          CHECK(file.text.find("minioadmin") == std::string::npos);
          CHECK(file.text.find("127.0.0.1:9000") == std::string::npos);
          // A schema may say that it is refused.
          const bool may_name_it = path.ends_with(".schema.json");
          CHECK((may_name_it || file.text.find(":latest") == std::string::npos));
          CHECK(path.find("..") == std::string::npos);
        }
      }
    }
  }
}

}  // namespace sandbox::cluster_export
