#include "sandbox/webhooks/deliveries.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace sandbox::webhooks {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;

bool is_redirect(int status) {
  return status >= 300 && status < 400;
}

bool has_arrived(const http::OutgoingAnswer& answer) {
  return answer.status >= 100 && answer.status < 300;
}

std::string reason_of(const http::OutgoingAnswer& answer) {
  if (!answer.failure.empty()) return answer.failure;
  if (is_redirect(answer.status)) {
    return "it answered with a redirect, which webhooks do not follow; give the address it leads "
           "to";
  }
  return "it answered with status " + std::to_string(answer.status);
}

}  // namespace

std::string signature_of(const Secret& secret,
                         std::string_view delivery_id,
                         std::string_view timestamp,
                         std::string_view body) {
  std::string content(delivery_id);
  content.append(".").append(timestamp).append(".").append(body);
  return "v1," + base64(std::string_view(hmac_sha256(secret.reveal(), content)));
}

bool is_worth_a_retry(const http::OutgoingAnswer& answer) {
  constexpr std::array<int, 5> passing{429, 500, 502, 503, 504};
  if (answer.status == 0) return !answer.is_refused;
  return std::find(passing.begin(), passing.end(), answer.status) != passing.end();
}

std::int64_t retry_delay_ms(std::int64_t failures,
                            double chance,
                            const http::OutgoingAnswer& answer,
                            std::int64_t now_ms) {
  if (answer.status == 429 || answer.status == 503) {
    std::optional<std::int64_t> wait;
    if (const auto seconds = parse_int64(answer.retry_after)) {
      wait = std::clamp<std::int64_t>(*seconds, 0, retry_delay_ms_max / 1000) * 1000;
    } else if (const auto when = parse_http_date(answer.retry_after)) {
      wait = *when - now_ms;
    }
    if (wait) return std::clamp<std::int64_t>(*wait, 0, retry_delay_ms_max);
  }
  if (failures <= 1) return 0;
  const auto doubled = std::int64_t{1000} << std::min<std::int64_t>(failures - 1, 6);
  return std::min(doubled + static_cast<std::int64_t>(chance * 1000), retry_delay_ms_max);
}

void Deliveries::announce(std::string_view entity,
                          std::string_view action,
                          std::string_view payload) noexcept {
  // The change is durable already; its caller must get its answer whatever happens here.
  try {
    announce_to_all(entity, action, payload);
  } catch (const std::exception& error) {
    log::error(
        "webhooks were not told",
        {{"event", std::string(entity) + "." + std::string(action)}, {"cause", error.what()}});
  }
}

void Deliveries::announce_to_all(std::string_view entity,
                                 std::string_view action,
                                 std::string_view payload) {
  const std::vector<Target> targets = webhooks_.targets_of(entity, action);
  if (targets.empty()) return;
  const std::string body = body_of(entity, action, payload);
  for (const Target& target : targets) {
    if (target.has_secret && !target.secret) {
      log::warning("webhook not told: its secret was sealed with another key, set it again",
                   {{"webhook_id", target.id}});
    } else if (!has_allowed_scheme(webhooks_.rules(), target.url)) {
      log::warning("webhook not told: the scheme of its URL is not allowed",
                   {{"webhook_id", target.id}});
    } else {
      enqueue(delivery_to(target, body), 0);
    }
  }
}

std::string Deliveries::body_of(std::string_view entity,
                                std::string_view action,
                                std::string_view payload) {
  std::string when = iso8601_ms(env_.now_ms());
  when.replace(when.size() - 1, 1, "+00:00");
  std::string body;
  JsonWriter writer(body);
  writer.begin_object();
  writer.name("entity");
  writer.value(entity);
  writer.name("action");
  writer.value(action);
  writer.name("timestamp");
  writer.value(when);
  writer.name("data");
  writer.raw(payload);
  writer.end_object();
  return body;
}

Deliveries::Delivery Deliveries::delivery_to(const Target& target, const std::string& body) {
  Delivery delivery{target.id, env_.new_uuid(), {}};
  const std::string timestamp = std::to_string(env_.now_ms() / 1000);
  http::OutgoingPost& request = delivery.request;
  request.url = target.url;
  request.body = body;
  request.timeout_ms = options_.timeout_ms;
  request.only_public = !webhooks_.rules().private_addresses;
  request.headers = {{"Content-Type", "application/json"},
                     {"X-MLflow-Delivery-Id", delivery.id},
                     {"X-MLflow-Timestamp", timestamp}};
  if (target.has_secret && target.secret) {
    request.headers.emplace_back("X-MLflow-Signature",
                                 signature_of(*target.secret, delivery.id, timestamp, body));
  }
  return delivery;
}

bool Deliveries::will_retry(const Delivery& delivery, const http::OutgoingAnswer& answer) const {
  return is_worth_a_retry(answer) && delivery.failures <= options_.retries_max &&
         !stopping_.stop_requested();
}

