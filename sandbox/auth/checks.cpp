#include "sandbox/auth/checks.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

using Needs = std::vector<Need>;

Key key(std::string_view type, std::string id = "*") {
  return {type, std::move(id)};
}

Key experiment_key(const std::string& id) {
  return key("experiment", id);
}

// A thing inside an experiment: the experiment is readable, and a grant on the tier, else on the
// experiment, allows the action.
void add_inside(Needs& needs, std::string_view tier, const std::string& experiment, Action action) {
  needs.push_back({experiment_key(experiment), Action::read});
  needs.push_back({key(tier), action, experiment_key(experiment)});
}

bool inside(
    Question& question, Thing thing, const std::string& id, std::string_view tier, Action action) {
  const auto experiment = question.world().resources.experiment_of(thing, id);
  if (!experiment) return false;
  Needs needs;
  add_inside(needs, tier, *experiment, action);
  return question.grants().meets_all(needs);
}

bool is_run_allowed(Question& question, const std::string& id, Action action) {
  return inside(question, Thing::run, id, "run", action);
}

bool is_model_allowed(Question& question, const std::string& id, Action action) {
  return inside(question, Thing::logged_model, id, "logged_model", action);
}

bool creates_in(Question& question, const std::string& experiment, std::string_view tier) {
  return question.grants().meets_all(
      {{experiment_key(experiment), Action::update}, {key(tier), Action::not_denied}});
}

bool are_models_allowed(Question& question, const std::vector<std::string>& ids) {
  return std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
    return is_model_allowed(question, id, Action::update);
  });
}

bool all_experiments(Question& question, const std::vector<std::string>& ids, Action action) {
  return !ids.empty() && std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
    return allows(question.grants().effective(experiment_key(id)), action);
  });
}

std::optional<std::vector<std::string>> experiments_of(Question& question,
                                                       Thing thing,
                                                       const std::vector<std::string>& ids) {
  std::vector<std::string> found;
  for (const std::string& id : ids) {
    const auto experiment = question.world().resources.experiment_of(thing, id);
    if (!experiment) return std::nullopt;
    found.push_back(*experiment);
  }
  return found;
}

bool all_inside(Question& question,
                const std::vector<std::string>& experiments,
                std::string_view tier,
                Action action) {
  if (experiments.empty()) return false;
  Needs needs;
  for (const std::string& id : experiments) add_inside(needs, tier, id, action);
  return question.grants().meets_all(needs);
}

}  // namespace

bool reads_experiment(const Caller& caller, std::string_view id) {
  return allows(caller.grants.effective(experiment_key(std::string(id))), Action::read);
}

