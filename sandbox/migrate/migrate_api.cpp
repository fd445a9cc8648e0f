#include "embedded_store/object_store.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/migrate/api.h"

namespace sandbox::migrate {
namespace {

void stream_lines(const Migrate& migrate, const Order& order, const http::Sink& sink) {
  const auto send = [&](const Line& line) { sink(to_json(line) + "\n"); };
  Line failed;
  failed.kind = "error";
  try {
    migrate(order, send);
    return;
  } catch (const Error& error) {
    failed.note = error.message();
  } catch (const store::Fault& fault) {
    failed.note = std::string("The files could not be moved: ") + fault.what();
  }
  // The head of the answer is gone, so the failure is its last line.
  log::warning("migrate ended early", {{"reason", failed.note}});
  send(failed);
}

}  // namespace

void install_migrate(http::Api& api, const Migrate& migrate, const std::string& local_token) {
  api.add_raw(
      "POST", std::string(migrate_path),
      "Move the lab to another database and object store; one JSON object a line tells of it.",
      [migrate, local_token](http::Request& request) {
        const std::string shown(request.headers.get("authorization"));
        if (!migrate || local_token.empty() ||
            !equal_in_constant_time(shown, "Bearer " + local_token)) {
          throw Error(Code::permission_denied,
                      "Migrations are begun on the lab's own machine, with `mlops-sandbox "
                      "migrate`.");
        }
        const auto order = from_json<Order>(http::Api::json_body(request));
        http::Response response;
        response.headers.set("content-type", "application/x-ndjson");
        response.stream = [migrate, order](const http::Sink& sink) {
          stream_lines(migrate, order, sink);
        };
        return response;
      });
}

}  // namespace sandbox::migrate
