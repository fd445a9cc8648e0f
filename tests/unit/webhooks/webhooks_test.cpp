#include "sandbox/webhooks/webhooks.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;            // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::webhooks;  // NOLINT(google-build-using-namespace): namespaces

namespace {

const Event model_created{"registered_model", "created"};
const Event tag_set{"model_version_tag", "set"};

struct Desk {
  explicit Desk(UrlRules rules = {{"https", "http"}, true})
      : webhooks(env, *database, Fernet(new_fernet_key(env)), std::move(rules)) {}

  Webhook make(const std::string& name, std::vector<Event> events = {model_created}) {
    ++env.now;
    return webhooks.create(
        {.name = name, .url = "http://127.0.0.1/" + name, .events = std::move(events)});
  }

  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Webhooks webhooks;
};

template <class Function>
std::string refusal(Code code, Function function) {
  try {
    function();
  } catch (const Error& error) {
    CHECK(error.code() == code);
    return error.message();
  }
  FAIL("no error");
  return "";
}

}  // namespace

TEST_CASE("a webhook is what it was made with", "[webhooks]") {
  Desk desk;
  const Webhook made = desk.webhooks.create({.name = "first",
                                             .description = "about",
                                             .url = "https://127.0.0.1/a",
                                             .status = "DISABLED",
                                             .secret = Secret("s"),
                                             .events = {tag_set, model_created, tag_set}});
  const Webhook got = desk.webhooks.get(made.id);
  CHECK(got.id.size() == 36);
  CHECK(got.name == "first");
  CHECK(got.description == "about");
  CHECK(got.status == "DISABLED");
  CHECK(got.events == std::vector<Event>{tag_set, model_created});
  CHECK(got.creation_timestamp == desk.env.now);
  CHECK(desk.webhooks.target(made.id).secret->reveal() == "s");
}

TEST_CASE("a change leaves what it does not name", "[webhooks]") {
  Desk desk;
  const std::string id = desk.webhooks
                             .create({.name = "a",
                                      .url = "http://127.0.0.1/",
                                      .secret = Secret("s"),
                                      .events = {model_created}})
                             .id;
  desk.env.now += 5;
  const Webhook renamed = desk.webhooks.update(id, {.name = "b"});
  CHECK(renamed.name == "b");
  CHECK(renamed.events.size() == 1);
  CHECK(renamed.last_updated_timestamp == renamed.creation_timestamp + 5);
  CHECK(desk.webhooks.target(id).secret->reveal() == "s");
  CHECK(desk.webhooks.update(id, {.events = {tag_set}}).events == std::vector<Event>{tag_set});
  desk.webhooks.update(id, {.secret = Secret("")});
  CHECK_FALSE(desk.webhooks.target(id).has_secret);
}

TEST_CASE("a secret sealed with another key is known to be unreadable", "[webhooks]") {
  Desk desk;
  const std::string id = desk.webhooks
                             .create({.name = "a",
                                      .url = "http://127.0.0.1/",
                                      .secret = Secret("s"),
                                      .events = {model_created}})
                             .id;
  Webhooks other(desk.env, *desk.database, Fernet(new_fernet_key(desk.env)), {});
  CHECK(other.get(id).name == "a");
  CHECK(other.target(id).has_secret);
  CHECK_FALSE(other.target(id).secret);
}

TEST_CASE("a deleted webhook is gone for everybody", "[webhooks]") {
  Desk desk;
  const std::string id = desk.make("a").id;
  CHECK(desk.webhooks.targets_of("registered_model", "created").size() == 1);
  desk.webhooks.remove(id);
  CHECK(desk.webhooks.targets_of("registered_model", "created").empty());
  CHECK(desk.webhooks.list(0, "").webhooks.empty());
  const std::string sentence = "Webhook with ID " + id + " not found.";
  CHECK(refusal(Code::resource_does_not_exist, [&] { desk.webhooks.get(id); }) == sentence);
  CHECK(refusal(Code::resource_does_not_exist, [&] { desk.webhooks.remove(id); }) == sentence);
  CHECK(refusal(Code::resource_does_not_exist, [&] { desk.webhooks.update(id, {}); }) == sentence);
}

TEST_CASE("only active webhooks that asked for an event are its targets", "[webhooks]") {
  Desk desk;
  desk.make("a");
  desk.make("b", {tag_set});
  const std::string both = desk.make("c", {tag_set, model_created}).id;
  CHECK(desk.webhooks.targets_of("model_version_tag", "set").size() == 2);
  desk.webhooks.update(both, {.status = "DISABLED"});
  CHECK(desk.webhooks.targets_of("model_version_tag", "set").size() == 1);
  CHECK(desk.webhooks.targets_of("model_version_tag", "deleted").empty());
}

