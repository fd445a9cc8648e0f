#include "sandbox/artifacts/artifacts.h"

#include <filesystem>
#include <thread>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/artifacts/api.h"
#include "sandbox/base/error.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

using namespace sandbox;             // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::artifacts;  // NOLINT(google-build-using-namespace)

namespace {

// A body that comes in pieces, and may break off.
class TextBody final : public http::BodyReader {
 public:
  explicit TextBody(std::string text, bool breaks_off = false)
      : text_(std::move(text)), breaks_off_(breaks_off) {}
  std::size_t read(char* out, std::size_t max) override {
    const std::size_t size = std::min({max, text_.size() - at_, std::size_t{3}});
    if (size == 0 && breaks_off_) throw Error(Code::bad_request, "The client went away.");
    text_.copy(out, size, at_);
    at_ += size;
    return size;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return text_.size(); }

 private:
  std::string text_;
  bool breaks_off_;
  std::size_t at_ = 0;
};

struct Answer {
  int status = 0;
  std::string body;
  http::Headers headers;
};

// The endpoints over a store and a database of their own.
struct World {
  TemporaryDirectory directory;
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  std::unique_ptr<store::ObjectStore> store =
      store::open_object_store(env, (directory.path / "store").string());
  Artifacts artifacts;
  http::Api api{{"/api", "/ajax-api"}};
  http::Router router{http::json_error};

  explicit World(const Presign& presign = {})
      : artifacts(*database, *store, {"mlflow", ""}, presign) {
    store->create_bucket("mlflow", "us-east-1");
    store->create_bucket("other", "us-east-1");
    database->write([](db::Tx& tx) {
      tx.script(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'e', "
          "'active');"
          "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage, status, artifact_uri) "
          "VALUES "
          "('r', 1, 'active', 'RUNNING', 'mlflow-artifacts:/1/r/artifacts'),"
          "('s', 1, 'deleted', 'RUNNING', 's3://other/deep/s'),"
          "('local', 1, 'active', 'RUNNING', '/tmp/x');"
          "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
          "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage) VALUES "
          "('m-1', 1, 'm', 'mlflow-artifacts:/1/models/m-1/artifacts', 0, 0, 2, 'active'),"
          "('m-2', 1, 'm', 'mlflow-artifacts:/1/models/m-2/artifacts', 0, 0, 2, 'deleted');"
          "INSERT INTO registered_models (name) VALUES ('reg');"
          "INSERT INTO model_versions (name, version, source, storage_location, current_stage) "
          "VALUES ('reg', 1, 'mlflow-artifacts:/1/r/artifacts/dir', NULL, 'None'),"
          "('reg', 2, 'models:/m-1', 'mlflow-artifacts:/1/models/m-1/artifacts', 'None'),"
          "('reg', 3, 'runs:/r/dir', NULL, 'None'), ('reg', 4, 'models:/reg/4', NULL, 'None'),"
          "('reg', 5, 'models:/m-1', NULL, 'None'), ('reg', 6, 'x', NULL, 'Deleted_Internal')");
    });
    install_artifacts(api, router, artifacts);
    api.install(router);
  }

  Answer send(const std::string& method,
              const std::string& target,
              const std::string& body = "",
              bool breaks_off = false,
              const std::string& user_agent = "curl") {
    TextBody reader(body, breaks_off);
    http::Request request;
    request.method = method;
    request.target = target;
    const std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) request.query = http::Query::parse(target.substr(mark + 1));
    request.body = &reader;
    request.headers.add("Content-Type", "application/json");
    request.headers.add("User-Agent", user_agent);
    http::Response response = router.handle(request);
    Answer answer{response.status, response.body, response.headers};
    if (response.stream) response.stream([&](std::string_view piece) { answer.body += piece; });
    return answer;
  }
  // "path size" of each entry; a directory has '/' instead of a size.
  std::string list(const Location& place, const std::string& shown = "") {
    std::string out;
    for (const FileInfo& file : artifacts.list(place, shown)) {
      out += file.path;
      if (file.is_dir) out += "/";
      if (file.file_size) out += "=" + std::to_string(*file.file_size);
      out += " ";
    }
    return out;
  }
  void put(const std::string& path, const std::string& text) {
    REQUIRE(send("PUT", proxy + path, text).status == 200);
  }

