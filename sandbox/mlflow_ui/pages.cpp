#include "sandbox/mlflow_ui/pages.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::mlflow_ui {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256UL * 1024;

constexpr const char* front_page =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<title>mlops-sandbox tracking server</title>\n<h1>mlops-sandbox tracking server</h1>\n"
    "<p>MLflow clients connect here: "
    "<code>mlflow.set_tracking_uri(\"http://this-address\")</code>.</p>\n"
    "<p><a href=\"mlflow/\">MLflow's own pages</a>. <a href=\"sandbox/api.json\">The endpoints "
    "this server answers</a>.</p>\n</html>\n";

constexpr const char* missing_page =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>MLflow</title>\n"
    "<h1>MLflow's pages are not installed</h1>\n"
    "<p>They come with MLflow's Python package: <code>pip install mlflow</code>, then load this "
    "page again. If it is in an environment of its own, start the sandbox from there or with "
    "<code>--mlflow-ui &lt;directory of the environment&gt;</code>.</p>\n</html>\n";

struct Type {
  std::string_view extension;
  std::string_view type;
};
constexpr std::array types{
    Type{".js", "text/javascript; charset=utf-8"},
    Type{".mjs", "text/javascript; charset=utf-8"},
    Type{".cjs", "text/javascript; charset=utf-8"},
    Type{".css", "text/css; charset=utf-8"},
    Type{".html", "text/html; charset=utf-8"},
    Type{".json", "application/json"},
    Type{".map", "application/json"},
    Type{".txt", "text/plain; charset=utf-8"},
    Type{".svg", "image/svg+xml"},
    Type{".png", "image/png"},
    Type{".jpg", "image/jpeg"},
    Type{".gif", "image/gif"},
    Type{".webp", "image/webp"},
    Type{".ico", "image/vnd.microsoft.icon"},
    Type{".woff", "font/woff"},
    Type{".woff2", "font/woff2"},
    Type{".ttf", "font/ttf"},
    Type{".eot", "application/vnd.ms-fontobject"},
    Type{".wasm", "application/wasm"},
};

std::string_view type_of(const fs::path& file) {
  const std::string extension = lower(file.extension().string());
  for (const Type& one : types) {
    if (one.extension == extension) return one.type;
  }
  return "application/octet-stream";
}

// "main.c2f5f8d4.js": a part of the name comes from the content, so the file never changes.
bool has_hash(const fs::path& file) {
  constexpr std::size_t digits_min = 8;
  const std::vector<std::string> parts = split(file.filename().string(), '.');
  return std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.size() >= digits_min &&
           part.find_first_not_of("0123456789abcdef") == std::string::npos;
  });
}

// Whether a path stays below the directory it is joined to.
bool is_inside(std::string_view path) {
  if (path.find('\\') != std::string_view::npos || path.find('\0') != std::string_view::npos) {
    return false;
  }
  const std::vector<std::string> parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "." || part == "..";
  });
}

http::Response redirect(std::string place) {
  http::Response response = http::Response::text(302, "");
  response.headers.set("Location", std::move(place));
  return response;
}

http::Response page(const char* html) {
  http::Response response = http::Response::text(200, html, "text/html; charset=utf-8");
  response.headers.set("Cache-Control", "no-cache");
  return response;
}

std::string etag_of(const fs::path& file, std::uint64_t bytes) {
  const auto changed = fs::last_write_time(file).time_since_epoch().count();
  return "\"" + std::to_string(changed) + "-" + std::to_string(bytes) + "\"";
}

bool names_etag(std::string_view list, std::string_view etag) {
  const std::vector<std::string> given = split(list, ',');
  return std::any_of(given.begin(), given.end(), [&](const std::string& part) {
    std::string_view one = trim(part);
    if (one.starts_with("W/")) one.remove_prefix(2);
    return one == etag || one == "*";
  });
}

http::Response send(const http::Request& request, const fs::path& file) {
  std::error_code missing;
  const bool is_there = fs::is_regular_file(file, missing);
  // Shared because std::function wants its target copyable; the copies live and die with the
  // answer.
  const auto in = std::make_shared<std::ifstream>(file, std::ios::binary);
  if (!is_there || !*in) {
    throw Error(Code::not_found,
                "MLflow's front end has no file '" + file.filename().string() + "'.");
  }
  const std::uint64_t bytes = fs::file_size(file);
  const std::string etag = etag_of(file, bytes);
  http::Response response;
  response.headers.set("ETag", etag);
  response.headers.set("Cache-Control",
                       has_hash(file) ? "public, max-age=31536000, immutable" : "no-cache");
  if (names_etag(request.headers.get("if-none-match"), etag)) {
    response.status = 304;
    return response;
  }
  response.headers.set("Content-Type", std::string(type_of(file)));
  if (request.method == "HEAD") {
    response.head_length = bytes;
    return response;
  }
  response.content_length = bytes;
  response.stream = [in, bytes](const http::Sink& sink) {
    std::string piece(piece_bytes, '\0');
    for (std::uint64_t left = bytes; left > 0;) {
      const auto wanted = static_cast<std::streamsize>(std::min<std::uint64_t>(left, piece_bytes));
      in->read(piece.data(), wanted);
      if (in->gcount() == 0) return;  // it became shorter: the door closes the connection
      const auto got = static_cast<std::size_t>(in->gcount());
      sink(std::string_view(piece).substr(0, got));
      left -= got;
    }
  };
  return response;
}

}  // namespace

void Pages::install(http::Router& router) {
  // A browser keeps the part after '#' when it is sent on, so that MLflow's usual addresses
  // (/#/experiments/1) lead to their pages.
  router.add("GET", "/", [this](http::Request&) {
    return front_end() ? redirect("mlflow/") : page(front_page);
  });
  router.add("GET", "/mlflow", [](http::Request&) { return redirect("mlflow/"); });
  router.add("GET", "/mlflow/", [this](http::Request& request) {
    const auto place = front_end();
    return place ? send(request, *place / "index.html") : page(missing_page);
  });
  router.add("GET", "/static-files/{path...}", [this](http::Request& request) {
    const std::string path(request.parameter("path"));
    const auto place = front_end();
    if (!place || !is_inside(path)) {
      throw Error(Code::not_found, "MLflow's front end has no file of this name.");
    }
    return send(request, *place / path);
  });
}

std::optional<fs::path> Pages::front_end() {
  const std::lock_guard lock(mutex_);
  if (!found_) found_ = find_();
  return found_;
}

}  // namespace sandbox::mlflow_ui
