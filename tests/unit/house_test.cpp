// Reads the #include lines of the tree and holds them against the plan of who may look at whom:
// each room's list below, libraries behind their doors, the world outside only through base/.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

const fs::path root = SOURCE_DIRECTORY;

// Room -> the rooms it may include (itself is always allowed). "app" and "cli" see everything.
const std::map<std::string, Names> arrows{
    {"base", {}},
    {"http", {"base"}},
    {"db", {"base"}},
    {"engine", {"base", "object_store"}},
    {"object_store", {"base"}},
    {"s3", {"base", "http", "object_store"}},
    {"remote", {"base", "http", "object_store", "s3"}},
    {"tracking", {"base", "http", "db", "object_store"}},
    {"evaluation", {"base", "http", "db", "tracking"}},
    {"auth", {"base", "http", "db"}},
    {"registry", {"base", "http", "db", "object_store", "tracking"}},
    {"traces", {"base", "http", "db", "tracking"}},
    {"artifacts", {"base", "http", "db", "object_store", "tracking"}},
    {"upkeep", {"base", "http", "db", "object_store", "tracking", "registry", "artifacts"}},
    {"snapshots", {"base", "http", "db", "object_store", "migrate"}},
    {"jobs", {"base", "http", "db", "object_store", "tracking", "artifacts"}},
    {"run_archive", {"base", "http", "db", "object_store", "tracking", "artifacts", "upkeep"}},
    {"import", {"base", "http", "db", "object_store", "remote", "tracking", "traces", "artifacts"}},
    {"migrate", {"base", "http", "db", "object_store", "artifacts"}},
    {"mlflow_ui", {"base", "http"}},
    {"graphql", {"base", "http", "tracking", "registry", "artifacts"}},
    {"webhooks", {"base", "http", "db", "tracking"}},
    {"cluster_export",
     {"base", "http", "db", "object_store", "tracking", "registry", "artifacts", "jobs", "auth"}},
    {"trainers", {"base", "http", "object_store", "remote"}},
};

// Library header -> the folders that are its doors.
const std::vector<std::pair<std::string, Names>> doors{
    {"httplib.h", {"sandbox/http/"}},
    {"curl/", {"sandbox/http/"}},
    {"sqlite3.h", {"sandbox/db/"}},
    {"pqxx/", {"sandbox/db/"}},
    {"libpq-fe.h", {"sandbox/db/"}},
    {"rocksdb/", {"embedded_store/engine/"}},
    {"torch/", {"trainers/"}},
    {"ATen/", {"trainers/"}},
    {"cairo", {"trainers/"}},
    {"xgboost/", {"trainers/tabular/"}},
    {"nlohmann/", {"sandbox/base/"}},
    {"spdlog/", {"sandbox/base/"}},
    {"openssl/", {"sandbox/base/"}},
    {"google/protobuf/", {"sandbox/traces/"}},
    {"re2/", {"sandbox/db/"}},
    {"yaml-cpp/", {"sandbox/base/"}},
    {"pugixml", {"embedded_store/s3/"}},
    {"archive.h", {"sandbox/run_archive/", "trainers/"}},
    {"archive_entry.h", {"sandbox/run_archive/", "trainers/"}},
    {"CLI/", {"sandbox/cli/"}},
    {"editline/", {"sandbox/cli/"}},
};

// Words that belong to base/ alone, or nowhere.
const std::vector<std::string> world{"system_clock::now", "getenv(", "std::rand(", " rand(",
                                     "time(nullptr)"};

struct File {
  std::string path;  // relative to the root
  std::vector<std::string> lines;
};

std::vector<File> sources() {
  std::vector<File> files;
  for (const char* folder : {"sandbox", "embedded_store", "trainers"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp") continue;
      File file{fs::relative(entry.path(), root).string(), {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) file.lines.push_back(line);
      files.push_back(std::move(file));
    }
  }
  return files;
}

// "sandbox/tracking/runs.h" -> "tracking"; "" for the files of the top that see everything.
std::string room_of(const std::string& path) {
  if (path.rfind("embedded_store/object_", 0) == 0) return "object_store";
  std::smatch match;
  if (std::regex_search(path, match, std::regex("^(?:sandbox|embedded_store)/([a-z0-9_]+)/"))) {
    return match[1];
  }
  return path.rfind("trainers/", 0) == 0 ? "trainers" : "";
}

std::vector<std::string> wrong_arrows(const File& file) {
  std::vector<std::string> wrong;
  const auto may = arrows.find(room_of(file.path));
  for (const std::string& line : file.lines) {
    std::smatch match;
    if (!std::regex_search(line, match, std::regex("^#include [<\"]([^>\"]+)[>\"]"))) continue;
    const std::string included = match[1];
    for (const auto& [header, folders] : doors) {
      const bool is_inside = std::any_of(folders.begin(), folders.end(), [&](const auto& folder) {
        return file.path.rfind(folder, 0) == 0;
      });
      if (included.rfind(header, 0) == 0 && !is_inside) {
        wrong.push_back(file.path + " includes " + included + ", whose door is " +
                        *folders.begin());
      }
    }
    if (may == arrows.end() || line.find('"') == std::string::npos) continue;
    const std::string target = room_of(included);
    if (target != may->first && may->second.count(target) == 0) {
      wrong.push_back(file.path + " looks at " + included);
    }
  }
  return wrong;
}

std::string listed(const std::vector<std::string>& lines) {
  std::ostringstream out;
  for (const std::string& line : lines) out << line << '\n';
  return out.str();
}

}  // namespace

TEST_CASE("rooms look only where the plan lets them, libraries stay behind their doors",
          "[house]") {
  std::vector<std::string> wrong;
  for (const File& file : sources()) {
    for (std::string& one : wrong_arrows(file)) wrong.push_back(std::move(one));
  }
  INFO(listed(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("the clock, the environment and chance are asked for in base only", "[house]") {
  std::vector<std::string> wrong;
  for (const File& file : sources()) {
    if (file.path.rfind("sandbox/base/", 0) == 0) continue;
    if (file.path.rfind("sandbox/jobs/names/", 0) == 0) continue;  // a part of other programs
    for (const std::string& line : file.lines) {
      for (const std::string& word : world) {
        if (line.find(word) != std::string::npos) wrong.push_back(file.path + ": " + line);
      }
    }
  }
  INFO(listed(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("no source is longer than 600 lines or holds a mark of unfinished work", "[house]") {
  std::vector<std::string> wrong;
  for (const File& file : sources()) {
    if (file.lines.size() > 600)
      wrong.push_back(file.path + " has " + std::to_string(file.lines.size()) + " lines");
    for (const std::string& line : file.lines) {
      // Spelt apart, so that this file does not find itself.
      for (const std::string& mark : {std::string("FIX") + "ME", std::string("TO") + "DO"}) {
        if (line.find(mark) != std::string::npos) wrong.push_back(file.path + ": " + line);
      }
    }
  }
  INFO(listed(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("the planted wrong arrow is found", "[house]") {
  CHECK(
      wrong_arrows({"sandbox/tracking/x.cpp", {"#include \"sandbox/registry/models.h\""}}).size() ==
      1);
  CHECK(wrong_arrows({"sandbox/tracking/x.cpp", {"#include <sqlite3.h>"}}).size() == 1);
  CHECK(wrong_arrows({"sandbox/base/x.cpp", {"#include \"sandbox/http/request.h\""}}).size() == 1);
  CHECK(wrong_arrows({"sandbox/registry/x.cpp", {"#include \"sandbox/tracking/runs.h\""}}).empty());
}
