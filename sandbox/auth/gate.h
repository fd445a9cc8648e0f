// What stands between the tracking port and its endpoints when users have to log in. Outside the
// router it finds out who asks; around each endpoint it applies that endpoint's rule (rules.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/auth/accounts.h"
#include "sandbox/auth/callers.h"
#include "sandbox/auth/question.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/http/request.h"

namespace sandbox::auth {

struct GateOptions {
  Permission default_permission = Permission::read;
  // Whether a token is one of the person who runs the lab: of a command on this machine, of a job.
  std::function<bool(std::string_view token)> is_local;
  std::function<std::string(std::string_view path)> plain_artifact_path;
};

class Gate {
 public:
  // `tracking` holds MLflow's tables, `users` its basic-auth tables. Both must outlive it.
  Gate(Env& env, db::Database& tracking, db::Database& users, GateOptions options);

  Accounts& accounts() { return accounts_; }
  Callers& callers() { return world_.callers; }

  // Who asks: fills Request::user, or answers 401. Safe from every thread.
  http::Response admit(http::Request& request, const http::Handler& next);
  // An endpoint behind its rule; `pattern` is the router's.
  http::Handler protect(std::string_view method, std::string_view pattern, http::Handler endpoint);

 private:
  Accounts accounts_;
  Callers callers_;
  World world_;
};

// Makes the administrator of a database that has none of that name. Throws
// Error(invalid_parameter_value) saying what to type when the password is missing or too short.
void make_first_administrator(Accounts& accounts,
                              const std::string& name,
                              const std::string& password);

}  // namespace sandbox::auth
