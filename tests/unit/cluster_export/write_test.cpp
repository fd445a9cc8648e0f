#include "sandbox/cluster_export/write.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

namespace fs = std::filesystem;

namespace sandbox::cluster_export {
namespace {

struct Place {
  Place() {
    std::string name = (fs::temp_directory_path() / "export test XXXXXX").string();
    root = ::mkdtemp(name.data());
  }
  ~Place() { fs::remove_all(root); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] std::string target() const { return (root / "k8s").string(); }
  [[nodiscard]] std::string text(const std::string& path) const {
    std::ostringstream out;
    out << std::ifstream(root / "k8s" / path).rdbuf();
    return out.str();
  }
  fs::path root;
};

const Files first{{"a.yaml", {"one\n"}}, {"sub/run.sh", {"#!/bin/sh\n", true}}};

}  // namespace

TEST_CASE("an export appears whole, and the second time nothing changes", "[cluster_export]") {
  const Place place;
  CHECK(compare(place.target(), first).size() == 2);
  write(place.target(), first);
  CHECK(place.text("a.yaml") == "one\n");
  CHECK((fs::status(place.root / "k8s/sub/run.sh").permissions() & fs::perms::owner_exec) !=
        fs::perms::none);
  CHECK(compare(place.target(), first).empty());
  CHECK(std::distance(fs::directory_iterator(place.root), fs::directory_iterator()) == 1);
}

TEST_CASE("what would be replaced is told, and whether a person changed it", "[cluster_export]") {
  const Place place;
  write(place.target(), first);
  const Files second{{"a.yaml", {"two\n"}}, {"b.yaml", {"new\n"}}};
  std::ofstream(place.root / "k8s/mine.yaml") << "mine\n";
  auto changes = compare(place.target(), second);
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].kind == Change::Kind::changed);
  CHECK(changes[1].kind == Change::Kind::added);
  CHECK(changes[2].kind == Change::Kind::removed);
  const std::string shown = difference(place.target(), second, changes[0]);
  CHECK(shown.find("-one\n+two\n") != std::string::npos);

  std::ofstream(place.root / "k8s/a.yaml") << "by hand\n";
  std::ofstream(place.root / "k8s/sub/run.sh") << "by hand\n";
  changes = compare(place.target(), second);
  REQUIRE(changes.size() == 2);  // what a person changed is not removed
  CHECK(changes[0].kind == Change::Kind::edited);

  write(place.target(), second);
  CHECK(place.text("a.yaml") == "two\n");
  CHECK(place.text("mine.yaml") == "mine\n");
  CHECK(place.text("sub/run.sh") == "by hand\n");
}

TEST_CASE("a place that cannot be written leaves nothing behind", "[cluster_export]") {
  const Place place;
  std::ofstream(place.root / "k8s") << "a file\n";
  CHECK_THROWS(compare(place.target(), first));
  CHECK_THROWS(write((place.root / "k8s/below").string(), first));
  CHECK(std::distance(fs::directory_iterator(place.root), fs::directory_iterator()) == 1);
}

TEST_CASE("what an interrupted export left is cleared by the next one", "[cluster_export]") {
  const Place place;
  fs::create_directories(place.root / ".k8s.partial");
  std::ofstream(place.root / ".k8s.partial/a.yaml") << "half";
  write(place.target(), first);
  CHECK(place.text("a.yaml") == "one\n");
  CHECK_FALSE(fs::exists(place.root / ".k8s.partial"));
}

}  // namespace sandbox::cluster_export