namespace check {

bool anybody(Question& /*question*/, Action /*action*/) {
  return true;
}

bool nobody(Question& /*question*/, Action /*action*/) {
  return false;
}

bool experiment(Question& question, Action action) {
  return allows(question.grants().effective(experiment_key(question.text("experiment_id"))),
                action);
}

bool experiment_by_name(Question& question, Action action) {
  const std::string name = question.text("experiment_name");
  const auto id = question.world().resources.experiment_named(name);
  if (!id) {
    throw Error(Code::resource_does_not_exist, "Could not find experiment with name " + name);
  }
  return allows(question.grants().effective(experiment_key(*id)), action);
}

bool experiment_with_contents(Question& question, Action action) {
  const std::string id = question.text("experiment_id");
  Needs needs{{experiment_key(id), action}};
  for (const char* tier :
       {"run", "trace", "logged_model", "assessment", "review_queue", "scorer", "scorer_version"}) {
    needs.push_back({key(tier), action, experiment_key(id)});
  }
  return question.grants().meets_all(needs);
}

bool experiments(Question& question, Action action) {
  return all_experiments(question, question.texts("experiment_ids"), action);
}

bool new_experiment(Question& question, Action /*action*/) {
  return question.grants().meets({key("experiment"), Action::not_denied});
}

bool run(Question& question, Action action) {
  return is_run_allowed(question, question.text("run_id", "run_uuid"), action);
}

bool new_run(Question& question, Action /*action*/) {
  return creates_in(question, question.text("experiment_id"), "run");
}

bool run_and_metric_model(Question& question, Action action) {
  if (!run(question, action)) return false;
  const auto model = question.maybe_text("model_id");
  return !model || model->empty() || is_model_allowed(question, *model, Action::update);
}

bool run_and_batch_models(Question& question, Action action) {
  return run(question, action) &&
         are_models_allowed(question, question.texts_in("metrics", "model_id"));
}

bool run_and_linked_models(Question& question, Action action) {
  return run(question, action) &&
         are_models_allowed(question, question.texts_in("models", "model_id"));
}

bool runs(Question& question, Action action) {
  std::vector<std::string> ids = question.texts("run_ids");
  if (ids.empty()) ids = question.texts("run_id");
  const auto found = experiments_of(question, Thing::run, ids);
  return found && all_inside(question, *found, "run", action);
}

bool run_or_logged_model(Question& question, Action action) {
  const std::string run_id = question.maybe_text("run_id").value_or("");
  const std::string model_id = question.maybe_text("model_id").value_or("");
  if (run_id.empty() == model_id.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Exactly one of run_id and model_id must be provided.");
  }
  return run_id.empty() ? is_model_allowed(question, model_id, action)
                        : is_run_allowed(question, run_id, action);
}

// The experiments that may not be read are left out of the search.
bool searched_runs(Question& question, Action /*action*/) {
  const bool is_denied = !question.grants().meets({key("run"), Action::not_denied});
  std::string readable;
  JsonWriter writer(readable);
  writer.begin_array();
  bool is_changed = false;
  for (const std::string& id : question.texts("experiment_ids")) {
    if (!is_denied && reads_experiment(question.caller(), id)) {
      writer.value(id);
    } else {
      is_changed = true;
    }
  }
  writer.end_array();
  if (is_changed) question.replace({{"experiment_ids", readable}, {"experimentIds", "null"}});
  return true;
}

bool logged_model(Question& question, Action action) {
  return is_model_allowed(question, question.subject("model_id"), action);
}

bool new_logged_model(Question& question, Action /*action*/) {
  if (!creates_in(question, question.text("experiment_id"), "logged_model")) return false;
  const auto source = question.maybe_text("source_run_id");
  return !source || source->empty() || is_run_allowed(question, *source, Action::read);
}

bool trace(Question& question, Action action) {
  return inside(question, Thing::trace, question.subject("trace_id", "request_id"), "trace",
                action);
}

bool new_trace(Question& question, Action /*action*/) {
  return creates_in(question, question.text("experiment_id"), "trace");
}

bool new_trace_v3(Question& question, Action /*action*/) {
  std::optional<JsonView> at = question.body();
  for (const char* member : {"trace", "trace_info"}) {
    if (at) at = fields_detail::find(*at, member, "", false);
  }
  if (!at) return false;
  const auto assessments = fields_detail::find(*at, "assessments", "", false);
  for (const char* member : {"trace_location", "mlflow_experiment", "experiment_id"}) {
    if (at) at = fields_detail::find(*at, member, "", false);
  }
  std::string id;
  if (!at || !at->read(id) || id.empty()) return false;
  if (assessments && assessments->size() > 0 &&
      !question.grants().meets({key("assessment"), Action::not_denied})) {
    return false;
  }
  return creates_in(question, id, "trace");
}

bool new_spans(Question& question, Action /*action*/) {
  const std::string id(question.request().headers.get("x-mlflow-experiment-id"));
  // The endpoint itself has the words for a request without one.
  return id.empty() || creates_in(question, id, "trace");
}

bool traces(Question& question, Action action) {
  const auto found = experiments_of(question, Thing::trace, question.texts("trace_ids"));
  return found && all_inside(question, *found, "trace", action);
}

bool traces_of_experiments(Question& question, Action action) {
  return all_inside(question, question.texts("experiment_ids"), "trace", action);
}

bool traces_of_locations(Question& question, Action action) {
  std::vector<std::string> ids;
  const auto locations = fields_detail::find(question.body(), "locations", "", false);
  for (std::size_t i = 0; locations && locations->is_array() && i < locations->size(); ++i) {
    std::optional<JsonView> at = locations->at(i);
    for (const char* member : {"mlflow_experiment", "experiment_id"}) {
      if (at) at = fields_detail::find(*at, member, "", false);
    }
    std::string id;
    if (at && at->read(id)) ids.push_back(id);
  }
  return all_inside(question, ids, "trace", action);
}

bool deleted_traces(Question& question, Action /*action*/) {
  const std::string id = question.text("experiment_id");
  return question.grants().meets_all(
      {{experiment_key(id), Action::read},
       {key("trace"), Action::remove, experiment_key(id)},
       {key("assessment"), Action::remove, experiment_key(id), Action::update}});
}

bool traces_linked_to_run(Question& question, Action /*action*/) {
  return run(question, Action::update) && traces(question, Action::read);
}

bool assessment(Question& question, Action action) {
  const auto found = question.world().resources.experiment_of(
      Thing::trace, question.subject("trace_id", "request_id"));
  if (!found) return false;
  Needs needs;
  add_inside(needs, "trace", *found, Action::read);
  needs.push_back({key("assessment"), action, experiment_key(*found)});
  return question.grants().meets_all(needs);
}

bool new_assessment(Question& question, Action /*action*/) {
  const auto found = question.world().resources.experiment_of(
      Thing::trace, question.subject("trace_id", "request_id"));
  if (!found) return false;
  Needs needs;
  add_inside(needs, "trace", *found, Action::read);
  needs.push_back({key("assessment"), Action::not_denied});
  // A grant on traces may give the right to write or veto it, but not weaken the experiment's.
  return question.grants().meets_all(needs) &&
         (question.grants().meets({experiment_key(*found), Action::update}) ||
          question.grants().meets({key("trace"), Action::update}));
}

bool deleted_assessment(Question& question, Action /*action*/) {
  const auto found = question.world().resources.experiment_of(
      Thing::trace, question.subject("trace_id", "request_id"));
  if (!found) return false;
  Needs needs;
  add_inside(needs, "trace", *found, Action::read);
  needs.push_back({key("assessment"), Action::remove, experiment_key(*found), Action::update});
  return question.grants().meets_all(needs);
}

bool dataset(Question& question, Action action) {
  const auto ids =
      question.world().resources.experiments_of_dataset(question.subject("dataset_id"));
  return all_experiments(question, ids, action);
}

bool dataset_and_experiments(Question& question, Action action) {
  return dataset(question, action) && experiments(question, action);
}

bool issue(Question& question, Action action) {
  const auto id =
      question.world().resources.experiment_of(Thing::issue, question.subject("issue_id"));
  return id && all_experiments(question, {*id}, action);
}

bool label_schema(Question& question, Action action) {
  const auto id =
      question.world().resources.experiment_of(Thing::label_schema, question.text("schema_id"));
  return id && all_experiments(question, {*id}, action);
}

bool run_artifact(Question& question, Action action) {
  // These forms carry their parameters in the query, whatever the method.
  const auto& query = question.request().query;
  const std::string id(query.get("run_id", query.get("run_uuid")));
  if (id.empty()) fields_detail::missing("run_id");
  return is_run_allowed(question, id, action);
}

}  // namespace check
}  // namespace sandbox::auth
