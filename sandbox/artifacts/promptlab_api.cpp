#include "sandbox/artifacts/api.h"
#include "sandbox/artifacts/promptlab.h"

namespace sandbox::artifacts {
namespace {

struct RunAnswer {
  tracking::Run run;
  static constexpr auto fields() { return std::tuple{field("run", &RunAnswer::run)}; }
};

}  // namespace

void install_promptlab(http::Api& api, Env& env, tracking::Runs& runs, Artifacts& artifacts) {
  api.post<PromptlabRun, RunAnswer>(
      "2.0/mlflow/runs/create-promptlab-run", "Keep a prompt that was tried, with its answer.",
      [&](const PromptlabRun& in) {
        return RunAnswer{create_promptlab_run(env, runs, artifacts, in)};
      });
}

}  // namespace sandbox::artifacts
