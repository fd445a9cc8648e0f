#include <array>
#include <string_view>

#include "sandbox/base/text.h"
#include "sandbox/tracking/api.h"

// MLflow 3.17's other endpoints, so that a client asking for one learns its name instead of a 404.
// One row a path; the methods are separated by '|'.
namespace sandbox::tracking {
namespace {

struct RefusedRow {
  std::string_view methods;
  std::string_view path;
};

constexpr std::string_view later = "It comes with a later version.";
constexpr std::string_view never =
    "It runs language models or a gateway, which this server does not.";

constexpr std::array later_rows{
    RefusedRow{"POST", "3.0/mlflow/demo/generate"},
    RefusedRow{"GET|POST", "3.0/mlflow/jobs/cancel/{job_id}"},
    RefusedRow{"POST", "3.0/jobs"},
};

constexpr std::array never_rows{
    RefusedRow{"GET|POST|PUT|PATCH|DELETE", "3.0/mlflow/gateway/{path...}"},
    RefusedRow{"POST", "3.0/mlflow/mcp-servers"},
    RefusedRow{"GET|POST|PUT|PATCH|DELETE", "3.0/mlflow/mcp-servers/{path...}"},
    RefusedRow{"GET|POST|DELETE", "3.0/mlflow/prompt-optimization/{path...}"},
    RefusedRow{"GET|POST|PUT|PATCH|DELETE", "3.0/mlflow/assistant/{path...}"},
    RefusedRow{"POST", "3.0/mlflow/scorer/invoke"},
    RefusedRow{"POST", "3.0/mlflow/issues/invoke"},
    RefusedRow{"POST", "3.0/mlflow/genai/evaluate/invoke"},
};

template <class Rows>
void refuse_all(http::Api& api, const Rows& rows, std::string_view reason) {
  for (const RefusedRow& row : rows) {
    for (const std::string& method : split(row.methods, '|')) {
      api.refuse(method, std::string(row.path), std::string(reason));
    }
  }
}

}  // namespace

void refuse_the_rest(http::Api& api) {
  refuse_all(api, later_rows, later);
  refuse_all(api, never_rows, never);
}

}  // namespace sandbox::tracking
