#include "sandbox/auth/permissions.h"

#include <array>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

namespace sandbox::auth {
namespace {

Grants grants(const std::vector<std::array<const char*, 3>>& rows,
              Permission otherwise = Permission::read) {
  std::vector<Grant> all;
  for (const auto& row : rows) all.push_back({0, 0, row[0], row[1], row[2]});
  return {std::move(all), otherwise};
}

const Key seven{"experiment", "7"};
const Key every_run{"run", "*"};

TEST_CASE("without a grant the default permission counts", "[auth]") {
  CHECK(grants({}).meets({seven, Action::read}));
  CHECK_FALSE(grants({}).meets({seven, Action::update}));
  CHECK_FALSE(grants({}, Permission::no_permissions).meets({seven, Action::read}));
  CHECK(grants({}, Permission::manage).meets({seven, Action::remove}));
}

TEST_CASE("of several grants the strongest counts, never below the default", "[auth]") {
  const Grants two = grants({{"experiment", "7", "READ"}, {"experiment", "*", "EDIT"}});
  CHECK(two.effective(seven) == Permission::edit);
  CHECK(two.effective({"experiment", "8"}) == Permission::edit);
  CHECK(grants({{"experiment", "7", "READ"}}, Permission::edit).effective(seven) ==
        Permission::edit);
}

TEST_CASE("a denial wins over every other grant and the default, on its own key alone", "[auth]") {
  const Grants denied =
      grants({{"experiment", "7", "DENY"}, {"experiment", "*", "MANAGE"}}, Permission::manage);
  CHECK(denied.effective(seven) == Permission::deny);
  CHECK_FALSE(denied.meets({seven, Action::read}));
  CHECK_FALSE(denied.meets({seven, Action::not_denied}));
  CHECK(denied.meets({{"experiment", "8"}, Action::manage}));
}

TEST_CASE("the first key that holds a grant decides, stronger or weaker than the next", "[auth]") {
  const Need need{every_run, Action::update, seven};
  CHECK(grants({{"experiment", "7", "EDIT"}}).meets(need));
  CHECK_FALSE(grants({{"experiment", "7", "EDIT"}, {"run", "*", "READ"}}).meets(need));
  CHECK_FALSE(grants({{"experiment", "7", "EDIT"}, {"run", "*", "DENY"}}).meets(need));
  CHECK(grants({{"run", "*", "EDIT"}}).meets(need));
  CHECK_FALSE(grants({}).meets(need));
}

TEST_CASE("the second key may ask for less than the first", "[auth]") {
  const Need need{{"assessment", "*"}, Action::remove, seven, Action::update};
  CHECK(grants({{"experiment", "7", "EDIT"}}).meets(need));
  CHECK_FALSE(grants({{"experiment", "7", "EDIT"}, {"assessment", "*", "EDIT"}}).meets(need));
  CHECK(grants({{"assessment", "*", "MANAGE"}}).meets(need));
}

TEST_CASE("an administrator of the workspace is not restricted", "[auth]") {
  const Grants admin = grants({{"workspace", "*", "MANAGE"}, {"experiment", "7", "DENY"}},
                              Permission::no_permissions);
  CHECK(admin.is_workspace_admin());
  CHECK(admin.meets({seven, Action::manage}));
  CHECK_FALSE(grants({{"workspace", "*", "USE"}}).is_workspace_admin());
}

TEST_CASE("lists need no filter where all can be read and nothing is denied", "[auth]") {
  CHECK(grants({{"experiment", "7", "EDIT"}}).reads_everything());
  CHECK_FALSE(grants({{"experiment", "7", "DENY"}}).reads_everything());
  CHECK_FALSE(grants({}, Permission::no_permissions).reads_everything());
  CHECK(grants({{"workspace", "*", "MANAGE"}}, Permission::no_permissions).reads_everything());
}

TEST_CASE("what cannot be granted is refused in the reference's words", "[auth]") {
  CHECK_THROWS_WITH(check_grant("BOSS", "experiment"),
                    "Invalid permission 'BOSS'. Valid permissions are: ('READ', 'USE', 'EDIT', "
                    "'MANAGE', 'NO_PERMISSIONS', 'DENY')");
  CHECK_THROWS_WITH(
      check_grant("NO_PERMISSIONS", "experiment"),
      "Invalid permission 'NO_PERMISSIONS' for resource_type='experiment'. "
      "Resource-level grants accept only: ('DENY', 'EDIT', 'MANAGE', 'READ', 'USE').");
  CHECK_THROWS_WITH(
      check_grant("READ", "workspace"),
      "Invalid permission 'READ' for resource_type='workspace'. Workspace-wide grants "
      "accept only: ('MANAGE', 'USE').");
  CHECK_THROWS_AS(check_grant("READ", "kitchen"), Error);
  CHECK_THROWS_WITH(check_pattern("7", "run"),
                    "Invalid resource_pattern '7' for resource_type='run'. This resource type "
                    "supports only wildcard ('*') grants.");
  CHECK_NOTHROW(check_pattern("*", "run"));
  CHECK_NOTHROW(check_pattern("7", "experiment"));
}

TEST_CASE("a user's permission is asked on what can be granted alone", "[auth]") {
  CHECK_THROWS_WITH(check_resource_of_user("run", "7"),
                    "resource_type 'run' is not supported by the per-user permission convenience "
                    "APIs.");
  CHECK_THROWS_WITH(check_resource_of_user("scorer", "7"),
                    "Invalid scorer resource_id. Expected '<experiment_id>/<scorer_name>'.");
  CHECK_THROWS_AS(check_resource_of_user("workspace", "*"), Error);
  CHECK_THROWS_AS(check_resource_of_user("kitchen", "*"), Error);
  CHECK_NOTHROW(check_resource_of_user("run", "*"));
  CHECK_NOTHROW(check_resource_of_user("scorer", "7/safe"));
  CHECK_NOTHROW(check_resource_of_user("experiment", "7"));
}

}  // namespace
}  // namespace sandbox::auth
