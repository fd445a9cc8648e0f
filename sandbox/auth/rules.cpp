#include "sandbox/auth/rules.h"

#include <algorithm>
#include <array>
#include <string>

#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

using enum Action;

// The reference's BEFORE_REQUEST_HANDLERS and AFTER_REQUEST_PATH_HANDLERS (mlflow/server/auth).
constexpr std::array rules{
    // Pages and what every client may know.
    Rule{"*", "/health"},
    Rule{"*", "3.0/mlflow/server-info"},
    Rule{"*", "/static-files/{...}"},
    Rule{"GET", "/favicon.ico"},
    Rule{"GET", "/", check::anybody},
    Rule{"GET", "/mlflow", check::anybody},
    Rule{"GET", "/mlflow/", check::anybody},
    Rule{"GET", "/version", check::anybody},
    Rule{"GET", "/sandbox/api.json", check::anybody},
    Rule{"*", "3.0/mlflow/ui-telemetry", check::anybody},
    Rule{"*", "/graphql", check::graphql, read, after::filter_graphql, nullptr, graphql_refusal},

    // Experiments.
    Rule{"POST", "2.0/mlflow/experiments/create", check::new_experiment, update, nullptr,
         after::own_experiment},
    Rule{"GET", "2.0/mlflow/experiments/get", check::experiment},
    Rule{"GET", "2.0/mlflow/experiments/get-by-name", check::experiment_by_name},
    Rule{"GET|POST", "2.0/mlflow/experiments/search", check::anybody, read,
         after::filter_experiments},
    Rule{"POST", "2.0/mlflow/experiments/update", check::experiment, update},
    Rule{"POST", "2.0/mlflow/experiments/delete", check::experiment_with_contents, remove},
    Rule{"POST", "2.0/mlflow/experiments/restore", check::experiment_with_contents, remove},
    Rule{"POST", "2.0/mlflow/experiments/set-experiment-tag", check::experiment, update},
    Rule{"POST", "2.0/mlflow/experiments/delete-experiment-tag", check::experiment, update},
    Rule{"POST", "2.0/mlflow/experiments/search-datasets", check::experiments},

    // Runs.
    Rule{"POST", "2.0/mlflow/runs/create", check::new_run},
    Rule{"POST", "2.0/mlflow/runs/create-promptlab-run", check::new_run},
    Rule{"GET", "2.0/mlflow/runs/get", check::run},
    Rule{"POST", "2.0/mlflow/runs/update", check::run, update},
    Rule{"POST", "2.0/mlflow/runs/delete", check::run, remove},
    Rule{"POST", "2.0/mlflow/runs/restore", check::run, remove},
    Rule{"GET|POST", "2.0/mlflow/runs/search", check::searched_runs},
    Rule{"POST", "2.0/mlflow/runs/log-metric", check::run_and_metric_model, update},
    Rule{"POST", "2.0/mlflow/runs/log-parameter", check::run, update},
    Rule{"POST", "2.0/mlflow/runs/set-tag", check::run, update},
    Rule{"POST", "2.0/mlflow/runs/delete-tag", check::run, update},
    Rule{"POST", "2.0/mlflow/runs/log-batch", check::run_and_batch_models, update},
    Rule{"POST", "2.0/mlflow/runs/log-inputs", check::run_and_linked_models, update},
    Rule{"POST", "2.0/mlflow/runs/outputs", check::run_and_linked_models, update},
    Rule{"POST", "2.0/mlflow/runs/log-model", check::run, update},
    Rule{"GET", "2.0/mlflow/metrics/get-history", check::run},
    Rule{"GET", "2.0/mlflow/metrics/get-history-bulk", check::runs},
    Rule{"GET", "2.0/mlflow/metrics/get-history-bulk-interval", check::runs},

    // Artifacts.
    Rule{"GET", "2.0/mlflow/artifacts/list", check::run},
    Rule{"POST", "2.0/mlflow/artifacts/presigned-upload-url", check::run_or_logged_model, update},
    Rule{"POST", "2.0/mlflow/artifacts/presigned-download-url", check::run},
    Rule{"GET", "2.0/mlflow-artifacts/artifacts", check::proxied_artifact, read,
         after::filter_artifacts},
    Rule{"GET", "2.0/mlflow-artifacts/artifacts/{...}", check::proxied_artifact},
    Rule{"PUT", "2.0/mlflow-artifacts/artifacts/{...}", check::proxied_artifact, update},
    Rule{"DELETE", "2.0/mlflow-artifacts/artifacts/{...}", check::proxied_artifact, manage},
    Rule{"POST", "2.0/mlflow-artifacts/mpu/create", check::proxied_artifact, update},
    Rule{"POST", "2.0/mlflow-artifacts/mpu/create/{...}", check::proxied_artifact, update},
    Rule{"POST", "2.0/mlflow-artifacts/mpu/complete/{...}", check::proxied_artifact, update},
    Rule{"POST", "2.0/mlflow-artifacts/mpu/abort/{...}", check::proxied_artifact, update},
    Rule{"GET", "2.0/mlflow-artifacts/presigned/{...}", check::proxied_artifact},
    Rule{"GET", "/get-artifact", check::run_artifact},
    Rule{"POST", "2.0/mlflow/upload-artifact", check::run_artifact, update},
    Rule{"GET", "/model-versions/get-artifact", check::model_version},
    Rule{"GET", "2.0/mlflow/get-trace-artifact", check::trace},
    Rule{"GET", "3.0/mlflow/get-trace-artifact", check::trace},

    // Model registry; prompts are registered models.
    Rule{"POST", "2.0/mlflow/registered-models/create", check::new_registered_model, update,
         nullptr, after::own_model},
    Rule{"GET", "2.0/mlflow/registered-models/get", check::registered_model},
    Rule{"GET", "2.0/mlflow/registered-models/search", check::anybody, read, after::filter_models},
    Rule{"PATCH", "2.0/mlflow/registered-models/update", check::registered_model, update},
    Rule{"POST", "2.0/mlflow/registered-models/rename", check::registered_model, update, nullptr,
         after::rename_model},
    Rule{"DELETE", "2.0/mlflow/registered-models/delete", check::registered_model_with_versions,
         remove, nullptr, after::forget_model},
    Rule{"POST", "2.0/mlflow/registered-models/set-tag", check::registered_model, update},
    Rule{"DELETE", "2.0/mlflow/registered-models/delete-tag", check::registered_model, update},
    Rule{"GET|POST", "2.0/mlflow/registered-models/get-latest-versions", check::model_version},
    Rule{"GET", "2.0/mlflow/registered-models/alias", check::model_version},
    Rule{"POST", "2.0/mlflow/registered-models/alias", check::registered_model_alias, update},
    Rule{"DELETE", "2.0/mlflow/registered-models/alias", check::registered_model_alias, remove},
    Rule{"POST", "2.0/mlflow/model-versions/create", check::new_model_version},
    Rule{"GET", "2.0/mlflow/model-versions/get", check::model_version},
    Rule{"GET", "2.0/mlflow/model-versions/search", check::anybody, read, after::filter_versions},
    Rule{"GET", "2.0/mlflow/model-versions/get-download-uri", check::model_version},
    Rule{"PATCH", "2.0/mlflow/model-versions/update", check::model_version, update},
    Rule{"POST", "2.0/mlflow/model-versions/transition-stage", check::model_version, update},
    Rule{"DELETE", "2.0/mlflow/model-versions/delete", check::model_version, remove},
    Rule{"POST", "2.0/mlflow/model-versions/set-tag", check::model_version, update},
    Rule{"DELETE", "2.0/mlflow/model-versions/delete-tag", check::model_version, remove},

    // Logged models.
    Rule{"POST", "2.0/mlflow/logged-models", check::new_logged_model},
    Rule{"POST", "2.0/mlflow/logged-models/search", check::anybody, read,
         after::filter_logged_models},
    Rule{"GET", "2.0/mlflow/logged-models/{}", check::logged_model},
    Rule{"PATCH", "2.0/mlflow/logged-models/{}", check::logged_model, update},
    Rule{"DELETE", "2.0/mlflow/logged-models/{}", check::logged_model, remove},
    Rule{"POST", "2.0/mlflow/logged-models/{}/params", check::logged_model, update},
    Rule{"PATCH", "2.0/mlflow/logged-models/{}/tags", check::logged_model, update},
    Rule{"DELETE", "2.0/mlflow/logged-models/{}/tags/{}", check::logged_model, remove},
    Rule{"GET", "2.0/mlflow/logged-models/{}/artifacts/directories", check::logged_model},
    Rule{"GET", "2.0/mlflow/logged-models/{}/artifacts/files", check::logged_model},

    // Traces and assessments.
    Rule{"POST", "/v1/traces", check::new_spans},
    Rule{"GET", "2.0/mlflow/traces", check::traces_of_experiments},
    Rule{"POST", "2.0/mlflow/traces", check::new_trace},
    Rule{"PATCH", "2.0/mlflow/traces/{}", check::trace, update},
    Rule{"GET", "2.0/mlflow/traces/{}/info", check::trace},
    Rule{"PATCH|DELETE", "2.0/mlflow/traces/{}/tags", check::trace, update},
    Rule{"POST", "2.0/mlflow/traces/delete-traces", check::deleted_traces},
    Rule{"POST", "2.0/mlflow/traces/link-to-run", check::traces_linked_to_run},
    Rule{"POST", "2.0/mlflow/traces/link-prompts", check::trace, update},
    Rule{"GET", "2.0/mlflow/unified-traces", check::anybody},
    Rule{"GET", "2.0/mlflow/get-online-trace-details", check::anybody},
    Rule{"POST", "3.0/mlflow/traces", check::new_trace_v3},
    Rule{"POST", "3.0/mlflow/traces/search", check::traces_of_locations},
    Rule{"POST", "3.0/mlflow/traces/batchGetInfos", check::traces},
    Rule{"GET", "3.0/mlflow/traces/batchGet", check::traces},
    Rule{"POST", "3.0/mlflow/traces/delete-traces", check::deleted_traces},
    Rule{"POST", "3.0/mlflow/traces/link-to-run", check::traces_linked_to_run},
    Rule{"POST", "3.0/mlflow/traces/link-prompts", check::trace, update},
    Rule{"POST", "3.0/mlflow/traces/calculate-filter-correlation", check::traces_of_experiments},
    Rule{"POST", "3.0/mlflow/traces/metrics", check::traces_of_experiments},
    Rule{"GET", "3.0/mlflow/traces/get", check::trace},
    Rule{"GET", "3.0/mlflow/traces/{}", check::trace},
    Rule{"PATCH|DELETE", "3.0/mlflow/traces/{}/tags", check::trace, update},
    Rule{"POST", "3.0/mlflow/traces/{}/assessments", check::new_assessment},
    Rule{"GET", "3.0/mlflow/traces/{}/assessments/{}", check::assessment},
    Rule{"PATCH", "3.0/mlflow/traces/{}/assessments/{}", check::assessment, update},
    Rule{"DELETE", "3.0/mlflow/traces/{}/assessments/{}", check::deleted_assessment},

    // Evaluation.
    Rule{"POST", "3.0/mlflow/datasets/create", check::experiments, update},
    Rule{"GET|POST", "3.0/mlflow/datasets/search", check::experiments},
    Rule{"GET", "3.0/mlflow/datasets/{}", check::dataset},
    Rule{"DELETE", "3.0/mlflow/datasets/{}", check::dataset, remove},
    Rule{"PATCH", "3.0/mlflow/datasets/{}/tags", check::dataset, update},
    Rule{"DELETE", "3.0/mlflow/datasets/{}/tags/{}", check::dataset, update},
    Rule{"GET", "3.0/mlflow/datasets/{}/records", check::dataset},
    Rule{"POST|DELETE", "3.0/mlflow/datasets/{}/records", check::dataset, update},
    Rule{"GET", "3.0/mlflow/datasets/{}/experiment-ids", check::dataset},
    Rule{"POST", "3.0/mlflow/datasets/{}/add-experiments", check::dataset_and_experiments, update},
    Rule{"POST", "3.0/mlflow/datasets/{}/remove-experiments", check::dataset, update},
    Rule{"POST", "3.0/mlflow/scorers/register", check::new_scorer, update, nullptr,
         after::own_scorer},
    Rule{"GET", "3.0/mlflow/scorers/list", check::listed_scorers, read, after::filter_scorers},
    Rule{"GET", "3.0/mlflow/scorers/versions", check::scorer},
    Rule{"GET", "3.0/mlflow/scorers/get", check::scorer},
    Rule{"DELETE", "3.0/mlflow/scorers/delete", check::deleted_scorer, remove, nullptr,
         after::forget_scorer},
    Rule{"GET", "3.0/mlflow/scorers/online-configs", check::online_scorers},
    Rule{"PUT", "3.0/mlflow/scorers/online-config", check::experiment, update},
    Rule{"POST", "3.0/mlflow/issues", check::experiment, update},
    Rule{"POST", "3.0/mlflow/issues/search", check::experiment},
    Rule{"GET", "3.0/mlflow/issues/{}", check::issue},
    Rule{"PATCH", "3.0/mlflow/issues/{}", check::issue, update},
    Rule{"POST", "3.0/mlflow/label-schemas/create", check::experiment, manage},
    Rule{"GET", "3.0/mlflow/label-schemas/get", check::label_schema},
    Rule{"GET", "3.0/mlflow/label-schemas/get-by-name", check::experiment},
    Rule{"GET", "3.0/mlflow/label-schemas/list", check::experiment},
    Rule{"PATCH", "3.0/mlflow/label-schemas/update", check::label_schema, manage},
    Rule{"DELETE", "3.0/mlflow/label-schemas/delete", check::label_schema, manage},
    Rule{"POST", "3.0/mlflow/review-queues/create", check::new_review_queue},
    Rule{"POST", "3.0/mlflow/review-queues/get-or-create-user", check::new_review_queue},
    Rule{"POST", "3.0/mlflow/review-queues/update", check::owned_review_queue},
    Rule{"POST", "3.0/mlflow/review-queues/delete", check::pruned_review_queue},
    Rule{"POST", "3.0/mlflow/review-queues/items/add", check::review_queue, update},
    Rule{"POST", "3.0/mlflow/review-queues/items/remove", check::pruned_review_queue},
    Rule{"POST", "3.0/mlflow/review-queues/items/set-status", check::reviewed_item},
    Rule{"GET", "3.0/mlflow/review-queues/get", check::review_queue},
    Rule{"GET", "3.0/mlflow/review-queues/get-by-name", check::review_queue_by_name},
    Rule{"GET", "3.0/mlflow/review-queues/list", check::experiment, read,
         after::filter_review_queues},
    Rule{"GET", "3.0/mlflow/review-queues/items/list", check::review_queue},

    // Webhooks are the administrators'.
    Rule{"*", "2.0/mlflow/webhooks", check::nobody},
    Rule{"*", "2.0/mlflow/webhooks/{...}", check::nobody},

    // Users, roles, grants.
    Rule{"GET", "/signup", check::new_user},
    Rule{"POST", "2.0/mlflow/users/create", check::new_user},
    Rule{"POST", "2.0/mlflow/users/create-ui", check::new_user},
    Rule{"GET", "2.0/mlflow/users/get", check::own_user},
    Rule{"GET", "2.0/mlflow/users/list", check::anybody},
    Rule{"GET", "2.0/mlflow/users/current", check::anybody},
    Rule{"GET", "3.0/mlflow/users/current/permissions", check::anybody},
    Rule{"PATCH", "2.0/mlflow/users/update-password", check::own_user},
    Rule{"PATCH", "2.0/mlflow/users/update-admin", check::nobody},
    Rule{"DELETE", "2.0/mlflow/users/delete", check::nobody},
    Rule{"GET", "3.0/mlflow/users/permissions/list", check::visible_user},
    Rule{"POST", "3.0/mlflow/users/permissions/grant", check::managed_resource},
    Rule{"POST", "3.0/mlflow/users/permissions/revoke", check::managed_resource},
    Rule{"GET", "3.0/mlflow/users/permissions/get", check::visible_permission},
    Rule{"GET", "3.0/mlflow/users/roles/list", check::visible_user},
    Rule{"POST", "3.0/mlflow/roles/create", check::managed_role},
    Rule{"GET", "3.0/mlflow/roles/get", check::visible_role},
    Rule{"GET", "3.0/mlflow/roles/list", check::visible_roles},
    Rule{"PATCH", "3.0/mlflow/roles/update", check::managed_role},
    Rule{"DELETE", "3.0/mlflow/roles/delete", check::managed_role},
    Rule{"POST", "3.0/mlflow/roles/assign", check::managed_role},
    Rule{"DELETE", "3.0/mlflow/roles/unassign", check::managed_role},
    Rule{"POST", "3.0/mlflow/roles/permissions/add", check::managed_role},
    Rule{"DELETE", "3.0/mlflow/roles/permissions/remove", check::managed_role},
    Rule{"GET", "3.0/mlflow/roles/permissions/list", check::visible_role},
    Rule{"PATCH", "3.0/mlflow/roles/permissions/update", check::managed_role},
    Rule{"GET", "3.0/mlflow/roles/users/list", check::managed_role},
    Rule{"POST", "sandbox/gc", check::nobody},
    Rule{"GET", "sandbox/lab", check::nobody},
    Rule{"POST", "sandbox/snapshots", check::nobody},
    Rule{"GET", "sandbox/runs/{}/archive", check::nobody},
    Rule{"POST", "sandbox/runs/import", check::nobody},
    Rule{"POST", "sandbox/import", check::nobody},
    Rule{"POST", "sandbox/migrate", check::nobody},
    Rule{"POST", "sandbox/relocate", check::nobody},
    Rule{"*", "sandbox/jobs", check::nobody},
    Rule{"*", "sandbox/jobs/{...}", check::nobody},
    Rule{"*", "sandbox/secrets", check::nobody},
    Rule{"*", "sandbox/secrets/{}", check::nobody},
    Rule{"*", "sandbox/config", check::nobody},
    Rule{"*", "sandbox/config/{}", check::nobody},
    Rule{"*", "/sandbox/tokens", check::nobody},
    Rule{"*", "/sandbox/tokens/{}", check::nobody},

    // Answered with a refusal, or by another program.
    Rule{"*", "3.0/mlflow/workspaces", check::anybody},
    Rule{"*", "3.0/mlflow/workspaces/{}", check::anybody},
    Rule{"POST", "3.0/mlflow/demo/generate", check::anybody},
    Rule{"POST", "3.0/mlflow/demo/delete", check::nobody},
    Rule{"*", "3.0/mlflow/jobs/{...}", check::nobody},
    Rule{"*", "3.0/jobs", check::nobody},
    Rule{"*", "3.0/jobs/{...}", check::nobody},
    Rule{"*", "3.0/mlflow/gateway/{...}", check::nobody},
    Rule{"*", "2.0/mlflow/gateway-proxy", check::nobody},
    Rule{"*", "3.0/mlflow/mcp-servers", check::nobody},
    Rule{"*", "3.0/mlflow/mcp-servers/{...}", check::nobody},
    Rule{"*", "3.0/mlflow/prompt-optimization/{...}", check::nobody},
    Rule{"*", "3.0/mlflow/assistant/{...}", check::nobody},
    Rule{"POST", "3.0/mlflow/scorer/invoke", check::nobody},
    Rule{"POST", "3.0/mlflow/issues/invoke", check::nobody},
    Rule{"POST", "3.0/mlflow/genai/evaluate/invoke", check::nobody},
};

