// The endpoints of users, roles, grants and tokens.
#pragma once

#include "sandbox/auth/gate.h"
#include "sandbox/base/env.h"
#include "sandbox/http/api.h"
#include "sandbox/http/router.h"

namespace sandbox::auth {

// The gate must outlive the Api and the Router.
void install_users(http::Api& api, Gate& gate);
void install_roles(http::Api& api, Gate& gate);
void install_signup(Env& env, http::Api& api, http::Router& router, Gate& gate);
void install_tokens(Env& env, http::Router& router, Gate& gate);

}  // namespace sandbox::auth
