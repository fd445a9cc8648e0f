#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/upkeep/api.h"
#include "sandbox/upkeep/collector.h"

namespace sandbox::upkeep {
namespace {

void stream_findings(Collector& collector, const Selection& selection, const http::Sink& sink) {
  const auto send = [&](const Finding& finding) { sink(to_json(finding) + "\n"); };
  Finding failed;
  failed.kind = "error";
  try {
    collector.collect(selection, {}, send);
    return;
  } catch (const Error& error) {
    failed.note = error.message();
  } catch (const store::Fault& fault) {
    failed.note = fault.what();
  }
  // The head of the answer is gone, so the failure is its last line.
  log::warning("gc ended early", {{"reason", failed.note}});
  send(failed);
}

}  // namespace

void install_upkeep(http::Api& api, Collector& collector) {
  api.add_raw("POST", "sandbox/gc",
              "Remove what is deleted for ever; one JSON object a line tells of each thing.",
              [&collector](http::Request& request) {
                const auto selection = from_json<Selection>(http::Api::json_body(request));
                collector.check(selection);
                http::Response response;
                response.headers.set("content-type", "application/x-ndjson");
                response.stream = [&collector, selection](const http::Sink& sink) {
                  stream_findings(collector, selection, sink);
                };
                return response;
              });
}

}  // namespace sandbox::upkeep