  const std::string proxy = "/api/2.0/mlflow-artifacts/artifacts/";
};

}  // namespace

TEST_CASE("a proxied file and the object in the bucket are one", "[artifacts]") {
  World world;
  const Answer answer = world.send("PUT", world.proxy + "1/r/artifacts/dir/b.txt", "hello");
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  const auto object = world.store->find("mlflow", "1/r/artifacts/dir/b.txt");
  REQUIRE(object);
  CHECK(object->size == 5);
  CHECK(object->headers.content_type == "text/plain");
  CHECK(world.send("GET", world.proxy + "1/r/artifacts/dir/b.txt").body == "hello");
  CHECK(
      world.send("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/dir/b.txt").body ==
      "hello");
}

TEST_CASE("an upload that breaks off leaves nothing", "[artifacts]") {
  World world;
  world.put("a/x", "old");
  CHECK(world.send("PUT", world.proxy + "a/x", "half of it", true).status == 400);
  CHECK(world.send("PUT", world.proxy + "a/y", "half of it", true).status == 400);
  CHECK(world.send("GET", world.proxy + "a/x").body == "old");
  CHECK(world.list({"mlflow", "a"}) == "x=3 ");
}

TEST_CASE("listings are sorted, shallow, and know no size of nothing", "[artifacts]") {
  World world;
  for (const char* name : {"b", "a/deep/1", "B", "a.txt", "c/1", "a-b"}) {
    world.put("f/" + std::string(name), "1");
  }
  world.put("f/empty", "");
  world.put("fx/other", "1");
  CHECK(world.list({"mlflow", "f"}) == "B=1 a/ a-b=1 a.txt=1 b=1 c/ empty ");
  CHECK(world.list({"mlflow", "f"}, "f").starts_with("f/B=1 f/a/ "));
  CHECK(world.list({"mlflow", ""}) == "f/ fx/ ");
  CHECK(world.list({"mlflow", "f/b"}).empty());
  CHECK(world.list({"mlflow", "nope"}).empty());
  CHECK(world.send("GET", "/api/2.0/mlflow-artifacts/artifacts?path=f/c").body ==
        R"({"files":[{"path":"1","is_dir":false,"file_size":1}]})");
  CHECK(world.send("GET", "/api/2.0/mlflow-artifacts/artifacts?path=nope").body == "{}");
}

TEST_CASE("a listing of more than one page is whole", "[artifacts]") {
  World world;
  constexpr int files = 1005;
  {
    std::vector<std::jthread> writers;  // side by side they share the disk's flushes
    for (int first = 0; first < 15; ++first) {
      writers.emplace_back([&world, first] {
        for (int i = first; i < files; i += 15) {
          world.artifacts.put({"mlflow", "many/" + std::to_string(i)}, "x");
        }
      });
    }
  }
  CHECK(world.artifacts.list({"mlflow", "many"}).size() == files);
}

TEST_CASE("deleting takes a file or a directory, never a neighbour", "[artifacts]") {
  World world;
  for (const char* name : {"a", "a/1", "a/b/2", "ab", "b"})
    world.put("d/" + std::string(name), "1");
  CHECK(world.send("DELETE", world.proxy + "d/a").body == "{}");
  CHECK(world.list({"mlflow", "d"}) == "ab=1 b=1 ");
  CHECK(world.send("DELETE", world.proxy + "d/a").status == 200);
  CHECK(world.send("DELETE", world.proxy + ".").status == 400);
  CHECK(world.send("DELETE", world.proxy + "d/../d").status == 400);
  CHECK(world.list({"mlflow", "d"}) == "ab=1 b=1 ");
}

TEST_CASE("missing files, directories and bad paths are told apart", "[artifacts]") {
  World world;
  world.put("d/x", "1");
  CHECK(world.send("GET", world.proxy + "d/nope").status == 404);
  CHECK_THAT(world.send("GET", world.proxy + "d/nope").body,
             Catch::StartsWith(R"({"error_code":"RESOURCE_DOES_NOT_EXIST","message":)"
                               R"("No such artifact: 'd/nope'")"));
  CHECK(world.send("GET", world.proxy + "d").status == 400);
  CHECK_THAT(world.send("GET", world.proxy + "d").body,
             Catch::Contains("Artifact path refers to a directory, not a file: 'd'"));
  CHECK(world.send("GET", world.proxy + "../x").status == 400);
  CHECK(world.send("PUT", world.proxy + "d/../x", "1").status == 400);
  CHECK(world.send("PUT", world.proxy + "d/", "1").status == 400);
  CHECK(world.send("PUT", world.proxy, "1").status == 400);
  CHECK(world.send("PUT", world.proxy + std::string(1100, 'n'), "1").status == 400);
}

