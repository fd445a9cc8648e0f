#include "sandbox/webhooks/events.h"

#include <algorithm>
#include <array>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::webhooks {
namespace {

constexpr std::array rows{
    EventRow{"registered_model", "created",
             R"({"name":"example_model","tags":{"example_key":"example_value"},)"
             R"("description":"An example registered model"})"},
    EventRow{"model_version", "created",
             R"({"name":"example_model","version":"1","source":"models:/123",)"
             R"("run_id":"abcd1234abcd5678","tags":{"example_key":"example_value"},)"
             R"("description":"An example model version"})"},
    EventRow{
        "model_version_tag", "set",
        R"({"name":"example_model","version":"1","key":"example_key","value":"example_value"})"},
    EventRow{"model_version_tag", "deleted",
             R"({"name":"example_model","version":"1","key":"example_key"})"},
    EventRow{"model_version_alias", "created",
             R"({"name":"example_model","alias":"example_alias","version":"1"})"},
    EventRow{"model_version_alias", "deleted",
             R"({"name":"example_model","alias":"example_alias"})"},
    EventRow{"prompt", "created",
             R"({"name":"example_prompt","tags":{"example_key":"example_value"},)"
             R"("description":"An example prompt"})"},
    EventRow{"prompt_version", "created",
             R"({"name":"example_prompt","version":"1","template":"Hello {{name}}!",)"
             R"("tags":{"example_key":"example_value"},)"
             R"("description":"An example prompt version"})"},
    EventRow{"prompt_tag", "set",
             R"({"name":"example_prompt","key":"example_key","value":"example_value"})"},
    EventRow{"prompt_tag", "deleted", R"({"name":"example_prompt","key":"example_key"})"},
    EventRow{
        "prompt_version_tag", "set",
        R"({"name":"example_prompt","version":"1","key":"example_key","value":"example_value"})"},
    EventRow{"prompt_version_tag", "deleted",
             R"({"name":"example_prompt","version":"1","key":"example_key"})"},
    EventRow{"prompt_alias", "created",
             R"({"name":"example_prompt","alias":"example_alias","version":"1"})"},
    EventRow{"prompt_alias", "deleted", R"({"name":"example_prompt","alias":"example_alias"})"},
    // Comes from the gateway, so this server never sends it; a webhook may still ask for it.
    EventRow{"budget_policy", "exceeded",
             R"({"budget_policy_id":"bp-abc123","budget_unit":"USD","budget_amount":100.0,)"
             R"("current_spend":105.5,"duration_unit":"MONTHS","duration_value":1,)"
             R"("target_scope":"ENDPOINT","workspace":"default","target_value":"ep-abc123",)"
             R"("window_start":1704067200000})"},
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// The words but the first, which means nothing.
std::string names(std::span<const EnumWord> words) {
  std::vector<std::string> out;
  for (const EnumWord& word : words.subspan(1)) out.emplace_back(word.name);
  return join(out, ", ");
}

}  // namespace

std::span<const EventRow> event_rows() {
  return rows;
}

const EventRow* find_event(const Event& event) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const EventRow& one) {
    return one.entity == event.entity && one.action == event.action;
  });
  return row == rows.end() ? nullptr : &*row;
}

Event event_of(const WireEvent& wire) {
  Event event{lower(wire.entity.name), lower(wire.action.name)};
  if (find_event(event) != nullptr) return event;
  std::vector<std::string> valid;
  for (const EventRow& row : rows) {
    if (row.entity == event.entity) valid.push_back("'" + std::string(row.action) + "'");
  }
  if (valid.empty()) {
    refuse("Invalid webhook entity. Valid entities are " + names(EntityWords::words) + ".");
  }
  if (wire.action.name.empty() || wire.action.name == ActionWords::words.front().name) {
    refuse("Invalid webhook action. Valid actions are " + names(ActionWords::words) + ".");
  }
  std::sort(valid.begin(), valid.end());
  refuse("Invalid action '" + event.action + "' for entity '" + event.entity +
         "'. Valid actions are: [" + join(valid, ", ") + "]");
}

WireEvent wire_event(const Event& event) {
  return {Enum<EntityWords>::of(upper(event.entity)), Enum<ActionWords>::of(upper(event.action))};
}

}  // namespace sandbox::webhooks
