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
    RefusedRow{"GET", "2.0/mlflow/metrics/get-history-bulk"},
    RefusedRow{"GET", "2.0/mlflow/metrics/get-history-bulk-interval"},
    RefusedRow{"POST", "2.0/mlflow/runs/create-promptlab-run"},
    RefusedRow{"GET", "2.0/mlflow/get-trace-artifact"},
    RefusedRow{"GET", "3.0/mlflow/get-trace-artifact"},
    RefusedRow{"GET|POST", "2.0/mlflow/traces"},
    RefusedRow{"PATCH", "2.0/mlflow/traces/{trace_id}"},
    RefusedRow{"GET", "2.0/mlflow/traces/{trace_id}/info"},
    RefusedRow{"PATCH|DELETE", "2.0/mlflow/traces/{trace_id}/tags"},
    RefusedRow{"POST", "2.0/mlflow/traces/delete-traces"},
    RefusedRow{"POST", "2.0/mlflow/traces/link-to-run"},
    RefusedRow{"POST", "2.0/mlflow/traces/link-prompts"},
    RefusedRow{"GET", "2.0/mlflow/unified-traces"},
    RefusedRow{"GET", "2.0/mlflow/get-online-trace-details"},
    RefusedRow{"POST", "3.0/mlflow/traces"},
    RefusedRow{"POST", "3.0/mlflow/traces/search"},
    RefusedRow{"POST", "3.0/mlflow/traces/batchGetInfos"},
    RefusedRow{"POST", "3.0/mlflow/traces/delete-traces"},
    RefusedRow{"POST", "3.0/mlflow/traces/calculate-filter-correlation"},
    RefusedRow{"POST", "3.0/mlflow/traces/metrics"},
    RefusedRow{"GET", "3.0/mlflow/traces/get"},
    RefusedRow{"GET", "3.0/mlflow/traces/batchGet"},
    RefusedRow{"GET", "3.0/mlflow/traces/{trace_id}"},
    RefusedRow{"PATCH|DELETE", "3.0/mlflow/traces/{trace_id}/tags"},
    RefusedRow{"POST", "3.0/mlflow/traces/{trace_id}/assessments"},
    RefusedRow{"GET|PATCH|DELETE", "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}"},
    RefusedRow{"POST", "3.0/mlflow/datasets/create"},
    RefusedRow{"GET|POST", "3.0/mlflow/datasets/search"},
    RefusedRow{"GET|DELETE", "3.0/mlflow/datasets/{dataset_id}"},
    RefusedRow{"PATCH", "3.0/mlflow/datasets/{dataset_id}/tags"},
    RefusedRow{"DELETE", "3.0/mlflow/datasets/{dataset_id}/tags/{key}"},
    RefusedRow{"GET|POST|DELETE", "3.0/mlflow/datasets/{dataset_id}/records"},
    RefusedRow{"GET", "3.0/mlflow/datasets/{dataset_id}/experiment-ids"},
    RefusedRow{"POST", "3.0/mlflow/datasets/{dataset_id}/add-experiments"},
    RefusedRow{"POST", "3.0/mlflow/datasets/{dataset_id}/remove-experiments"},
    RefusedRow{"POST", "3.0/mlflow/scorers/register"},
    RefusedRow{"GET", "3.0/mlflow/scorers/list"},
    RefusedRow{"GET", "3.0/mlflow/scorers/versions"},
    RefusedRow{"GET", "3.0/mlflow/scorers/get"},
    RefusedRow{"DELETE", "3.0/mlflow/scorers/delete"},
    RefusedRow{"GET", "3.0/mlflow/scorers/online-configs"},
    RefusedRow{"PUT", "3.0/mlflow/scorers/online-config"},
    RefusedRow{"POST", "3.0/mlflow/issues"},
    RefusedRow{"POST", "3.0/mlflow/issues/search"},
    RefusedRow{"GET|PATCH", "3.0/mlflow/issues/{issue_id}"},
    RefusedRow{"POST", "3.0/mlflow/label-schemas/create"},
    RefusedRow{"GET", "3.0/mlflow/label-schemas/get"},
    RefusedRow{"GET", "3.0/mlflow/label-schemas/get-by-name"},
    RefusedRow{"GET", "3.0/mlflow/label-schemas/list"},
    RefusedRow{"PATCH", "3.0/mlflow/label-schemas/update"},
    RefusedRow{"DELETE", "3.0/mlflow/label-schemas/delete"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/create"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/get-or-create-user"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/update"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/delete"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/items/add"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/items/remove"},
    RefusedRow{"POST", "3.0/mlflow/review-queues/items/set-status"},
    RefusedRow{"GET", "3.0/mlflow/review-queues/get"},
    RefusedRow{"GET", "3.0/mlflow/review-queues/get-by-name"},
    RefusedRow{"GET", "3.0/mlflow/review-queues/list"},
    RefusedRow{"GET", "3.0/mlflow/review-queues/items/list"},
    RefusedRow{"GET|POST", "2.0/mlflow/webhooks"},
    RefusedRow{"GET|PATCH|DELETE", "2.0/mlflow/webhooks/{webhook_id}"},
    RefusedRow{"POST", "2.0/mlflow/webhooks/{webhook_id}/test"},
    RefusedRow{"GET|POST", "3.0/mlflow/ui-telemetry"},
    RefusedRow{"POST", "3.0/mlflow/demo/generate"},
    RefusedRow{"POST", "3.0/mlflow/demo/delete"},
    RefusedRow{"GET", "3.0/mlflow/jobs/{job_id}"},
    RefusedRow{"GET|PATCH|POST", "3.0/mlflow/jobs/cancel/{job_id}"},
    RefusedRow{"POST", "3.0/jobs"},
    RefusedRow{"POST", "3.0/jobs/search"},
    RefusedRow{"GET", "3.0/jobs/{job_id}"},
    RefusedRow{"PATCH", "3.0/jobs/cancel/{job_id}"},
};

constexpr std::array never_rows{
    RefusedRow{"GET|POST|PUT|PATCH|DELETE", "3.0/mlflow/gateway/{path...}"},
    RefusedRow{"GET|POST", "2.0/mlflow/gateway-proxy"},
    RefusedRow{"GET|POST|PUT|PATCH|DELETE", "3.0/mlflow/mcp-servers"},
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
