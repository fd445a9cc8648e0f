#include "sandbox/console/page.h"

#include <string_view>

#include "sandbox/base/html.h"

namespace sandbox::console {
namespace {

constexpr std::string_view head = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>mlops-sandbox</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: .5rem; border-bottom: 1px solid #ddd; vertical-align: top; }
  code { background: #f3f3f3; padding: .1rem .3rem; }
</style>
<h1>mlops-sandbox</h1>
<p>This lab is running. The console will be on this page in a later version; until then, this is what
runs where:</p>
<table>
)";

constexpr std::string_view tail = R"html(</table>
<p>In a shell: <code>eval "$(./mlops-sandbox env)"</code>, then run a training script, or
<code>aws s3 ls</code>.</p>
</html>
)html";

void add_row(std::string& html,
             std::string_view name,
             std::string_view what,
             std::string_view about) {
  html.append("<tr><th>").append(name).append("<td><code>").append(html_escaped(what));
  html.append("</code><br>").append(about).append("\n");
}

}  // namespace

void Page::show(const Places& places) {
  const std::lock_guard lock(mutex_);
  html_ = head;
  add_row(html_, "Tracking server", places.tracking_url, "MLflow clients connect here.");
  if (places.s3_url.empty()) {
    add_row(html_, "S3", "off", "This lab was started with --no-s3.");
  } else {
    add_row(html_, "S3", places.s3_url, "boto3, aws-cli and other S3 clients connect here.");
  }
  if (!places.artifacts_endpoint.empty()) {
    add_row(html_, "Artifact store", places.artifacts_endpoint,
            "Runs and models keep their files in this object store.");
  }
  add_row(html_, "Console", places.console_url, "This page.");
  add_row(html_, "Data", places.data_dir, "Everything of this lab, in one directory.");
  html_ += tail;
}

http::Response Page::handle(const http::Request& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response response = http::Response::text(405, "This page can only be read.\n");
    response.headers.set("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/health") return http::Response::text(200, "OK");
  if (request.path == "/" || request.path == "/index.html") {
    const std::lock_guard lock(mutex_);
    return http::Response::text(200, html_, "text/html; charset=utf-8");
  }
  return http::Response::text(404, "There is no such page; the console begins at /.\n");
}

}  // namespace sandbox::console
