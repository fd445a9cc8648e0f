// POST and GET /graphql: what MLflow's web UI draws run and experiment pages from.
#pragma once

#include "sandbox/artifacts/artifacts.h"
#include "sandbox/http/router.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/inputs.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::graphql {

// The nouns the queries are about.
struct Nouns {
  tracking::Experiments& experiments;
  tracking::Runs& runs;
  tracking::Metrics& metrics;
  tracking::Inputs& inputs;
  registry::ModelVersions& model_versions;
  artifacts::Artifacts& artifacts;
};

// The nouns must outlive the router.
void install_graphql(http::Router& router, const Nouns& nouns);

}  // namespace sandbox::graphql
