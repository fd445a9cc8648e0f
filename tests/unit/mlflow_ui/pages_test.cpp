#include "sandbox/mlflow_ui/pages.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "sandbox/http/prefix.h"
#include "sandbox/mlflow_ui/front_end.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;             // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::mlflow_ui;  // NOLINT(google-build-using-namespace)

namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

// An environment as `python -m venv` and `pip install mlflow` leave it.
fs::path make_environment(const fs::path& root) {
  const fs::path build = root / "lib/python3.11/site-packages/mlflow/server/js/build";
  write(build / "index.html", "<title>MLflow</title>");
  write(build / "static/js/main.c2f5f8d4.js", "let a = 1;");
  write(build / "favicon.ico", "icon");
  write(build / "lib/empty.txt", "");
  write(root / "lib/python3.11/site-packages/mlflow/server/handlers.py", "secret");
  write(root / "bin/python3", "");
  return build;
}

struct Site {
  explicit Site(Pages::Find find) : pages(std::move(find)) { pages.install(router); }

  http::Response get(const std::string& path,
                     const std::string& etag = "",
                     const std::string& method = "GET") {
    http::Request request;
    request.method = method;
    request.path = request.raw_path = request.target = path;
    if (!etag.empty()) request.headers.add("If-None-Match", etag);
    http::Response response = router.handle(request);
    if (response.stream) response.stream([&](std::string_view piece) { response.body += piece; });
    return response;
  }

  Pages pages;
  http::Router router{http::json_error};
};

}  // namespace

TEST_CASE("the front end is found in what a person may name", "[mlflow_ui]") {
  const TemporaryDirectory folder;
  const fs::path root = folder.path;
  const fs::path build = make_environment(root / "venv");
  for (const fs::path& place :
       {root / "venv", root / "venv/bin/python3", build, root / "venv/lib/python3.11/site-packages",
        root / "venv/lib/python3.11/site-packages/mlflow"}) {
    INFO(place);
    CHECK(front_end_of(place) == build);
  }
  CHECK_FALSE(front_end_of(root));
  CHECK_FALSE(front_end_of(root / "nowhere"));
}

TEST_CASE("without a setting the active environment comes before the PATH", "[mlflow_ui]") {
  const TemporaryDirectory folder;
  const fs::path root = folder.path;
  const fs::path active = make_environment(root / "active");
  const fs::path other = make_environment(root / "other");
  fs::create_directories(root / "links");
  fs::create_directories(root / "none/bin");
  fs::create_symlink(root / "other/bin/python3", root / "links/mlflow");
  std::map<std::string, std::string> variables;
  const auto found = [&] {
    return find_front_end([&](const std::string& name) -> std::optional<std::string> {
      const auto at = variables.find(name);
      return at == variables.end() ? std::nullopt : std::optional(at->second);
    });
  };
  CHECK_FALSE(found());
  variables["PATH"] = (root / "none/bin").string() + "::" + (root / "other/bin").string();
  CHECK(found() == other);
  variables["PATH"] = (root / "links").string();  // a link to an environment's program
  CHECK(found() == other);
  variables["VIRTUAL_ENV"] = (root / "active").string();
  CHECK(found() == active);
  variables = {{"HOME", (root / "home").string()}};
  CHECK(found() == std::nullopt);
  make_environment(root / "home/.local");
  CHECK(found());
}

TEST_CASE("pages come with their type, an ETag, and hashed files stay in the browser",
          "[mlflow_ui]") {
  const TemporaryDirectory folder;
  const fs::path build = make_environment(folder.path);
  Site site([&] { return build; });
  const http::Response index = site.get("/mlflow/");
  CHECK(index.status == 200);
  CHECK(index.body == "<title>MLflow</title>");
  CHECK(index.headers.get("content-type") == "text/html; charset=utf-8");
  CHECK(index.headers.get("cache-control") == "no-cache");
  const std::string etag(index.headers.get("etag"));
  CHECK(site.get("/mlflow/", etag).status == 304);
  CHECK(site.get("/mlflow/", "\"x\", W/" + etag).status == 304);
  CHECK(site.get("/mlflow/", "\"x\"").status == 200);

  const http::Response script = site.get("/static-files/static/js/main.c2f5f8d4.js");
  CHECK(script.body == "let a = 1;");
  CHECK(script.content_length == 10U);
  CHECK(script.headers.get("content-type") == "text/javascript; charset=utf-8");
  CHECK(script.headers.get("cache-control") == "public, max-age=31536000, immutable");
  CHECK(site.get("/static-files/favicon.ico").headers.get("cache-control") == "no-cache");
  CHECK(site.get("/static-files/lib/empty.txt").status == 200);
  const http::Response head = site.get("/static-files/favicon.ico", "", "HEAD");
  CHECK(head.head_length == 4U);
  CHECK(head.body.empty());
}

TEST_CASE("nothing outside the front end is served", "[mlflow_ui]") {
  const TemporaryDirectory folder;
  const fs::path build = make_environment(folder.path);
  Site site([&] { return build; });
  for (const char* path :
       {"/static-files/../../handlers.py", "/static-files/static/../../../handlers.py",
        "/static-files//etc/passwd", "/static-files/./index.html", "/static-files/..\\x",
        "/static-files/static", "/static-files/nothing.js", "/static-files/"}) {
    INFO(path);
    CHECK(site.get(path).status == 404);
  }
  CHECK(site.get(std::string("/static-files/index.html\0.js", 28)).status == 404);
}

TEST_CASE("without MLflow the page says how to get it, and looks again at the next visit",
          "[mlflow_ui]") {
  const TemporaryDirectory folder;
  Site site([&] { return front_end_of(folder.path); });
  const http::Response missing = site.get("/mlflow/");
  CHECK(missing.status == 200);
  CHECK(missing.body.find("pip install mlflow") != std::string::npos);
  CHECK(missing.body.find("--mlflow-ui") != std::string::npos);
  CHECK(site.get("/").status == 200);
  CHECK(site.get("/").body.find("href=\"mlflow/\"") != std::string::npos);
  CHECK(site.get("/static-files/favicon.ico").status == 404);
  make_environment(folder.path);
  CHECK(site.get("/mlflow/").body == "<title>MLflow</title>");
  CHECK(site.get("/").status == 302);
  CHECK(site.get("/").headers.get("location") == "mlflow/");
  CHECK(site.get("/mlflow").headers.get("location") == "mlflow/");
}

TEST_CASE("everything answers below a folder as without it", "[http]") {
  const http::Handler handler = http::also_below("/mlflow", [](http::Request& request) {
    return http::Response::text(200, request.path + " " + request.raw_path + " " + request.target);
  });
  const auto seen = [&](const std::string& path, const std::string& raw) {
    http::Request request;
    request.path = path;
    request.raw_path = request.target = raw;
    return handler(request).body;
  };
  CHECK(seen("/mlflow/a b", "/mlflow/a%20b") == "/a b /a%20b /mlflow/a%20b");
  CHECK(seen("/mlflow/", "/mlflow/") == "/mlflow/ /mlflow/ /mlflow/");
  CHECK(seen("/mlflow", "/mlflow") == "/mlflow /mlflow /mlflow");
  CHECK(seen("/mlflows/a", "/mlflows/a") == "/mlflows/a /mlflows/a /mlflows/a");
  CHECK(seen("/mlflow/a", "/%6dlflow/a") == "/mlflow/a /%6dlflow/a /%6dlflow/a");
}
