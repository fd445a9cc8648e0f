#include <cstdio>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/http/client.h"

namespace sandbox::cli {
namespace {

constexpr int not_running = 3;  // what init scripts answer for a stopped service

struct PartStatus {
  std::string name;
  std::string url;
  bool answers = false;
  static constexpr auto fields() {
    return std::tuple{field("name", &PartStatus::name), field("url", &PartStatus::url),
                      field("answers", &PartStatus::answers)};
  }
};

struct LabStatus {
  bool running = false;
  bool healthy = false;
  std::string data_dir;
  std::optional<std::int64_t> pid;
  std::optional<std::int64_t> age_ms;
  std::optional<std::string> backend_store_uri;
  std::vector<PartStatus> parts;
  static constexpr auto fields() {
    return std::tuple{field("running", &LabStatus::running),
                      field("healthy", &LabStatus::healthy),
                      field("data_dir", &LabStatus::data_dir),
                      field("pid", &LabStatus::pid),
                      field("age_ms", &LabStatus::age_ms),
                      field("backend_store_uri", &LabStatus::backend_store_uri),
                      field("parts", &LabStatus::parts)};
  }
};

PartStatus probe(const LabState& state,
                 const std::string& name,
                 const std::string& url,
                 const std::string& path) {
  const auto answer = http::ask({url, state.tls_cert, ""}, path);
  return {name, url, answer && answer->status == 200};
}

// The tracking server asks it: this process has no keys.
PartStatus probe_artifact_store(const LabState& state) {
  const auto answer = http::ask(peer_of(state, state.tracking_url), artifact_store_probe);
  return {"artifacts", state.artifacts_endpoint, answer && answer->status == 200};
}

LabStatus look(const std::string& data_dir) {
  LabStatus status;
  status.data_dir = data_dir;
  status.pid = lock_holder(data_dir);
  status.running = status.pid.has_value();
  const auto state = running_lab(data_dir);
  if (!state) return status;
  SystemEnv env;
  status.age_ms = env.now_ms() - state->started_ms;
  status.backend_store_uri = db::without_password(state->backend_store_uri);
  status.parts = {probe(*state, "tracking", state->tracking_url, "/health")};
  if (!state->s3_url.empty()) {
    status.parts.push_back(probe(*state, "s3", state->s3_url, "/minio/health/live"));
  }
  if (!state->artifacts_endpoint.empty()) status.parts.push_back(probe_artifact_store(*state));
  status.parts.push_back(probe(*state, "console", state->console_url, "/health"));
  status.healthy = true;
  for (const PartStatus& part : status.parts) status.healthy = status.healthy && part.answers;
  return status;
}

void print(const LabStatus& status) {
  if (!status.running) {
    std::printf("No lab is running in %s. Start it with `%s up --detach%s`.\n",
                status.data_dir.c_str(), program().c_str(), data_dir_flag(status.data_dir).c_str());
    return;
  }
  if (!status.age_ms) {
    std::printf("The lab in %s (process %lld) is starting or stopping.\n", status.data_dir.c_str(),
                static_cast<long long>(*status.pid));
    return;
  }
  std::printf("mlops-sandbox %s, process %lld, running for %s\n\n", SANDBOX_VERSION,
              static_cast<long long>(*status.pid), age_text(*status.age_ms).c_str());
  for (const PartStatus& part : status.parts) {
    std::printf("  %s %-9s %s%s\n", part.answers ? "✅" : "❌", part.name.c_str(), part.url.c_str(),
                part.answers ? "" : "  does not answer; see `logs`");
  }
  std::printf("\n  Data  %s\n  Runs  %s\n  Log   %s\n", status.data_dir.c_str(),
              status.backend_store_uri->c_str(), log_file(status.data_dir).c_str());
}

}  // namespace

int status(const Words& words) {
  Arguments arguments("status", "Shows what runs where, and whether it answers.");
  std::string place;
  bool as_json = false;
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  arguments.flag("--json", as_json, "One line of JSON");
  arguments.footer("Exit code: 0 when all parts answer, 1 when one does not, 3 when no lab runs.");
  if (!arguments.parse(words)) return 0;
  const LabStatus found = look(find_data_dir(place, process_environment()));
  if (as_json) {
    std::printf("%s\n", to_json(found).c_str());
  } else {
    print(found);
  }
  if (!found.running) return not_running;
  return found.healthy ? 0 : 1;
}

}  // namespace sandbox::cli
