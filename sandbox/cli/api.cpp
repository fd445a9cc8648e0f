#include <cstdio>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/http/client.h"

namespace sandbox::cli {
namespace {

struct Endpoint {
  std::string method;
  std::string path;
  std::string about;
  bool implemented = true;
  static constexpr auto fields() {
    return std::tuple{field("method", &Endpoint::method), field("path", &Endpoint::path),
                      field("about", &Endpoint::about),
                      field("implemented", &Endpoint::implemented)};
  }
};

struct Table {
  std::vector<Endpoint> endpoints;
  static constexpr auto fields() { return std::tuple{field("endpoints", &Table::endpoints)}; }
};

}  // namespace

int api(const Words& words) {
  Arguments arguments("api", "Lists the endpoints of the running tracking server.");
  std::string place;
  bool as_json = false;
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  arguments.flag("--json", as_json, "The whole table with the shape of requests and answers");
  arguments.footer(
      "Every path stands below /api and /ajax-api. Rows with - answer NOT_IMPLEMENTED.");
  if (!arguments.parse(words)) return 0;
  const LabState state = need_running_lab(find_data_dir(place, process_environment()));
  const auto answer = http::ask(peer_of(state, state.tracking_url), "/sandbox/api.json");
  if (!answer || answer->status != 200) {
    throw Error(Code::invalid_state, "The tracking server at " + state.tracking_url +
                                         " does not answer. `" + program() + " status` says more.");
  }
  if (as_json) {
    std::printf("%s\n", answer->body.c_str());
    return 0;
  }
  for (const Endpoint& endpoint : from_json<Table>(answer->body).endpoints) {
    std::printf("%s %-6s %-55s %s\n", endpoint.implemented ? "+" : "-", endpoint.method.c_str(),
                endpoint.path.c_str(), endpoint.about.c_str());
  }
  return 0;
}

}  // namespace sandbox::cli
