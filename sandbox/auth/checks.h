// The questions a rule can ask, each the counterpart of one of the reference's validators. They
// answer false for what may not be done and also for what does not exist, so that an answer tells
// nobody which ids there are.
#pragma once

#include "sandbox/auth/question.h"

namespace sandbox::auth {

using Check = bool (*)(Question& question, Action action);

namespace check {

bool anybody(Question& question, Action action);  // who is logged in
bool nobody(Question& question, Action action);   // administrators pass without being asked

bool experiment(Question& question, Action action);
bool experiment_by_name(Question& question, Action action);
bool experiment_with_contents(Question& question, Action action);
bool experiments(Question& question, Action action);  // each of experiment_ids, at least one
bool new_experiment(Question& question, Action action);

bool run(Question& question, Action action);
bool new_run(Question& question, Action action);
bool run_and_metric_model(Question& question, Action action);
bool run_and_batch_models(Question& question, Action action);
bool run_and_linked_models(Question& question, Action action);
bool runs(Question& question, Action action);  // run_id or run_ids, several
bool run_or_logged_model(Question& question, Action action);
bool searched_runs(Question& question, Action action);

bool logged_model(Question& question, Action action);
bool new_logged_model(Question& question, Action action);

bool registered_model(Question& question, Action action);
bool registered_model_with_versions(Question& question, Action action);
bool registered_model_alias(Question& question, Action action);
bool new_registered_model(Question& question, Action action);
bool model_version(Question& question, Action action);
bool new_model_version(Question& question, Action action);

bool trace(Question& question, Action action);
bool new_trace(Question& question, Action action);
bool new_trace_v3(Question& question, Action action);
bool new_spans(Question& question, Action action);
bool traces(Question& question, Action action);  // each of trace_ids
bool traces_of_experiments(Question& question, Action action);
bool traces_of_locations(Question& question, Action action);
bool deleted_traces(Question& question, Action action);
bool traces_linked_to_run(Question& question, Action action);
bool assessment(Question& question, Action action);
bool new_assessment(Question& question, Action action);
bool deleted_assessment(Question& question, Action action);

bool dataset(Question& question, Action action);
bool dataset_and_experiments(Question& question, Action action);
bool issue(Question& question, Action action);
bool label_schema(Question& question, Action action);
bool scorer(Question& question, Action action);
bool listed_scorers(Question& question, Action action);
bool new_scorer(Question& question, Action action);
bool deleted_scorer(Question& question, Action action);
bool online_scorers(Question& question, Action action);
bool new_review_queue(Question& question, Action action);
bool review_queue(Question& question, Action action);
bool review_queue_by_name(Question& question, Action action);
bool owned_review_queue(Question& question, Action action);
bool pruned_review_queue(Question& question, Action action);
bool reviewed_item(Question& question, Action action);

bool proxied_artifact(Question& question, Action action);
bool run_artifact(Question& question, Action action);

bool graphql(Question& question, Action action);

bool own_user(Question& question, Action action);
bool new_user(Question& question, Action action);
bool managed_role(Question& question, Action action);
bool visible_role(Question& question, Action action);
bool visible_roles(Question& question, Action action);
bool visible_user(Question& question, Action action);
bool managed_resource(Question& question, Action action);
bool visible_permission(Question& question, Action action);

}  // namespace check

// How a check's "no" is told where it is not told as usual; nullopt for as usual.
using Refusal = std::optional<http::Response> (*)(Question& question);

// What the reference answers to a page whose one query may not be read: null.
std::optional<http::Response> graphql_refusal(Question& question);

// Whether the caller may see this review queue, in lists too.
bool sees_review_queue(Question& question, const std::string& id);
// Whether the caller may read the experiment with this id, in lists too.
bool reads_experiment(const Caller& caller, std::string_view id);

}  // namespace sandbox::auth
