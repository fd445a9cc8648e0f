// Which object stores a lab has: the built-in one, or one that lies elsewhere. What `up` and the
// commands on a stopped lab open.
#pragma once

#include <memory>

#include "embedded_store/object_store.h"
#include "embedded_store/remote/remote_store.h"
#include "sandbox/base/config.h"
#include "sandbox/base/env.h"

namespace sandbox {

// The region of the built-in store.
inline constexpr const char* built_in_region = "us-east-1";

// The built-in store in the data directory. Throws Error with a sentence for the person who wants
// it: who else has it open, what is wrong with it.
std::unique_ptr<store::ObjectStore> open_built_in_store(Env& env, const Config& config);

// config.artifacts_endpoint's. Asks it for the buckets that the settings name, and makes those of
// --bucket; no other is ever made there. Throws Error when it does not answer, refuses the keys or
// has no such bucket.
std::unique_ptr<store::ObjectStore> open_other_store(Env& env, const Config& config);

// The one that artifacts lie in.
std::unique_ptr<store::ObjectStore> open_artifact_store(Env& env, const Config& config);

store::RemoteStoreOptions remote_store_options(const Config& config);

}  // namespace sandbox