TEST_CASE("webhooks are listed in pages, the newest first", "[webhooks]") {
  Desk desk;
  for (const char* name : {"a", "b", "c", "d", "e"}) desk.make(name, {tag_set, model_created});
  std::string names;
  std::string token;
  int pages = 0;
  do {
    const WebhookPage page = desk.webhooks.list(2, token);
    for (const Webhook& webhook : page.webhooks) {
      names += webhook.name;
      CHECK(webhook.events == std::vector<Event>{tag_set, model_created});
    }
    token = page.next_page_token.value_or("");
    ++pages;
  } while (!token.empty());
  CHECK(names == "edcba");
  CHECK(pages == 3);
  for (const std::int64_t wrong : {-1, 1001}) {
    CHECK(refusal(Code::invalid_parameter_value, [&] { desk.webhooks.list(wrong, ""); }) ==
          "max_results must be between 1 and 1000.");
  }
}

TEST_CASE("names and texts outside the rules are refused", "[webhooks]") {
  Desk desk;
  for (const std::string& name : {std::string(), std::string(64, 'a'), std::string("-a"),
                                  std::string("a."), std::string("a b"), std::string("a\n")}) {
    CAPTURE(name);
    CHECK(refusal(Code::invalid_parameter_value, [&] {
            desk.make(name);
          }).starts_with("Webhook name '"));
  }
  CHECK(desk.make(std::string(63, 'a')).name.size() == 63);
  CHECK(desk.make("a").name == "a");
  CHECK(refusal(Code::invalid_parameter_value, [&] { desk.make("b", {}); }) ==
        "Webhook events must be a non-empty list of WebhookEvent objects: [].");
  const std::string id = desk.make("b").id;
  CHECK_THROWS_AS(desk.webhooks.update(id, {.status = "active"}), Error);
  CHECK_THROWS_AS(desk.webhooks.update(id, {.description = std::string(1001, 'x')}), Error);
  CHECK_THROWS_AS(desk.webhooks.update(id, {.secret = Secret(std::string(513, 'x'))}), Error);
  CHECK_THROWS_AS(desk.webhooks.update(id, {.url = "http://h/" + std::string(500, 'x')}), Error);
}

TEST_CASE("a secret of the greatest length fits its column when it is sealed", "[webhooks]") {
  FakeEnv env;
  CHECK(Fernet(new_fernet_key(env)).seal(env, std::string(secret_bytes_max, 'x')).size() <= 1000);
}

TEST_CASE("URLs are held against scheme, host and address", "[webhooks]") {
  const UrlRules strict;
  const auto said = [&](const std::string& url) {
    return refusal(Code::invalid_parameter_value, [&] { check_url(strict, url); });
  };
  CHECK(said(" ") == "Webhook URL cannot be empty or just whitespace: ' '");
  CHECK(said("http://8.8.8.8/") ==
        "Invalid webhook URL scheme: 'http'. Allowed schemes are: https.");
  CHECK(said("8.8.8.8/a") == "Invalid webhook URL scheme: ''. Allowed schemes are: https.");
  CHECK(said("https://") == "Webhook URL must include a hostname: 'https://'");
  CHECK(said("https://127.0.0.1/") ==
        "Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to "
        "127.0.0.1.");
  CHECK(said("https://[::ffff:10.0.0.1]/").find("non-public") != std::string::npos);
  CHECK(said("https://169.254.169.254/latest").find("non-public") != std::string::npos);
  CHECK_NOTHROW(check_url(strict, "https://8.8.8.8/"));
  CHECK_NOTHROW(check_url({{"http"}, true}, "HTTP://localhost:1/"));
}

TEST_CASE("events are read from the wire's words", "[webhooks]") {
  CHECK(event_of({"MODEL_VERSION_TAG", "SET"}) == tag_set);
  CHECK(wire_event(tag_set).entity.name == "MODEL_VERSION_TAG");
  const auto said = [&](const WireEvent& event) {
    return refusal(Code::invalid_parameter_value, [&] { event_of(event); });
  };
  CHECK(said({"PROMPT_TAG", "CREATED"}) ==
        "Invalid action 'created' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']");
  CHECK(said({"MODEL", "CREATED"}).find("PROMPT_VERSION_TAG") != std::string::npos);
  CHECK(said({"PROMPT", ""}).find("EXCEEDED") != std::string::npos);
  CHECK(event_rows().size() == 15);
}
