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

constexpr std::array<std::string_view, 5> actions{"created", "updated", "deleted", "set",
                                                  "exceeded"};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

std::string upper_names(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) out += (out.empty() ? "" : ", ") + upper(name);
  return out;
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
  Event event{lower(wire.entity), lower(wire.action)};
  if (find_event(event) != nullptr) return event;
  std::vector<std::string> valid;
  std::vector<std::string_view> entities;
  for (const EventRow& row : rows) {
    if (row.entity == event.entity) valid.push_back("'" + std::string(row.action) + "'");
    if (entities.empty() || entities.back() != row.entity) entities.push_back(row.entity);
  }
  if (valid.empty()) {
    refuse("Invalid webhook entity '" + wire.entity + "'. Valid entities are " +
           upper_names(entities) + ".");
  }
  if (std::find(actions.begin(), actions.end(), event.action) == actions.end()) {
    refuse("Invalid webhook action '" + wire.action + "'. Valid actions are " +
           upper_names({actions.begin(), actions.end()}) + ".");
  }
  std::sort(valid.begin(), valid.end());
  refuse("Invalid action '" + event.action + "' for entity '" + event.entity +
         "'. Valid actions are: [" + join(valid, ", ") + "]");
}

WireEvent wire_event(const Event& event) {
  return {upper(event.entity), upper(event.action)};
}

}  // namespace sandbox::webhooks
