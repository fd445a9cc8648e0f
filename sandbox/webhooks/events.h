// What webhooks can be told about: the table of events, with an example of each one's payload for
// trying a webhook out. Source: MLflow 3.17's mlflow/entities/webhook.py and
// mlflow/webhooks/types.py.
#pragma once

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

struct WireEvent {
  std::string entity;
  std::string action;
  static constexpr auto fields() {
    return std::tuple{field("entity", &WireEvent::entity, "e.g. MODEL_VERSION_TAG"),
                      field("action", &WireEvent::action, "e.g. SET")};
  }
};

// Throws Error(invalid_parameter_value) for unknown words and for pairs that are no event.
Event event_of(const WireEvent& wire);
WireEvent wire_event(const Event& event);

}  // namespace sandbox::webhooks
