// The webhooks room's endpoints.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::webhooks {

class Deliveries;
class Webhooks;

// The collaborators must outlive the Api.
void install_webhooks(http::Api& api, Webhooks& webhooks, Deliveries& deliveries);

}  // namespace sandbox::webhooks
