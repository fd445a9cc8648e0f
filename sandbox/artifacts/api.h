// The artifact endpoints.
#pragma once

#include "sandbox/base/env.h"
#include "sandbox/http/api.h"
#include "sandbox/http/router.h"

namespace sandbox::tracking {
class Runs;
}

namespace sandbox::artifacts {

class Artifacts;

// `api` takes the endpoints that exist below every prefix, `router` those with one address only:
// /get-artifact, /model-versions/get-artifact and the web UI's own. `artifacts` must outlive both.
void install_artifacts(http::Api& api, http::Router& router, Artifacts& artifacts);

// The parts of install_artifacts that speak of multipart uploads and of presigned URLs.
void install_multipart(http::Api& api, Artifacts& artifacts);
void install_presigned(http::Api& api, Artifacts& artifacts);

// Keeping prompts tried in the web UI (promptlab.h). The collaborators must outlive the Api.
void install_promptlab(http::Api& api, Env& env, tracking::Runs& runs, Artifacts& artifacts);

}  // namespace sandbox::artifacts