bool has_method(std::string_view methods, std::string_view method) {
  if (methods == "*") return true;
  const std::vector<std::string> all = split(methods, '|');
  return std::find(all.begin(), all.end(), method) != all.end();
}

bool is_variable(std::string_view segment) {
  return segment.size() > 1 && segment.front() == '{' && segment.back() == '}';
}

// Whether a rule's path is the router's pattern, whatever that calls its variables.
bool matches(std::string_view path, std::string_view pattern) {
  const std::vector<std::string> wanted = split(path, '/');
  const std::vector<std::string> given = split(pattern, '/');
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "{...}") return i < given.size();
    if (i >= given.size()) return false;
    const bool is_rest = given[i].ends_with("...}");
    if (wanted[i] == "{}" ? !is_variable(given[i]) || is_rest : wanted[i] != given[i]) {
      return false;
    }
  }
  return wanted.size() == given.size();
}

}  // namespace

const Rule* find_rule(std::string_view method, std::string_view pattern) {
  for (const std::string_view prefix : {"/api/", "/ajax-api/"}) {
    if (!pattern.starts_with(prefix)) continue;
    pattern.remove_prefix(prefix.size());
    // A rule for a whole path is not one for what stands below a prefix.
    if (pattern.starts_with('/')) return nullptr;
  }
  const auto* const found = std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) {
    return has_method(rule.methods, method) && matches(rule.path, pattern);
  });
  return found == rules.end() ? nullptr : found;
}

}  // namespace sandbox::auth
