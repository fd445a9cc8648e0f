#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/import/api.h"
#include "sandbox/import/importer.h"

namespace sandbox::import {
namespace {

void stream_findings(Importer& importer, const Order& order, const http::Sink& sink) {
  const auto send = [&](const Finding& finding) { sink(to_json(finding) + "\n"); };
  Finding failed;
  failed.kind = "error";
  try {
    importer.run(order, {}, send);
    return;
  } catch (const Error& error) {
    failed.note = error.message();
  } catch (const store::Fault& fault) {
    failed.note = fault.what();
  }
  // The head of the answer is gone, so the failure is its last line.
  log::warning("import ended early", {{"reason", failed.note}});
  send(failed);
}

}  // namespace

void install_import(http::Api& api, Importer& importer, const std::string& local_token) {
  api.add_raw(
      "POST", "sandbox/import",
      "Take over what another MLflow has; one JSON object a line tells of it.",
      [&importer, local_token](http::Request& request) {
        const std::string shown(request.headers.get("authorization"));
        if (local_token.empty() || !equal_in_constant_time(shown, "Bearer " + local_token)) {
          throw Error(Code::permission_denied,
                      "Imports are begun on the lab's own machine, with `mlops-sandbox "
                      "import`.");
        }
        const auto order = from_json<Order>(http::Api::json_body(request));
        http::Response response;
        response.headers.set("content-type", "application/x-ndjson");
        response.stream = [&importer, order](const http::Sink& sink) {
          stream_findings(importer, order, sink);
        };
        return response;
      });
}

}  // namespace sandbox::import
