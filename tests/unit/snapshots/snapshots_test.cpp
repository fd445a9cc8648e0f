#include "sandbox/snapshots/snapshots.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/snapshots/files.h"
#include "sandbox/snapshots/restore.h"
#include "tests/support/test_database.h"
#include "tests/unit/snapshots/lab.h"

using namespace sandbox;             // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::snapshots;  // NOLINT(google-build-using-namespace)

namespace {

namespace fs = std::filesystem;
using Catch::Contains;

struct Scene {
  TemporaryDirectory directory;
  Lab lab = Lab(place("lab"), {}, open_test_database("sqlite:///" + place("lab") + "/mlflow.db"));

  [[nodiscard]] std::string place(const std::string& name) const {
    return (directory.path / name).string();
  }
  [[nodiscard]] std::string on_shelf(const std::string& name) const {
    return shelf_of(lab.data_dir) + "/" + name;
  }
  [[nodiscard]] std::string restored(const std::string& snapshot, const std::string& name) const {
    fs::create_directory(place(name));
    restore({.snapshot = snapshot, .data_dir = place(name)});
    return place(name);
  }
};

std::map<ino_t, std::string> inodes_of_chunks(const std::string& place) {
  std::map<ino_t, std::string> inodes;
  for (const std::string& name : files_below(place)) {
    struct stat facts {};
    if (name.ends_with(".sst") && ::stat((place + "/" + name).c_str(), &facts) == 0) {
      inodes[facts.st_ino] = name;
    }
  }
  return inodes;
}

void overwrite(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("a snapshot has what was there, and nothing of what came later", "[snapshots]") {
  Scene scene;
  scene.lab.add_run("r1");
  scene.lab.put("0/r1/artifacts/small.txt", "small");
  scene.lab.put("0/r1/artifacts/large.bin", large);
  const Manifest manifest = scene.lab.snapshots.save("first");
  CHECK(manifest.counts.runs == 1);
  CHECK(manifest.counts.experiments == 1);
  CHECK(manifest.counts.objects == 2);
  CHECK(manifest.counts.object_bytes == static_cast<std::int64_t>(large.size() + 5));
  scene.lab.add_run("r2");
  scene.lab.put("0/r1/artifacts/small.txt", "changed");
  scene.lab.objects->remove("mlflow", "0/r1/artifacts/large.bin");

  CHECK(differences(scene.on_shelf("first"), read_manifest(scene.on_shelf("first")), true).empty());
  const Lab second(scene.restored(scene.on_shelf("first"), "second"));
  CHECK(second.runs() == std::vector<std::string>{"r1"});
  CHECK(second.get("0/r1/artifacts/small.txt") == "small");
  CHECK(second.get("0/r1/artifacts/large.bin") == large);
  // The first one has gone on by itself.
  CHECK(scene.lab.runs() == std::vector<std::string>{"r1", "r2"});
  CHECK(scene.lab.get("0/r1/artifacts/small.txt") == "changed");
  CHECK(scene.lab.get("0/r1/artifacts/large.bin").empty());
}

TEST_CASE("lab, snapshot and restored lab share the files of large objects", "[snapshots]") {
  Scene scene;
  for (int i = 0; i < 5; ++i) scene.lab.put("large" + std::to_string(i), large);
  scene.lab.snapshots.save("s");
  const std::string second = scene.restored(scene.on_shelf("s"), "second");
  const auto ours = inodes_of_chunks(scene.lab.data_dir + "/objects");
  const auto kept = inodes_of_chunks(scene.on_shelf("s"));
  const auto theirs = inodes_of_chunks(second);
  CHECK(kept.size() >= 5);
  CHECK(kept.size() == theirs.size());
  for (const auto& [inode, name] : kept) {
    INFO(name);
    CHECK(ours.count(inode) == 1);
    CHECK(theirs.count(inode) == 1);
  }
  CHECK(own_bytes(scene.on_shelf("s")) < 3 << 20);
}

TEST_CASE("a snapshot taken while others write is one moment of all", "[snapshots]") {
  Scene scene;
  std::atomic<bool> stop = false;
  std::atomic<int> acknowledged = 0;
  // A row is written after its files, and an index of what is there before both: whatever the
  // moment is, a row has its files, and files have their line in the index.
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; !stop; ++i) {
        const std::string id = std::to_string(writer) + "-" + std::to_string(i);
        scene.lab.database->write([&](db::Tx& tx) {
          tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, '', 0)",
                     "announced " + id);
        });
        scene.lab.put(id + "/large", large.substr(0, 600'000) + id);
        scene.lab.put(id + "/small", id);
        scene.lab.add_run(id);
        ++acknowledged;
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    const int before = acknowledged + 10;
    while (acknowledged < before) std::this_thread::yield();
    const auto manifest = scene.lab.snapshots.save("s" + std::to_string(i));
    CHECK(manifest.counts.runs >= before);
  }
  stop = true;
  writers.clear();
  for (int i = 0; i < 5; ++i) {
    INFO("snapshot " << i);
    const std::string name = "s" + std::to_string(i);
    CHECK(differences(scene.on_shelf(name), read_manifest(scene.on_shelf(name)), true).empty());
    const Lab second(scene.restored(scene.on_shelf(name), "lab of " + name));
    const auto runs = second.runs();
    for (const std::string& id : runs) {
      REQUIRE(second.get(id + "/small") == id);
      REQUIRE(second.get(id + "/large") == large.substr(0, 600'000) + id);
    }
    store::ListQuery query;
    query.keys_max = 100'000;
    for (const auto& object : second.objects->list("mlflow", query).objects) {
      const std::string id = object.key.substr(0, object.key.find('/'));
      const bool is_announced = second.database->read([&](db::Tx& tx) {
        return tx.query("SELECT 1 FROM experiment_tags WHERE key = ?", "announced " + id).next();
      });
      REQUIRE(is_announced);
    }
  }
}

TEST_CASE("users, keys and settings belong to a snapshot, for their owner's eyes", "[snapshots]") {
  Scene scene;
  const std::string& data_dir = scene.lab.data_dir;
  overwrite(data_dir + "/webhooks.key", "the key\n");
  overwrite(data_dir + "/job-secrets.json", "{}");
  overwrite(data_dir + "/job-config.json", "{}");
  overwrite(data_dir + "/mlops-sandbox.conf",
            "# ours\nport = 5050\nbackend-store-uri = sqlite:////elsewhere/x.db\n"
            "secret-key = hidden-hidden\n");
  overwrite(data_dir + "/state.json", "{\"local_token\": \"t\"}");
  db::open_auth_database(data_dir + "/basic_auth.db");
  scene.lab.snapshots.save("s");
  CHECK_FALSE(exists(scene.on_shelf("s") + "/state.json"));
  const std::string second = scene.restored(scene.on_shelf("s"), "second");
  CHECK(read_file(second + "/webhooks.key") == "the key\n");
  CHECK(read_file(second + "/mlops-sandbox.conf") ==
        "# ours\nport = 5050\nsecret-key = hidden-hidden\n");
  CHECK(db::open_auth_database(second + "/basic_auth.db") != nullptr);
  for (const std::string& place : {scene.on_shelf("s"), second}) {
    for (const char* name : {"/webhooks.key", "/job-secrets.json", "/job-config.json",
                             "/mlops-sandbox.conf", "/basic_auth.db"}) {
      INFO(place << name);
      struct stat facts {};
      REQUIRE(::stat((place + name).c_str(), &facts) == 0);
      CHECK((facts.st_mode & 077) == 0);
    }
  }
}

TEST_CASE("a restored settings file says what the rows rely on", "[snapshots][sqlite]") {
  Manifest manifest;
  manifest.default_artifact_root = "mlflow-artifacts:/";
  manifest.artifacts_destination = "s3://other/place";
  manifest.auth = "basic";
  CHECK(restored_settings("", manifest, {}) ==
        "artifacts-destination = s3://other/place\nauth = basic\n");
  CHECK(restored_settings("port = 1\nauth=none\ns3-port=2\n", manifest, {{"port", "5001"}}) ==
        "s3-port=2\nartifacts-destination = s3://other/place\nauth = basic\nport = 5001\n");
  manifest.artifacts_destination = "s3://mlflow";
  manifest.auth = "none";
  CHECK(restored_settings("", manifest, {}).empty());
  CHECK(restored_settings("backend-store-uri = postgresql://old/lab\n", manifest,
                          {{"backend-store-uri", "postgresql://new/lab"}}) ==
        "backend-store-uri = postgresql://new/lab\n");
  manifest.artifacts_endpoint = "https://minio.example.org";
  manifest.artifacts_region = "us-east-1";
  CHECK(restored_settings("artifacts-endpoint = https://old\n", manifest, {}) ==
        "artifacts-endpoint = https://minio.example.org\n");
}

TEST_CASE("a restore overwrites nothing and says what to do", "[snapshots][sqlite]") {
  Scene scene;
  scene.lab.add_run("r1");
  scene.lab.snapshots.save("s");
  CHECK_THROWS_WITH(restore({.snapshot = scene.on_shelf("s"), .data_dir = scene.lab.data_dir}),
                    Contains("There is a lab in") && Contains("mlflow.db, ") &&
                        Contains("objects") && Contains("--into"));
  CHECK(scene.lab.runs() == std::vector<std::string>{"r1"});
  // Logs, the lock and the shelf are no lab.
  const std::string second = scene.place("second");
  fs::create_directories(second + "/logs");
  fs::create_directories(second + "/snapshots/old");
  overwrite(second + "/lock", "1\n");
  overwrite(second + "/places.json", "{\"backend_store_uri\": \"postgresql://old/lab\"}");
  CHECK_NOTHROW(restore({.snapshot = scene.on_shelf("s"), .data_dir = second}));
  // The database that the last lab there used is not the new one's.
  CHECK_FALSE(exists(second + "/places.json"));
}

TEST_CASE("a damaged snapshot is refused before anything is made of it", "[snapshots]") {
  Scene scene;
  scene.lab.add_run("r1");
  scene.lab.put("large", large);
  scene.lab.snapshots.save("s");
  const std::string snapshot = scene.on_shelf("s");
  const std::string second = scene.place("second");
  fs::create_directory(second);
  const auto refused = [&](const std::string& sentence) {
    CHECK_THROWS_WITH(restore({.snapshot = snapshot, .data_dir = second}), Contains(sentence));
    CHECK(names_in(second).empty());
  };
  SECTION("a byte of the metadata") {
    std::fstream file(snapshot + "/metadata.db", std::ios::in | std::ios::out);
    file.seekp(5000);
    file << "\x7f";
    file.close();
    refused("metadata.db has other content");
  }
  SECTION("a byte of a large object") {
    std::string largest;
    for (const std::string& name : files_below(snapshot)) {
      const std::string file = snapshot + "/" + name;
      if (largest.empty() || fs::file_size(file) > fs::file_size(largest)) largest = file;
    }
    // The lab has this very file too.
    fs::copy_file(largest, largest + ".copy");
    fs::remove(largest);
    fs::rename(largest + ".copy", largest);
    std::fstream file(largest, std::ios::in | std::ios::out);
    file.seekp(1'000'000);
    file << "X";
    file.close();
    refused("orruption");
    CHECK(scene.lab.get("large") == large);
  }
  SECTION("a file that is gone") {
    for (const std::string& name : files_below(snapshot)) {
      if (name.ends_with(".sst")) fs::remove(snapshot + "/" + name);
    }
    refused("is missing");
  }
  SECTION("a format of the future") {
    Manifest manifest = read_manifest(snapshot);
    manifest.format = format_version + 1;
    overwrite(snapshot + "/snapshot.json", to_json(manifest));
    refused("a newer version of this program");
  }
  SECTION("a manifest that leads outside") {
    Manifest manifest = read_manifest(snapshot);
    manifest.files[0].path = "../lab/mlflow.db";
    overwrite(snapshot + "/snapshot.json", to_json(manifest));
    refused("outside the snapshot");
  }
  SECTION("no manifest") {
    fs::remove(snapshot + "/snapshot.json");
    refused("was not finished");
  }
}

TEST_CASE("names of snapshots are plain, and each is given once", "[snapshots]") {
  Scene scene;
  for (const char* wrong : {"../x", "a/b", ".hidden", "-x", "x.unfinished", "a b"}) {
    CHECK_THROWS_WITH(scene.lab.snapshots.save(wrong), Contains("A snapshot's name has"));
  }
  scene.lab.snapshots.save("s");
  CHECK_THROWS_WITH(scene.lab.snapshots.save("s"), Contains("There is a snapshot 's' already"));
  CHECK(scene.lab.snapshots.save("").name.size() == 17);  // 2026-11-27-142005
  CHECK(places_of(scene.lab.data_dir).size() == 2);
  CHECK(snapshots::remove(scene.lab.data_dir, "s"));
  CHECK_FALSE(snapshots::remove(scene.lab.data_dir, "s"));
  CHECK(places_of(scene.lab.data_dir).size() == 1);
}

TEST_CASE("a database in memory says that it cannot be kept", "[snapshots][sqlite]") {
  const TemporaryDirectory directory;
  SystemEnv env;
  const auto database = db::open_database("sqlite://");
  const auto objects = store::open_object_store(env, (directory.path / "objects").string());
  Snapshots snapshots(env, *database, *objects, {directory.path.string(), "", "", ""});
  CHECK_THROWS_WITH(snapshots.save("s"), Contains("in memory cannot be kept"));
  CHECK(places_of(directory.path.string()).empty());
}

TEST_CASE("files in another store are left there only when that is asked for", "[snapshots]") {
  Scene scene;
  scene.lab.add_run("r1");
  CHECK_THROWS_WITH(scene.lab.snapshots.save("s", true), Contains("leave out --metadata-only"));
  LabFacts facts{scene.lab.data_dir, "mlflow-artifacts:/", "s3://team/mlflow", "none"};
  facts.artifacts_endpoint = "https://minio.example.org";
  facts.artifacts_region = "eu-1";
  facts.artifacts_addressing = "virtual";
  Snapshots snapshots(scene.lab.env, *scene.lab.database, *scene.lab.objects, facts);
  CHECK_THROWS_WITH(snapshots.save("s"),
                    Contains("https://minio.example.org") && Contains("--metadata-only"));
  CHECK(places_of(scene.lab.data_dir).empty());
  const Manifest manifest = snapshots.save("s", true);
  CHECK_FALSE(manifest.has_objects());
  CHECK(manifest.counts.runs == 1);
  CHECK_FALSE(exists(scene.on_shelf("s") + "/objects"));
  CHECK(differences(scene.on_shelf("s"), read_manifest(scene.on_shelf("s")), true).empty());
  const std::string second = scene.restored(scene.on_shelf("s"), "second");
  CHECK(read_file(second + "/mlops-sandbox.conf") ==
        "artifacts-addressing = virtual\nartifacts-destination = s3://team/mlflow\n"
        "artifacts-endpoint = https://minio.example.org\nartifacts-region = eu-1\n");
  CHECK(Lab(second).runs() == std::vector<std::string>{"r1"});
}