TEST_CASE("a run's files are listed and sent by its id", "[artifacts]") {
  World world;
  world.put("1/r/artifacts/dir/one.txt", "1");
  const std::string list = "/api/2.0/mlflow/artifacts/list";
  CHECK(world.send("GET", list + "?run_id=r&path=dir").body ==
        R"({"root_uri":"mlflow-artifacts:/1/r/artifacts","files":[{"path":"dir/one.txt",)"
        R"("is_dir":false,"file_size":1}]})");
  CHECK(world.send("GET", list + "?run_uuid=r&path=").body ==
        R"({"root_uri":"mlflow-artifacts:/1/r/artifacts","files":[{"path":"dir","is_dir":true}]})");
  CHECK(world.send("GET", list + "?run_id=s").body == R"({"root_uri":"s3://other/deep/s"})");
  CHECK_THAT(world.send("GET", list + "?run_id=nope").body,
             Catch::Contains("Run with id=nope not found"));
  CHECK(world.send("GET", list).status == 400);
  CHECK(world.send("GET", list + "?run_id=nope&path=../x").status == 400);
  CHECK(world.send("GET", list + "?run_id=local").status == 400);
  CHECK(world.send("GET", "/get-artifact?run_id=r&path=dir/one.txt").body == "1");
  CHECK(world.send("GET", "/get-artifact?run_uuid=r&path=dir/one.txt").body == "1");
  CHECK(world.send("GET", "/get-artifact?run_id=r").status == 400);
  CHECK_THAT(world.send("GET", "/get-artifact?path=x").body,
             Catch::Contains("Run with id=None not found"));
}

TEST_CASE("a run with an s3 root keeps its files where that says", "[artifacts]") {
  World world;
  CHECK(world.send("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=s&path=a/b.txt", "up")
            .status == 200);
  CHECK(world.store->find("other", "deep/s/a/b.txt"));
  CHECK(world.send("GET", "/get-artifact?run_id=s&path=a/b.txt").body == "up");
}

TEST_CASE("the web UI's upload has its own rules", "[artifacts]") {
  World world;
  const std::string upload = "/ajax-api/2.0/mlflow/upload-artifact";
  const auto message = [&](const std::string& query, const std::string& body) {
    return world.send("POST", upload + query, body).body;
  };
  CHECK_THAT(message("", "x"), Catch::Contains("Request must specify run_uuid."));
  CHECK_THAT(message("?run_uuid=r", "x"), Catch::Contains("Request must specify path."));
  CHECK_THAT(message("?run_uuid=r&path=../x", "x"), Catch::Contains("Invalid path"));
  CHECK_THAT(message("?run_uuid=r&path=x", ""), Catch::Contains("Request must specify data."));
  CHECK_THAT(message("?run_uuid=r&path=x", std::string(10 * 1024 * 1024 + 1, 'x')),
             Catch::Contains("Artifact size is too large. Max size is 10MB."));
  CHECK_THAT(message("?run_uuid=nope&path=x", "x"), Catch::Contains("Run with id=nope not found"));
  CHECK(world.send("POST", "/api/2.0/mlflow/upload-artifact?run_uuid=r&path=x", "x").status == 404);
}

TEST_CASE("logged models' files are listed and sent", "[artifacts]") {
  World world;
  world.put("1/models/m-1/artifacts/sub/MLmodel", "a: b");
  const std::string list = "/api/2.0/mlflow/logged-models/";
  CHECK(world.send("GET", list + "m-1/artifacts/directories?artifact_directory_path=sub").body ==
        R"({"root_uri":"mlflow-artifacts:/1/models/m-1/artifacts","files":[{"path":)"
        R"("sub/MLmodel","is_dir":false,"file_size":4}]})");
  CHECK(world.send("GET", list + "m-2/artifacts/directories").status == 404);
  const std::string files = "/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files";
  CHECK(world.send("GET", files + "?artifact_file_path=sub/MLmodel").body == "a: b");
  CHECK_THAT(world.send("GET", files).body, Catch::Contains("BAD_REQUEST"));
  CHECK(world.send("GET", files + "?artifact_file_path=../x").status == 400);
}

TEST_CASE("model versions' files are found through every kind of source", "[artifacts]") {
  World world;
  world.put("1/r/artifacts/dir/f", "run's");
  world.put("1/models/m-1/artifacts/f", "model's");
  const auto get = [&](const std::string& query) {
    return world.send("GET", "/model-versions/get-artifact?" + query);
  };
  CHECK(get("name=reg&version=1&path=f").body == "run's");
  CHECK(get("name=reg&version=2&path=f").body == "model's");
  CHECK(get("name=reg&version=3&path=f").body == "run's");
  CHECK(get("name=reg&version=4&path=f").status == 400);
  CHECK(get("name=reg&version=5&path=f").body == "model's");
  CHECK_THAT(get("name=reg&version=6&path=f").body,
             Catch::Contains("Model Version (name=reg, version=6) not found"));
  CHECK_THAT(get("name=reg&version=abc&path=f").body,
             Catch::Contains("Parameter 'version' must be an integer, got 'abc'."));
  CHECK(get("name=reg&version=1&path=nope").status == 404);
  CHECK(get("version=1&path=f").status == 400);
  CHECK(get("name=reg&path=f").status == 400);
}

TEST_CASE("without presigned parts a multipart upload is declined", "[artifacts]") {
  World world;
  for (const char* step : {"create/d", "complete/d", "abort/d", "create"}) {
    const Answer answer =
        world.send("POST", "/api/2.0/mlflow-artifacts/mpu/" + std::string(step),
                   R"({"path":"/tmp/m.bin","num_parts":2,"upload_id":"x","parts":[]})");
    CHECK(answer.status == 501);
    CHECK_THAT(answer.body, Catch::Contains("\"Multipart upload is not supported"));
  }
  CHECK(world.send("POST", "/api/2.0/mlflow-artifacts/mpu/create/d", "{}").status == 400);
  CHECK(world.send("GET", "/api/2.0/mlflow-artifacts/presigned/d/x").status == 501);
}

TEST_CASE("presigned URLs are refused in the reference's words", "[artifacts]") {
  World world;
  const auto ask = [&](const std::string& what, const std::string& body) {
    return world.send("POST", "/api/2.0/mlflow/artifacts/presigned-" + what + "-url", body);
  };
  CHECK_THAT(ask("upload", R"({"run_id":"r","path":"x"})").body,
             Catch::Contains("Presigned upload is not supported for proxied artifact storage "
                             "(artifact URI scheme: mlflow-artifacts). This endpoint requires a "
                             "direct cloud storage artifact URI."));
  CHECK_THAT(ask("upload", R"({"path":"x"})").body,
             Catch::Contains("Exactly one of run_id and model_id must be provided."));
  CHECK(ask("upload", R"({"model_id":"m-1"})").status == 400);
  CHECK(ask("upload", R"({"run_id":"s","path":"x"})").status == 501);
  CHECK_THAT(ask("download", R"({"run_id":"r","path":"x"})").body,
             Catch::Contains("not supported for runs with proxied artifact storage"));
  CHECK(ask("download", R"({"run_id":"s","path":"x"})").status == 501);
  CHECK(ask("download", R"({"run_id":"s","path":"../x"})").status == 400);
  CHECK_THAT(ask("download", R"({"run_id":"r","path":"x","expiration":0})").body,
             Catch::Contains("expiration must be between 1 and 604800 seconds (got 0)."));
}

TEST_CASE("presigned URLs of files in buckets", "[artifacts]") {
  World world([](const Presigning& wanted) {
    return wanted.method + " " + wanted.bucket + "/" + wanted.key + " " + wanted.query + " " +
           wanted.content_type + " " + std::to_string(wanted.expires_s);
  });
  const auto ask = [&](const std::string& what, const std::string& body) {
    return world.send("POST", "/api/2.0/mlflow/artifacts/presigned-" + what + "-url", body);
  };
  CHECK(ask("upload", R"({"run_id":"s","path":"d/x.json","expiration":7})").body ==
        R"({"presigned_url":"PUT other/deep/s/d/x.json  text/plain 7",)"
        R"("headers":{"Content-Type":"text/plain"}})");
  CHECK(ask("upload", R"({"run_id":"s","path":"d/"})").status == 400);
  CHECK(ask("upload", R"({"run_id":"s","path":"x","expiration":604801})").status == 400);
  CHECK(ask("upload", R"({"run_id":"r","path":"x"})").status == 400);
  CHECK(ask("upload", R"({"run_id":"local","path":"x"})").status == 501);
  CHECK(ask("download", R"({"run_id":"s","path":"none"})").status == 404);
  world.artifacts.put({"other", "deep/s/a b.txt"}, "12345");
  CHECK(ask("download", R"({"run_id":"s","path":"a b.txt"})").body ==
        R"({"presigned_url":"GET other/deep/s/a b.txt response-content-disposition=)"
        R"(attachment%3B%20filename%3D%22a%20b.txt%22  300","file_size":5})");
  world.artifacts.put({"mlflow", "d/x"}, "1");
  CHECK(world.send("GET", "/api/2.0/mlflow-artifacts/presigned/d/x").body ==
        R"({"url":"GET mlflow/d/x response-content-disposition=attachment%3B%20filename%3Dx  300",)"
        R"("headers":{},"file_size":1})");
  CHECK(world.send("GET", "/api/2.0/mlflow-artifacts/presigned/d/y").status == 404);
}

