#include <algorithm>

#include "sandbox/auth/checks.h"
#include "sandbox/base/text.h"

// Registered models and prompts share their endpoints; which of the two a name is, the stored entry
// says, never the request.
namespace sandbox::auth {
namespace {

struct Target {
  std::string_view container;
  std::string_view version;
  std::string name;
};

std::optional<Target> find_target(Question& question, const std::string& name) {
  switch (question.world().resources.registry_entry(name)) {
    case Resources::Entry::absent: return std::nullopt;
    case Resources::Entry::prompt: return Target{"prompt", "prompt_version", name};
    case Resources::Entry::model: break;
  }
  return Target{"registered_model", "registered_model_version", name};
}

Key container_key(const Target& target) {
  return {target.container, target.name};
}

Key version_key(const Target& target) {
  return {target.version, "*"};
}

// Whether the tags of a request say that it makes a prompt.
std::optional<bool> asserted_prompt(Question& question) {
  std::optional<bool> asserted;
  const auto tags = fields_detail::find(question.body(), "tags", "", false);
  for (std::size_t i = 0; tags && tags->is_array() && i < tags->size(); ++i) {
    std::string name;
    std::string value;
    const auto found = tags->at(i).member("key");
    if (!found || !found->read(name) || name != "mlflow.prompt.is_prompt") continue;
    if (const auto given = tags->at(i).member("value")) given->read(value);
    asserted = lower(value) == "true";
  }
  return asserted;
}

bool reads_model_named(Question& question, const std::string& name) {
  const auto target = find_target(question, name);
  return target && question.grants().meets({container_key(*target), Action::read});
}

bool reads_inside(Question& question, Thing thing, const std::string& id, std::string_view tier) {
  const auto experiment = question.world().resources.experiment_of(thing, id);
  if (!experiment) return false;
  const Key parent{"experiment", *experiment};
  return question.grants().meets_all({{parent, Action::read}, {{tier, "*"}, Action::read, parent}});
}

// The version may only be made from what its maker may read.
bool reads_source(Question& question) {
  constexpr std::string_view scheme = "models:/";
  const std::string source = question.maybe_text("source").value_or("");
  if (source.starts_with(scheme)) {
    const std::string rest = source.substr(scheme.size());
    const std::string first = rest.substr(0, rest.find_first_of("/@"));
    if (first.size() < rest.size() && !first.empty()) return reads_model_named(question, first);
    if (!reads_inside(question, Thing::logged_model, first, "logged_model")) return false;
  }
  if (const auto run_id = question.maybe_text("run_id");
      run_id && !run_id->empty() && !reads_inside(question, Thing::run, *run_id, "run")) {
    return false;
  }
  const auto model_id = question.maybe_text("model_id");
  return !model_id || model_id->empty() ||
         reads_inside(question, Thing::logged_model, *model_id, "logged_model");
}

}  // namespace

namespace check {

bool registered_model(Question& question, Action action) {
  const std::string name = question.text("name");
  const auto target = find_target(question, name);
  // An unknown name is judged as a model of that name; the endpoint then says that it is unknown.
  return question.grants().meets(
      {target ? container_key(*target) : Key{"registered_model", name}, action});
}

bool registered_model_with_versions(Question& question, Action action) {
  const auto target = find_target(question, question.text("name"));
  return target &&
         question.grants().meets_all({{container_key(*target), action},
                                      {version_key(*target), action, container_key(*target)}});
}

bool registered_model_alias(Question& question, Action action) {
  const auto target = find_target(question, question.text("name"));
  return target && question.grants().meets_all(
                       {{container_key(*target), action},
                        {version_key(*target), Action::read, container_key(*target)}});
}

bool new_registered_model(Question& question, Action /*action*/) {
  const bool is_prompt = asserted_prompt(question).value_or(false);
  const std::string name = question.maybe_text("name").value_or("*");
  return question.grants().meets(
      {{is_prompt ? "prompt" : "registered_model", name}, Action::not_denied});
}

bool model_version(Question& question, Action action) {
  const auto target = find_target(question, question.text("name"));
  return target &&
         question.grants().meets_all({{container_key(*target), Action::read},
                                      {version_key(*target), action, container_key(*target)}});
}

bool new_model_version(Question& question, Action /*action*/) {
  const auto target = find_target(question, question.text("name"));
  if (!target || !question.grants().meets_all({{container_key(*target), Action::update},
                                               {version_key(*target), Action::not_denied}})) {
    return false;
  }
  if (const auto asserted = asserted_prompt(question)) {
    const std::string_view tier = *asserted ? "prompt_version" : "registered_model_version";
    if (!question.grants().meets({{tier, "*"}, Action::not_denied})) return false;
  }
  return reads_source(question);
}

}  // namespace check
}  // namespace sandbox::auth
