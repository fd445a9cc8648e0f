// What webhooks can be told about: the table of events, with an example of each one's payload for
// trying a webhook out. Source: MLflow 3.17's mlflow/entities/webhook.py and
// mlflow/webhooks/types.py.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "sandbox/base/fields.h"

namespace sandbox::webhooks {

// In words of payloads and tables: "model_version_tag", "set". The wire writes them in upper case.
struct Event {
  std::string entity;
  std::string action;
  friend bool operator==(const Event&, const Event&) = default;
};

struct EventRow {
  std::string_view entity;
  std::string_view action;
  std::string_view example;  // the payload as a JSON object
};
std::span<const EventRow> event_rows();

// The table's row; nullptr when there is no such event.
const EventRow* find_event(const Event& event);

struct EntityWords : AnyNumber {
  static constexpr std::array<EnumWord, 11> words{{{"ENTITY_UNSPECIFIED", 0},
                                                   {"REGISTERED_MODEL", 1},
                                                   {"MODEL_VERSION", 2},
                                                   {"MODEL_VERSION_TAG", 3},
                                                   {"MODEL_VERSION_ALIAS", 4},
                                                   {"PROMPT", 5},
                                                   {"PROMPT_VERSION", 6},
                                                   {"PROMPT_TAG", 7},
                                                   {"PROMPT_VERSION_TAG", 8},
                                                   {"PROMPT_ALIAS", 9},
                                                   {"BUDGET_POLICY", 10}}};
};
struct ActionWords : AnyNumber {
  static constexpr std::array<EnumWord, 6> words{{{"ACTION_UNSPECIFIED", 0},
                                                  {"CREATED", 1},
                                                  {"UPDATED", 2},
                                                  {"DELETED", 3},
                                                  {"SET", 4},
                                                  {"EXCEEDED", 5}}};
};

struct WireEvent {
  Enum<EntityWords> entity;
  Enum<ActionWords> action;
  static constexpr auto fields() {
    return std::tuple{field("entity", &WireEvent::entity, "e.g. MODEL_VERSION_TAG"),
                      field("action", &WireEvent::action, "e.g. SET")};
  }
};

// Throws Error(invalid_parameter_value) for unknown words and for pairs that are no event.
Event event_of(const WireEvent& wire);
WireEvent wire_event(const Event& event);

}  // namespace sandbox::webhooks
