// Reads what belongs to many versions or models in one go, for pages of searches.
#pragma once

#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/registered_models.h"

namespace sandbox::registry {

// Fills the tags.
void read_tags(db::Tx& tx, std::vector<ModelVersion>& versions);
// Fills latest versions (with their tags), tags and aliases, as read_model_details does for one.
void read_details(db::Tx& tx, std::vector<RegisteredModel>& models);

}  // namespace sandbox::registry
