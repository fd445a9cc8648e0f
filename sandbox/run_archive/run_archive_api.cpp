#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/run_archive/api.h"
#include "sandbox/run_archive/run_archive.h"

namespace sandbox::run_archive {
namespace {

// A client that is still sending would not see why it is refused; one that is gone sees nothing.
void read_the_rest(http::BodyReader& body) {
  std::string buffer(64 << 10, '\0');
  try {
    while (body.read(buffer.data(), buffer.size()) > 0) {
    }
  } catch (const Error& gone) {
    log::debug("the client did not send all of it", {{"reason", gone.what()}});
  }
}

http::Response take_in(RunArchive& archive, http::Request& request) {
  http::BodyReader& body = *request.body;
  try {
    const Imported imported =
        archive.read_run([&](char* out, std::size_t max) { return body.read(out, max); });
    read_the_rest(body);
    return http::Response::json(200, to_json(imported));
  } catch (const Error&) {
    read_the_rest(body);
    throw;
  }
}

}  // namespace

void install_run_archive(http::Api& api, RunArchive& archive) {
  api.add_raw("GET", "sandbox/runs/{run_id}/archive",
              "A run with its whole history, its files and its models, as one tar archive.",
              [&archive](http::Request& request) {
                const std::string run_id(request.parameter("run_id"));
                archive.header(run_id);
                http::Response response;
                response.headers.set("content-type", "application/x-tar");
                response.stream = [&archive, run_id](const http::Sink& sink) {
                  archive.write_run(run_id, sink);
                };
                return response;
              });
  api.add_raw("POST", "sandbox/runs/import",
              "Take in a run from such an archive, under the same id.",
              [&archive](http::Request& request) { return take_in(archive, request); });
}

}  // namespace sandbox::run_archive