TEST_CASE("old clients whose uploads would go astray are told to send a plain PUT", "[artifacts]") {
  World world([](const Presigning&) { return "url"; });
  const auto status = [&](const std::string& version) {
    return world
        .send("POST", "/api/2.0/mlflow-artifacts/mpu/create/dir", R"({"path":"/tmp/m.bin"})", false,
              "mlflow-python-client/" + version)
        .status;
  };
  CHECK(status("2.9.2") == 501);
  CHECK(status("2.10.2") == 501);
  CHECK(status("2.11.0") == 200);
  CHECK(status("3.17.2") == 200);
}

TEST_CASE("a multipart upload becomes one file", "[artifacts]") {
  World world([](const Presigning& wanted) {
    const bool has_id = wanted.query.find("&uploadId=") + 10 < wanted.query.size();
    return wanted.bucket + "/" + wanted.key + "?" + (has_id ? "some" : "none") + "&" +
           wanted.query.substr(0, wanted.query.find('&'));
  });
  const std::string mpu = "/api/2.0/mlflow-artifacts/mpu/";
  const Answer created =
      world.send("POST", mpu + "create/1/r", R"({"path":"C:\\tmp\\m.bin","num_parts":2})");
  CHECK_THAT(created.body,
             Catch::Contains(
                 R"("credentials":[{"url":"mlflow/1/r/m.bin?some&partNumber=1","part_number":1},)"
                 R"({"url":"mlflow/1/r/m.bin?some&partNumber=2","part_number":2}]})"));
  const std::string start = R"({"upload_id":")";
  REQUIRE(created.body.starts_with(start));
  const std::string id =
      created.body.substr(start.size(), created.body.find('"', start.size()) - start.size());
  const store::UploadInfo upload = world.store->upload("mlflow", "1/r/m.bin", id);
  const auto writer = world.store->begin_part(upload, 1);
  writer->write("part");
  const std::string etag = writer->md5();
  writer->commit({});
  const std::string same =
      R"({"path":"m.bin","upload_id":")" + id + R"(","parts":[{"part_number":)";
  CHECK(world.send("POST", mpu + "complete/1/r", same + R"(1,"etag":"wrong"}]})").status == 400);
  CHECK(world.send("POST", mpu + "complete/1/r", same + R"(0,"etag":"x"}]})").status == 400);
  CHECK(world.send("POST", mpu + "complete/1/r", same + R"(1,"etag":"\")" + etag + R"(\""}]})")
            .body == "{}");
  CHECK(world.send("GET", world.proxy + "1/r/m.bin").body == "part");
  CHECK(world.send("POST", mpu + "abort/1/r", R"({"path":"m.bin","upload_id":"gone"})").status ==
        404);
  CHECK(world.send("POST", mpu + "create/1/r", R"({"path":"m","num_parts":0})").status == 400);
  CHECK(world.send("POST", mpu + "create/1/r", R"({"path":"x/..","num_parts":1})").status == 400);
}
