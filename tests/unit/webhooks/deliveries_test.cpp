#include "sandbox/webhooks/deliveries.h"

#include <chrono>
#include <deque>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "tests/support/test_database.h"

using namespace sandbox;            // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::webhooks;  // NOLINT(google-build-using-namespace): namespaces

namespace {

using http::OutgoingAnswer;
using http::OutgoingPost;

// Somebody else's server: it notes what it gets and answers what it was told to.
class Receiver {
 public:
  OutgoingAnswer operator()(const OutgoingPost& request, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (hangs) {
      changed_.wait(lock, stop, [] { return false; });
      return {.failure = "stopped"};
    }
    got_.push_back(request);
    OutgoingAnswer answer{.status = 200, .body = "thanks"};
    if (!answers.empty()) {
      answer = answers.front();
      answers.pop_front();
    }
    changed_.notify_all();
    return answer;
  }
  std::vector<OutgoingPost> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return got_.size() >= count; }));
    return got_;
  }

  std::deque<OutgoingAnswer> answers;
  bool hangs = false;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<OutgoingPost> got_;
};

struct Post {
  explicit Post(DeliveryOptions options = {}) : options_(options) {}

  std::string subscribe(const std::string& name, std::optional<Secret> secret = {}) {
    return webhooks
        .create({.name = name,
                 .url = "http://127.0.0.1/" + name,
                 .secret = std::move(secret),
                 .events = {{"registered_model", "created"}, {"prompt", "created"}}})
        .id;
  }

  DeliveryOptions options_;
  SystemEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Webhooks webhooks{env, *database, Fernet(new_fernet_key(env)), {{"http"}, true}};
  Receiver receiver;
  Deliveries deliveries{env, webhooks, options_,
                        [this](const OutgoingPost& request, const std::stop_token& stop) {
                          return receiver(request, stop);
                        }};
};

std::string header(const OutgoingPost& request, const std::string& name) {
  for (const auto& [field, value] : request.headers) {
    if (field == name) return value;
  }
  return "";
}

}  // namespace

TEST_CASE("an event goes to those that asked for it, signed", "[webhooks]") {
  Post post;
  post.subscribe("a", Secret("word"));
  post.deliveries.announce("prompt", "created", R"({"name":"p"})");
  post.deliveries.announce("model_version", "created", "{}");
  const OutgoingPost got = post.receiver.wait_for(1).at(0);
  CHECK(got.url == "http://127.0.0.1/a");
  const JsonDocument body(got.body);
  CHECK(body.root().member("entity")->dump() == "\"prompt\"");
  CHECK(body.root().member("action")->dump() == "\"created\"");
  CHECK(body.root().member("data")->dump() == R"({"name":"p"})");
  CHECK(body.root().member("timestamp")->dump().ends_with("+00:00\""));
  const std::string id = header(got, "X-MLflow-Delivery-Id");
  CHECK(id.size() == 36);
  CHECK(header(got, "X-MLflow-Signature") ==
        signature_of(Secret("word"), id, header(got, "X-MLflow-Timestamp"), got.body));
}

TEST_CASE("the signature is the one of the standard library", "[webhooks]") {
  // python: "v1," + base64(hmac.new(b"word", b'id.1.{"a":1}', sha256).digest())
  CHECK(signature_of(Secret("word"), "id", "1", R"({"a":1})") ==
        "v1,56hLMUgyZLip/AcC57V4zOwbA97++DtCWEEQurRHYT4=");
}

TEST_CASE("without a secret nothing is signed", "[webhooks]") {
  Post post;
  post.subscribe("a");
  post.deliveries.announce("prompt", "created", "{}");
  CHECK(header(post.receiver.wait_for(1).at(0), "X-MLflow-Signature").empty());
}

TEST_CASE("a failed delivery is tried again with the same id", "[webhooks]") {
  Post post;
  post.subscribe("a");
  post.receiver.answers = {{.status = 500}};
  post.deliveries.announce("prompt", "created", "{}");
  const auto got = post.receiver.wait_for(2);
  CHECK(header(got[0], "X-MLflow-Delivery-Id") == header(got[1], "X-MLflow-Delivery-Id"));
}

