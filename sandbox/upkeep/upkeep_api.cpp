#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/upkeep/api.h"
#include "sandbox/upkeep/collector.h"
#include "sandbox/upkeep/relocation.h"

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

void stream_progress(Relocation& relocation, const Move& move, const http::Sink& sink) {
  const auto send = [&](const Progress& progress) { sink(to_json(progress) + "\n"); };
  Progress failed;
  failed.kind = "error";
  try {
    relocation.run(move, send);
    return;
  } catch (const Error& error) {
    failed.note = error.message();
  } catch (const store::Fault& fault) {
    failed.note = fault.what();
  }
  log::warning("relocate ended early", {{"reason", failed.note}});
  send(failed);
}

void install_relocation(http::Api& api, Relocation& relocation) {
  api.add_raw(
      "POST", "sandbox/relocate",
      "Move artifact roots to another bucket or prefix; one JSON object a line tells of it.",
      [&relocation](http::Request& request) {
        const Move move = relocation.checked(from_json<Move>(http::Api::json_body(request)));
        http::Response response;
        response.headers.set("content-type", "application/x-ndjson");
        response.stream = [&relocation, move](const http::Sink& sink) {
          stream_progress(relocation, move, sink);
        };
        return response;
      });
}

}  // namespace

void install_upkeep(http::Api& api, Collector& collector, Relocation& relocation) {
  install_relocation(api, relocation);
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
