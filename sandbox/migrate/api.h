// The endpoint by which a running lab is moved.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sandbox/http/api.h"
#include "sandbox/migrate/order.h"
#include "sandbox/migrate/report.h"

namespace sandbox::migrate {

// What a lab does to move itself; throws Error or store::Fault when it stays where it was.
using Migrate = std::function<void(const Order&, const Report&)>;

// The path of that endpoint below /api.
inline constexpr std::string_view migrate_path = "sandbox/migrate";

// POST sandbox/migrate: the body is an Order; the answer is one JSON Line a line as the work goes
// on, the last one of kind "total" or "error". It holds passwords and opens files of this machine:
// only who shows `local_token` as a Bearer, the person who runs the lab, is answered; with an empty
// one nobody is. Without `migrate` it is refused.
void install_migrate(http::Api& api, const Migrate& migrate, const std::string& local_token);

}  // namespace sandbox::migrate