TEST_CASE("a test says what the other side answered", "[webhooks]") {
  Post post({.retries_max = 1});
  const std::string id = post.subscribe("a");
  TestResult good = post.deliveries.test(id, std::nullopt);
  CHECK(good.success);
  CHECK(good.response_status == 200);
  CHECK(good.response_body == "thanks");
  post.receiver.answers = {{.status = 404, .body = "\xFFno"}};
  TestResult missing = post.deliveries.test(id, Event{"prompt", "created"});
  CHECK_FALSE(missing.success);
  CHECK(missing.response_status == 404);
  CHECK(missing.response_body == "\xEF\xBF\xBDno");
  post.receiver.answers = {{.status = 302}};
  TestResult moved = post.deliveries.test(id, std::nullopt);
  CHECK_FALSE(moved.success);
  CHECK(moved.error_message->find("redirect") != std::string::npos);
  post.receiver.answers = {{.failure = "no route"}, {.failure = "still none"}};
  TestResult dead = post.deliveries.test(id, std::nullopt);
  CHECK_FALSE(dead.response_status);
  CHECK(dead.error_message == "Failed to test webhook: still none.");
  CHECK_THROWS_AS(post.deliveries.test("nobody", std::nullopt), Error);
}

TEST_CASE("an endpoint that hangs does not keep the others waiting", "[webhooks]") {
  Post post({.workers_max = 2});
  post.subscribe("a");
  post.receiver.answers = {{.status = 503, .retry_after = "60"}};
  post.deliveries.announce("prompt", "created", "{}");
  post.receiver.wait_for(1);
  post.deliveries.announce("registered_model", "created", "{}");
  CHECK(post.receiver.wait_for(2).size() == 2);
}

TEST_CASE("a stop ends requests, waits and tests at once", "[webhooks]") {
  Post post;
  const std::string id = post.subscribe("a");
  post.receiver.hangs = true;
  post.deliveries.announce("prompt", "created", "{}");
  std::jthread testing([&] { CHECK_FALSE(post.deliveries.test(id, std::nullopt).success); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  post.deliveries.stop();
  testing.join();
  post.deliveries.announce("prompt", "created", "{}");  // nobody is there any more
}

TEST_CASE("an unreadable secret sends nothing unsigned", "[webhooks]") {
  Post post;
  const std::string id = post.subscribe("a", Secret("word"));
  Webhooks other(post.env, *post.database, Fernet(new_fernet_key(post.env)), {{"http"}, true});
  Deliveries deliveries(post.env, other, {},
                        [&](const OutgoingPost& request, const std::stop_token& stop) {
                          return post.receiver(request, stop);
                        });
  deliveries.announce("prompt", "created", "{}");
  CHECK(deliveries.test(id, std::nullopt).error_message->find("another key") != std::string::npos);
  other.update(id, {.secret = Secret("")});
  deliveries.announce("prompt", "created", R"({"name":"second"})");
  CHECK(post.receiver.wait_for(1).at(0).body.find("second") != std::string::npos);
}

TEST_CASE("retries follow the answer and back off", "[webhooks]") {
  for (const int status : {429, 500, 502, 503, 504}) CHECK(is_worth_a_retry({.status = status}));
  for (const int status : {200, 302, 400, 404, 501}) {
    CHECK_FALSE(is_worth_a_retry({.status = status}));
  }
  CHECK(is_worth_a_retry({.failure = "timeout"}));
  CHECK_FALSE(is_worth_a_retry({.failure = "private", .is_refused = true}));

  const OutgoingAnswer broken{.status = 500};
  CHECK(retry_delay_ms(1, 0.5, broken, 0) == 0);
  CHECK(retry_delay_ms(2, 0, broken, 0) == 2000);
  CHECK(retry_delay_ms(3, 0.5, broken, 0) == 4500);
  CHECK(retry_delay_ms(40, 1, broken, 0) == retry_delay_ms_max);
  CHECK(retry_delay_ms(1, 0, {.status = 429, .retry_after = "7"}, 0) == 7000);
  CHECK(retry_delay_ms(1, 0, {.status = 503, .retry_after = "9999999999999999"}, 0) ==
        retry_delay_ms_max);
  CHECK(retry_delay_ms(1, 0, {.status = 503, .retry_after = "Thu, 01 Jan 1970 00:00:09 GMT"},
                       1000) == 8000);
  CHECK(retry_delay_ms(2, 0, {.status = 503, .retry_after = "soon"}, 0) == 2000);
}
