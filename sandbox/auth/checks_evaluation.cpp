#include "sandbox/auth/checks.h"
#include "sandbox/base/text.h"

// Scorers and review queues.
namespace sandbox::auth {
namespace {

Key experiment_key(const std::string& id) {
  return {"experiment", id};
}

// "<experiment>/<name>", the name percent-encoded because it may hold slashes.
Key scorer_key(Question& question) {
  return {"scorer", question.text("experiment_id") + "/" + percent_encode(question.text("name"))};
}

bool may_see_versions(Question& question) {
  return question.grants().meets({{"scorer_version", "*"}, Action::not_denied});
}

Permission in_queues_of(Question& question, const std::string& experiment) {
  const Grants& grants = question.grants();
  if (!grants.meets({experiment_key(experiment), Action::read})) return Permission::no_permissions;
  const auto own = grants.granted({"review_queue", "*"});
  return own ? *own : grants.effective(experiment_key(experiment));
}

std::optional<Resources::Queue> find_queue(Question& question, const std::string& id) {
  return question.world().resources.review_queue(id, question.caller().user.name);
}

bool is_owner(Question& question, const Resources::Queue& queue) {
  return !queue.owner.empty() && queue.owner == lower(trim(question.caller().user.name));
}

}  // namespace

bool sees_review_queue(Question& question, const std::string& id) {
  const auto queue = find_queue(question, id);
  if (!queue) return false;
  const Permission permission = in_queues_of(question, queue->experiment_id);
  if (!allows(permission, Action::read)) return false;
  return allows(permission, Action::manage) || queue->has_member ||
         (allows(permission, Action::update) && is_owner(question, *queue));
}

namespace check {

bool scorer(Question& question, Action action) {
  return question.grants().meets({scorer_key(question), action}) && may_see_versions(question);
}

bool listed_scorers(Question& question, Action action) {
  const std::string id = question.maybe_text("experiment_id").value_or("");
  return id.empty() || question.grants().meets({experiment_key(id), action});
}

bool new_scorer(Question& question, Action /*action*/) {
  return question.grants().meets_all(
      {{experiment_key(question.text("experiment_id")), Action::update},
       {scorer_key(question), Action::not_denied},
       {{"scorer_version", "*"}, Action::not_denied}});
}

bool deleted_scorer(Question& question, Action /*action*/) {
  const Key key = scorer_key(question);
  const bool is_one_version = question.maybe_number("version").has_value();
  return question.grants().meets_all({{key, is_one_version ? Action::read : Action::remove},
                                      {{"scorer_version", "*"}, Action::remove, key}});
}

bool online_scorers(Question& question, Action action) {
  for (const std::string& id : question.texts("scorer_ids")) {
    for (const std::string& experiment : question.world().resources.experiments_of_scorer(id)) {
      if (!allows(question.grants().effective(experiment_key(experiment)), action)) return false;
    }
  }
  return true;
}

bool new_review_queue(Question& question, Action /*action*/) {
  return question.grants().meets_all(
      {{experiment_key(question.text("experiment_id")), Action::update},
       {{"review_queue", "*"}, Action::not_denied}});
}

bool review_queue(Question& question, Action action) {
  if (action == Action::read) return sees_review_queue(question, question.text("queue_id"));
  const auto queue = find_queue(question, question.text("queue_id"));
  return queue && allows(in_queues_of(question, queue->experiment_id), action);
}

bool review_queue_by_name(Question& question, Action /*action*/) {
  const auto id = question.world().resources.review_queue_named(question.text("experiment_id"),
                                                                question.text("name"));
  return id && sees_review_queue(question, *id);
}

bool owned_review_queue(Question& question, Action /*action*/) {
  const auto queue = find_queue(question, question.text("queue_id"));
  if (!queue) return false;
  const Permission permission = in_queues_of(question, queue->experiment_id);
  if (allows(permission, Action::manage)) return true;
  return !question.maybe_text("new_owner") && allows(permission, Action::update) &&
         is_owner(question, *queue);
}

bool pruned_review_queue(Question& question, Action /*action*/) {
  const auto queue = find_queue(question, question.text("queue_id"));
  if (!queue) return false;
  const Permission permission = in_queues_of(question, queue->experiment_id);
  return allows(permission, Action::manage) ||
         (allows(permission, Action::update) && queue->is_custom && is_owner(question, *queue));
}

bool reviewed_item(Question& question, Action /*action*/) {
  const auto queue = find_queue(question, question.text("queue_id"));
  return queue && queue->has_member &&
         allows(in_queues_of(question, queue->experiment_id), Action::update);
}

}  // namespace check
}  // namespace sandbox::auth
