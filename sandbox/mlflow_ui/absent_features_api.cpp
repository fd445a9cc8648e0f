#include <array>
#include <string>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/mlflow_ui/api.h"

// Source: what MLflow's server 3.17 answers when it was started without these features.
namespace sandbox::mlflow_ui {
namespace {

struct EmptyRow {
  std::string_view methods;
  std::string_view path;
  std::string_view about;
  std::string_view answer;
};

constexpr std::array empty_rows{
    EmptyRow{"GET", "3.0/mlflow/ui-telemetry", "Telemetry of the web UI, which is off.",
             R"({"disable_ui_telemetry":true,"disable_ui_events":[],"ui_rollout_percentage":0})"},
    EmptyRow{"POST", "3.0/mlflow/ui-telemetry", "Takes nothing: telemetry is off.",
             R"({"status":"disabled"})"},
    EmptyRow{"GET|POST", "2.0/mlflow/gateway-proxy",
             "The gateway's endpoints: there is no gateway.", R"({"endpoints":[]})"},
    EmptyRow{"GET", "3.0/mlflow/assistant/config", "There is no assistant.",
             R"({"providers":{},"projects":{},"remote_access_allowed":false})"},
    EmptyRow{"GET", "3.0/mlflow/assistant/providers", "There is no assistant.",
             R"({"providers":[]})"},
    EmptyRow{"GET", "3.0/mlflow/mcp-servers", "There are no MCP servers.",
             R"({"mcp_servers":[],"next_page_token":null})"},
    EmptyRow{"GET", "3.0/mlflow/gateway/endpoints/list", "There is no gateway.", "{}"},
    EmptyRow{"GET", "3.0/mlflow/gateway/secrets/list", "There is no gateway.", "{}"},
    EmptyRow{"GET", "3.0/mlflow/gateway/budgets/list", "There is no gateway.", "{}"},
    EmptyRow{"GET", "3.0/mlflow/gateway/model-definitions/list", "There is no gateway.", "{}"},
    EmptyRow{"GET", "3.0/mlflow/gateway/guardrails/list", "There is no gateway.", "{}"},
    EmptyRow{"POST", "3.0/mlflow/demo/delete", "Deletes the demo data: there is none.",
             R"({"features_deleted":[],"status":"deleted"})"},
};

// The reference answers 503, which its clients would ask again for minutes.
void install_workspaces(http::Api& api) {
  const auto add = [&](const std::string& method, const std::string& path) {
    api.add_raw(method, path, "Refused: this server has one workspace.",
                [](http::Request& request) -> http::Response {
                  throw Error(Code::feature_disabled,
                              "Endpoint: " + request.path +
                                  " disabled because the server is running without workspaces "
                                  "support. To enable workspace, run `mlflow server` with "
                                  "`--enable-workspaces`");
                });
  };
  for (const char* method : {"GET", "POST"}) add(method, "3.0/mlflow/workspaces");
  for (const char* method : {"GET", "PATCH", "DELETE"}) {
    add(method, "3.0/mlflow/workspaces/{workspace_name}");
  }
}

}  // namespace

void install_absent_features(http::Api& api) {
  for (const EmptyRow& row : empty_rows) {
    for (const std::string& method : split(row.methods, '|')) {
      api.add_raw(method, std::string(row.path), std::string(row.about),
                  [answer = std::string(row.answer)](http::Request& /*request*/) {
                    return http::Response::json(200, answer);
                  });
    }
  }
  install_workspaces(api);
}

}  // namespace sandbox::mlflow_ui
