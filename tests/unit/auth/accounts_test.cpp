#include "sandbox/auth/accounts.h"

#include <functional>

#include <catch2/catch.hpp>

#include "sandbox/auth/callers.h"
#include "sandbox/auth/gate.h"
#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

struct World {
  SystemEnv env;
  std::unique_ptr<db::Database> database = db::open_auth_database("");
  Accounts accounts{env, *database};
  Callers callers{env, accounts, Permission::read,
                  [](std::string_view token) { return token == "local-secret"; }};

  World() { log::open("/dev/null"); }

  CallerPointer login(const std::string& header, const std::string& from = "10.0.0.1") {
    return callers.authenticate(header, from).caller;
  }
};

std::string basic(const std::string& user, const std::string& password) {
  return "Basic " + base64(user + ":" + password);
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& failure) {
    return failure.message();
  }
  return "";
}

TEST_CASE("a user logs in with the password, and no longer after it changed", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  const std::string first = basic("ann", "first password");
  CHECK(world.login(first)->user.name == "ann");
  CHECK(world.login(first)->user.name == "ann");
  CHECK(world.login(basic("ann", "wrong password")) == nullptr);
  CHECK(world.login(basic("bob", "first password")) == nullptr);
  world.accounts.set_password("ann", "second password");
  CHECK(world.login(first) == nullptr);
  CHECK(world.login(basic("ann", "second password")) != nullptr);
  world.accounts.delete_user("ann");
  CHECK(world.login(basic("ann", "second password")) == nullptr);
}

TEST_CASE("a user's name that is given out again has nothing of the former", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  world.accounts.set_grant("ann", "experiment", "7", "MANAGE");
  const std::string token = world.accounts.create_token("ann", "ci", {});
  CHECK(world.login("Bearer " + token)->user.name == "ann");
  world.accounts.delete_user("ann");
  world.accounts.create_user("ann", "other password");
  CHECK(world.login(basic("ann", "first password")) == nullptr);
  CHECK(world.login("Bearer " + token) == nullptr);
  CHECK(world.callers.named("ann")->grants.effective({"experiment", "7"}) == Permission::read);
}

