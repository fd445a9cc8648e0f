// The one table that says who may ask what: each endpoint's rule. An endpoint without a row here is
// for administrators only.
#pragma once

#include <string_view>

#include "sandbox/auth/checks.h"
#include "sandbox/auth/filters.h"

namespace sandbox::auth {

struct Rule {
  std::string_view methods;  // separated by '|'; "*" is every one
  // Below /api/ and /ajax-api/, or a whole path when it begins with '/'. {} is any one segment; at
  // the end, {...} is any rest.
  std::string_view path;
  Check check = nullptr;  // null: nobody needs to log in
  Action action = Action::read;
  After filter = nullptr;     // for those who are no administrators
  After effect = nullptr;     // for everybody
  Refusal refusal = nullptr;  // instead of "Permission denied"
};

// The rule for a pattern of the router, such as "/api/2.0/mlflow/webhooks/{webhook_id}"; null when
// the table has none.
const Rule* find_rule(std::string_view method, std::string_view pattern);

}  // namespace sandbox::auth