std::int64_t Deliveries::delay_ms(const Delivery& delivery, const http::OutgoingAnswer& answer) {
  std::array<std::uint8_t, 2> dice{};
  env_.random_bytes(dice);
  const double chance = (dice[0] * 256 + dice[1]) / 65536.0;
  return retry_delay_ms(delivery.failures, chance, answer, env_.now_ms());
}

void Deliveries::enqueue(Delivery delivery, std::int64_t wait_ms) {
  const std::int64_t due = env_.monotonic_ns() + wait_ms * ns_per_ms;
  const std::size_t bytes = delivery.request.body.size();
  const std::lock_guard lock(mutex_);
  if (stopping_.stop_requested()) return;
  if (pending_.size() >= pending_deliveries_max || pending_bytes_ + bytes > pending_bytes_max) {
    log::warning("webhook not told: too many deliveries are waiting",
                 {{"webhook_id", delivery.webhook_id}, {"delivery_id", delivery.id}});
    return;
  }
  pending_bytes_ += bytes;
  pending_.emplace(due, std::move(delivery));
  if (pending_.size() > idle_workers_ &&
      static_cast<std::int64_t>(workers_.size()) < options_.workers_max) {
    workers_.emplace_back([this] { work(); });
  }
  changed_.notify_all();
}

void Deliveries::work() {
  const std::stop_token stop = stopping_.get_token();
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const std::int64_t now = env_.monotonic_ns();
    if (!pending_.empty() && pending_.begin()->first <= now) {
      Delivery delivery = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      pending_bytes_ -= delivery.request.body.size();
      lock.unlock();
      attempt(std::move(delivery));
      lock.lock();
      continue;
    }
    ++idle_workers_;
    if (pending_.empty()) {
      changed_.wait(lock, stop, [&] { return !pending_.empty(); });
    } else {
      const std::int64_t due = pending_.begin()->first;
      changed_.wait_for(lock, stop, std::chrono::nanoseconds(due - now),
                        [&] { return pending_.empty() || pending_.begin()->first < due; });
    }
    --idle_workers_;
  }
}

void Deliveries::attempt(Delivery delivery) {
  const http::OutgoingAnswer answer = post_(delivery.request, stopping_.get_token());
  if (has_arrived(answer)) {
    log::debug("webhook told", {{"webhook_id", delivery.webhook_id}, {"delivery_id", delivery.id}});
    return;
  }
  ++delivery.failures;
  if (will_retry(delivery, answer)) {
    const std::int64_t wait_ms = delay_ms(delivery, answer);
    enqueue(std::move(delivery), wait_ms);
    return;
  }
  // Not the URL: many services put a password into it.
  log::warning("webhook not told", {{"webhook_id", delivery.webhook_id},
                                    {"delivery_id", delivery.id},
                                    {"attempts", delivery.failures},
                                    {"reason", reason_of(answer)}});
}

http::OutgoingAnswer Deliveries::attempt_until_done(Delivery delivery) {
  const std::stop_token stop = stopping_.get_token();
  while (true) {
    http::OutgoingAnswer answer = post_(delivery.request, stop);
    ++delivery.failures;
    if (!will_retry(delivery, answer)) return answer;
    const std::int64_t wait_ms = delay_ms(delivery, answer);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, std::chrono::milliseconds(wait_ms), [] { return false; });
  }
}

TestResult Deliveries::test(std::string_view webhook_id, const std::optional<Event>& event) {
  const std::vector<Event> events = webhooks_.get(webhook_id).events;
  const Event chosen = event ? *event : events.empty() ? Event{} : events.front();
  const Target target = webhooks_.target(webhook_id);
  const auto failed = [](const std::string& reason) {
    return TestResult{.error_message = "Failed to test webhook: " + reason + "."};
  };
  if (target.has_secret && !target.secret) {
    return failed("its secret was sealed with another key; set the secret again");
  }
  if (!has_allowed_scheme(webhooks_.rules(), target.url)) {
    return failed("the scheme of its URL is not allowed");
  }
  const EventRow* row = find_event(chosen);
  if (row == nullptr)
    return failed("this server has no event " + chosen.entity + "." + chosen.action);
  // Counted until the test ends, however it does.
  struct Turn {
    std::atomic<int>& tests;
    const int number = ++tests;
    ~Turn() { --tests; }
  } turn{tests_};
  if (turn.number > tests_max) {
    throw Error(Code::request_limit_exceeded,
                "Too many webhooks are being tested. Try again in a moment.");
  }
  const http::OutgoingAnswer answer =
      attempt_until_done(delivery_to(target, body_of(row->entity, row->action, row->example)));
  if (answer.status == 0) return failed(reason_of(answer));
  TestResult result;
  result.success = has_arrived(answer);
  result.response_status = answer.status;
  result.response_body = with_valid_utf8(answer.body);
  if (is_redirect(answer.status)) result.error_message = failed(reason_of(answer)).error_message;
  return result;
}

void Deliveries::stop() {
  stopping_.request_stop();
  std::vector<std::jthread> ending;
  {
    const std::lock_guard lock(mutex_);
    ending.swap(workers_);
  }
}

}  // namespace sandbox::webhooks