TEST_CASE("malformed headers name nobody", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  for (const std::string& header :
       {std::string(), std::string("Basic"), std::string("Basic "), std::string("Basic ???"),
        std::string("Digest x"), "Basic " + base64("ann"), "Basic " + base64(":"),
        std::string("Bearer "), std::string("Bearer x"), std::string(100'000, 'x')}) {
    CHECK(world.login(header) == nullptr);
  }
  CHECK(world.login("basic " + base64("ann:first password")) != nullptr);
}

TEST_CASE("a token is shown once, kept as a digest, and ends", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  const std::string text = world.accounts.create_token("ann", "ci", world.env.now_ms() + 60'000);
  const std::string old = world.accounts.create_token("ann", "old", world.env.now_ms() - 1);
  CHECK(text.starts_with("mlsb_"));
  CHECK(text.size() == 5 + 64);
  CHECK(world.login("Bearer " + text)->user.name == "ann");
  CHECK(world.login("Bearer " + text)->user.name == "ann");
  CHECK(world.login("Bearer " + old) == nullptr);
  CHECK(world.login("Bearer local-secret")->user.is_admin);
  world.database->read([&](db::Tx& tx) {
    auto rows = tx.query("SELECT count(*) FROM sandbox_tokens WHERE token_hash = ?", text);
    rows.next();
    CHECK(rows.integer(0) == 0);
  });
  const auto tokens = world.accounts.tokens();
  REQUIRE(tokens.size() == 2);
  world.accounts.revoke_token(tokens[0].id);
  CHECK(world.login("Bearer " + text) == nullptr);
  CHECK(message_of([&] { world.accounts.revoke_token(999); }) == "There is no token 999.");
}

TEST_CASE("an address that fails too often has to wait, others and known logins do not", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  const std::string right = basic("ann", "first password");
  CHECK(world.login(right, "10.0.0.2") != nullptr);
  for (int i = 0; i < 20; ++i) CHECK(world.login("Bearer guess", "10.0.0.2") == nullptr);
  const Login refused = world.callers.authenticate("Bearer guess", "10.0.0.2");
  CHECK(refused.wait_seconds > 0);
  CHECK(world.login(right, "10.0.0.2") != nullptr);
  CHECK(world.callers.authenticate("Bearer guess", "10.0.0.3").wait_seconds == 0);
}

TEST_CASE("grants of roles and of the user count together, from the next question on", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  CHECK(world.callers.named("ann")->grants.effective({"experiment", "7"}) == Permission::read);
  const Role role = world.accounts.create_role("editors", "default", "may edit");
  const Grant grant = world.accounts.add_grant(role.id, "experiment", "7", "EDIT");
  world.accounts.assign("ann", role.id);
  CHECK(world.callers.named("ann")->grants.effective({"experiment", "7"}) == Permission::edit);
  world.accounts.grant_to("ann", "experiment", "7", "MANAGE");
  CHECK(world.callers.named("ann")->grants.effective({"experiment", "7"}) == Permission::manage);
  world.accounts.revoke_from("ann", "experiment", "7");
  world.accounts.update_grant(grant.id, "DENY");
  CHECK(world.callers.named("ann")->grants.effective({"experiment", "7"}) == Permission::deny);
  world.accounts.delete_role(role.id);
  CHECK(world.callers.named("ann")->grants.effective({"experiment", "7"}) == Permission::read);
}

TEST_CASE("grants follow a renamed resource and go with a deleted one", "[auth]") {
  World world;
  world.accounts.create_user("ann", "first password");
  world.accounts.set_grant("ann", "registered_model", "old", "MANAGE");
  world.accounts.set_grant("ann", "registered_model", "new", "READ");
  world.accounts.rename_resource("registered_model", "old", "new");
  const auto effective = [&](const char* name) {
    return world.callers.named("ann")->grants.effective({"registered_model", name});
  };
  CHECK(effective("new") == Permission::manage);
  CHECK(effective("old") == Permission::read);
  world.accounts.forget_resource("registered_model", "new");
  CHECK(effective("new") == Permission::read);
}

TEST_CASE("refusals are the reference's", "[auth]") {
  World world;
  Accounts& accounts = world.accounts;
  accounts.create_user("ann", "first password");
  CHECK(message_of([&] { accounts.create_user("bob", "short"); }) ==
        "Password must be at least 12 characters.");
  CHECK(message_of([&] { accounts.create_user("", "long enough password"); }) ==
        "Username cannot be empty.");
  CHECK(message_of([&] { accounts.create_user("ann", "long enough password"); }) ==
        "User (username=ann) already exists.");
  CHECK(message_of([&] { (void)accounts.user("bob"); }) == "User with username=bob not found");
  CHECK(message_of([&] {
          accounts.create_role("__user_7__", "default", {});
        }).starts_with("Role name '__user_7__' uses the reserved '__user_' prefix"));
  CHECK(message_of([&] { (void)accounts.role(9); }) == "Role with id=9 not found");
  accounts.grant_to("ann", "experiment", "7", "READ");
  CHECK(message_of([&] { accounts.grant_to("ann", "experiment", "7", "EDIT"); }) ==
        "Permission for user=ann on resource_type=experiment, resource_id=7 already exists.");
  CHECK(message_of([&] { accounts.revoke_from("ann", "experiment", "8"); }) ==
        "Permission for user=ann on resource_type=experiment, resource_id=8 not found.");
}

TEST_CASE("the first administrator needs a password of one's own", "[auth]") {
  World world;
  CHECK(message_of([&] {
          make_first_administrator(world.accounts, "admin", "");
        }).find("MLFLOW_AUTH_ADMIN_PASSWORD") != std::string::npos);
  CHECK_THROWS_AS(make_first_administrator(world.accounts, "admin", "short"), Error);
  CHECK_THROWS_AS(make_first_administrator(world.accounts, "admin", "password1234"), Error);
  make_first_administrator(world.accounts, "admin", "a good password");
  CHECK(world.login(basic("admin", "a good password"))->user.is_admin);
  // Afterwards the setting is ignored: the password in the database counts.
  make_first_administrator(world.accounts, "admin", "");
  make_first_administrator(world.accounts, "admin", "another password");
  CHECK(world.login(basic("admin", "another password")) == nullptr);
}

}  // namespace
}  // namespace sandbox::auth
