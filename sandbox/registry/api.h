// The registry room's endpoints: each noun adds its rows to the one table.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::registry {

class Aliases;
class ModelVersions;
class RegisteredModels;

// The collaborators must outlive the Api.
void install_registered_models(http::Api& api, RegisteredModels& models);
void install_model_versions(http::Api& api, ModelVersions& versions);
void install_aliases(http::Api& api, Aliases& aliases);

}  // namespace sandbox::registry
