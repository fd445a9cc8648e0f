#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/http/api.h"
#include "sandbox/webhooks/api.h"
#include "sandbox/webhooks/deliveries.h"
#include "sandbox/webhooks/webhooks.h"

namespace sandbox::webhooks {
namespace {

// Never holds the secret.
struct WebhookView {
  std::string webhook_id;
  std::string name;
  std::optional<std::string> description;
  std::string url;
  std::vector<WireEvent> events;
  std::string status;
  std::int64_t creation_timestamp = 0;
  std::int64_t last_updated_timestamp = 0;
  static constexpr auto fields() {
    return std::tuple{field("webhook_id", &WebhookView::webhook_id),
                      field("name", &WebhookView::name),
                      field("description", &WebhookView::description),
                      field("url", &WebhookView::url),
                      field("events", &WebhookView::events),
                      field("status", &WebhookView::status),
                      field("creation_timestamp", &WebhookView::creation_timestamp),
                      field("last_updated_timestamp", &WebhookView::last_updated_timestamp)};
  }
};

struct WebhookAnswer {
  WebhookView webhook;
  static constexpr auto fields() { return std::tuple{field("webhook", &WebhookAnswer::webhook)}; }
};

struct StatusWords {
  static constexpr std::array<EnumWord, 2> words{{{"ACTIVE", 1}, {"DISABLED", 2}}};
};

struct CreateWebhook {
  std::string name;
  std::string description;
  std::string url;
  std::vector<WireEvent> events;
  std::string secret;
  std::optional<Enum<StatusWords>> status;
  static constexpr auto fields() {
    return std::tuple{
        required("name", &CreateWebhook::name, "1 to 63 letters, digits, dots, _ and -."),
        field("description", &CreateWebhook::description),
        required("url", &CreateWebhook::url, "An https address on the public internet."),
        required("events", &CreateWebhook::events, "What it is told about."),
        field("secret", &CreateWebhook::secret, "Signs what is sent."),
        field("status", &CreateWebhook::status, "ACTIVE or DISABLED.")};
  }
};

struct ListWebhooks {
  std::int64_t max_results = 0;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{field("max_results", &ListWebhooks::max_results, "1 to 1000; usually 100."),
                      field("page_token", &ListWebhooks::page_token)};
  }
};

struct WebhookList {
  std::vector<WebhookView> webhooks;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("webhooks", &WebhookList::webhooks),
                      field("next_page_token", &WebhookList::next_page_token)};
  }
};

struct WebhookId {
  std::string webhook_id;
  static constexpr auto fields() {
    return std::tuple{in_path("webhook_id", &WebhookId::webhook_id)};
  }
};

struct UpdateWebhook {
  std::string webhook_id;
  std::string name;
  std::optional<std::string> description;
  std::string url;
  std::vector<WireEvent> events;
  std::optional<std::string> secret;
  std::optional<Enum<StatusWords>> status;
  static constexpr auto fields() {
    return std::tuple{in_path("webhook_id", &UpdateWebhook::webhook_id),
                      field("name", &UpdateWebhook::name),
                      field("description", &UpdateWebhook::description),
                      field("url", &UpdateWebhook::url),
                      field("events", &UpdateWebhook::events, "Replace all that it had."),
                      field("secret", &UpdateWebhook::secret),
                      field("status", &UpdateWebhook::status, "ACTIVE or DISABLED.")};
  }
};

struct TestWebhook {
  std::string webhook_id;
  std::optional<WireEvent> event;
  static constexpr auto fields() {
    return std::tuple{in_path("webhook_id", &TestWebhook::webhook_id),
                      field("event", &TestWebhook::event, "One of its events when absent.")};
  }
};

struct TestOutcome {
  bool success = false;
  std::optional<std::int64_t> response_status;
  std::optional<std::string> response_body;
  std::optional<std::string> error_message;
  static constexpr auto fields() {
    return std::tuple{field("success", &TestOutcome::success),
                      field("response_status", &TestOutcome::response_status),
                      field("response_body", &TestOutcome::response_body),
                      field("error_message", &TestOutcome::error_message)};
  }
};

struct TestAnswer {
  TestOutcome result;
  static constexpr auto fields() { return std::tuple{field("result", &TestAnswer::result)}; }
};

WebhookView view_of(const Webhook& webhook) {
  WebhookView view{
      webhook.id, webhook.name,   webhook.description,        webhook.url,
      {},         webhook.status, webhook.creation_timestamp, webhook.last_updated_timestamp};
  for (const Event& event : webhook.events) view.events.push_back(wire_event(event));
  return view;
}

std::vector<Event> events_of(const std::vector<WireEvent>& wire) {
  std::vector<Event> events;
  events.reserve(wire.size());
  for (const WireEvent& event : wire) events.push_back(event_of(event));
  return events;
}

// An unknown word is "", which the webhook refuses.
std::optional<std::string> text_of(const std::optional<Enum<StatusWords>>& status) {
  return status ? std::optional(std::string(status->name)) : std::nullopt;
}

WebhookChange change_of(const CreateWebhook& in) {
  WebhookChange change{.name = in.name,
                       .description = unless_empty(in.description),
                       .url = in.url,
                       .status = text_of(in.status),
                       .events = events_of(in.events)};
  if (!in.secret.empty()) change.secret = Secret(in.secret);
  return change;
}

WebhookChange change_of(const UpdateWebhook& in) {
  WebhookChange change{.name = unless_empty(in.name),
                       .description = in.description,
                       .url = unless_empty(in.url),
                       .status = text_of(in.status),
                       .events = events_of(in.events)};
  if (in.secret) change.secret = Secret(*in.secret);
  return change;
}

}  // namespace

void install_webhooks(http::Api& api, Webhooks& webhooks, Deliveries& deliveries) {
  const std::string root = "2.0/mlflow/webhooks";
  const std::string one = root + "/{webhook_id}";
  api.post<CreateWebhook, WebhookAnswer>(root, "Create a webhook.", [&](const CreateWebhook& in) {
    return WebhookAnswer{view_of(webhooks.create(change_of(in)))};
  });
  api.get<ListWebhooks, WebhookList>(
      root, "The webhooks, newest first.", [&](const ListWebhooks& in) {
        WebhookPage page = webhooks.list(in.max_results, in.page_token);
        WebhookList list;
        for (const Webhook& webhook : page.webhooks) {
          list.webhooks.push_back(view_of(webhook));
        }
        list.next_page_token = std::move(page.next_page_token);
        return list;
      });
  api.get<WebhookId, WebhookAnswer>(one, "A webhook.", [&](const WebhookId& in) {
    return WebhookAnswer{view_of(webhooks.get(in.webhook_id))};
  });
  api.patch<UpdateWebhook, WebhookAnswer>(one, "Change a webhook.", [&](const UpdateWebhook& in) {
    return WebhookAnswer{view_of(webhooks.update(in.webhook_id, change_of(in)))};
  });
  api.remove<WebhookId, Empty>(one, "Delete a webhook.", [&](const WebhookId& in) {
    webhooks.remove(in.webhook_id);
    return Empty{};
  });
  api.post<TestWebhook, TestAnswer>(
      one + "/test", "Send the example of an event and say what came of it.",
      [&](const TestWebhook& in) {
        std::optional<Event> event;
        if (in.event) event = event_of(*in.event);
        TestResult result = deliveries.test(in.webhook_id, event);
        return TestAnswer{{result.success, result.response_status, std::move(result.response_body),
                           std::move(result.error_message)}};
      });
}

}  // namespace sandbox::webhooks
