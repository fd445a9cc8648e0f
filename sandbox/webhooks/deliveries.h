// Sends events to webhooks, outside of the request that caused them. What is still waiting when the
// server stops is lost, as it is with the reference: a webhook is a hint to look, not a ledger.
// Source of the rules: MLflow 3.17's mlflow/webhooks/delivery.py.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/http/outgoing.h"
#include "sandbox/webhooks/webhooks.h"

namespace sandbox::webhooks {

inline constexpr std::size_t pending_deliveries_max = 10'000;
inline constexpr std::size_t pending_bytes_max = std::size_t{64} << 20;
inline constexpr int tests_max = 4;  // at a time: each holds a thread of the server
inline constexpr std::int64_t retry_delay_ms_max = 60'000;

struct DeliveryOptions {
  std::int64_t timeout_ms = 30'000;
  std::int64_t retries_max = 3;
  std::int64_t workers_max = 10;
};

// What became of a test.
struct TestResult {
  bool success = false;
  std::optional<std::int64_t> response_status{};
  std::optional<std::string> response_body{};
  std::optional<std::string> error_message{};
};

// Safe from every thread.
class Deliveries {
 public:
  // The collaborators must outlive it.
  Deliveries(Env& env,
             Webhooks& webhooks,
             const DeliveryOptions& options,
             http::PostFunction post = http::post)
      : env_(env), webhooks_(webhooks), options_(options), post_(std::move(post)) {}
  ~Deliveries() { stop(); }
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  // Queues the event for every active webhook that wants it, and returns. Never throws: what
  // happened has happened, whether or not it can be told. `payload` is a JSON object.
  void announce(std::string_view entity,
                std::string_view action,
                std::string_view payload) noexcept;
  // Sends the example of an event (the webhook's first one when none is given) and waits for what
  // comes of it, retries included. Throws Error(resource_does_not_exist) for an unknown webhook,
  // Error(request_limit_exceeded) when too many tests are running.
  TestResult test(std::string_view webhook_id, const std::optional<Event>& event);
  // Ends waits and requests that are under way; there are no deliveries afterwards.
  void stop();

 private:
  struct Delivery {
    std::string webhook_id;
    std::string id;
    http::OutgoingPost request;
    std::int64_t failures = 0;
  };

  void announce_to_all(std::string_view entity, std::string_view action, std::string_view payload);
  [[nodiscard]] std::string body_of(std::string_view entity,
                                    std::string_view action,
                                    std::string_view payload);
  Delivery delivery_to(const Target& target, const std::string& body);
  bool will_retry(const Delivery& delivery, const http::OutgoingAnswer& answer) const;
  std::int64_t delay_ms(const Delivery& delivery, const http::OutgoingAnswer& answer);
  void enqueue(Delivery delivery, std::int64_t wait_ms);
  void work();
  void attempt(Delivery delivery);
  http::OutgoingAnswer attempt_until_done(Delivery delivery);

  Env& env_;
  Webhooks& webhooks_;
  DeliveryOptions options_;
  http::PostFunction post_;
  std::stop_source stopping_;
  std::atomic<int> tests_ = 0;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<std::int64_t, Delivery> pending_;  // by when it is due, monotonic ns
  std::size_t pending_bytes_ = 0;
  std::size_t idle_workers_ = 0;
  std::vector<std::jthread> workers_;  // last: they use all of the above
};

// "v1," and the base64 of the HMAC-SHA256 of `<delivery id>.<timestamp>.<body>`.
std::string signature_of(const Secret& secret,
                         std::string_view delivery_id,
                         std::string_view timestamp,
                         std::string_view body);

// Whether an answer may be better the next time: nobody answered, 429 and the server errors.
bool is_worth_a_retry(const http::OutgoingAnswer& answer);

// How long to wait after so many failures: nothing, then 2, 4, 8 … seconds and up to one more
// (`chance` is 0 to 1), or what Retry-After says.
std::int64_t retry_delay_ms(std::int64_t failures,
                            double chance,
                            const http::OutgoingAnswer& answer,
                            std::int64_t now_ms);

}  // namespace sandbox::webhooks
