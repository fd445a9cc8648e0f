#include "sandbox/cluster_export/read_lab.h"

#include <algorithm>
#include <map>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/yaml.h"

namespace sandbox::cluster_export {
namespace {

constexpr std::int64_t page_models = 1000;
constexpr std::uint64_t model_file_bytes_max = std::uint64_t{1} << 20;

std::vector<LabExperiment> experiments_of(tracking::Experiments& rooms) {
  std::vector<LabExperiment> found;
  std::string token;
  do {
    const auto page =
        rooms.search("", {"creation_time ASC", "experiment_id ASC"}, "ACTIVE_ONLY", 1000, token);
    for (const auto& one : page.experiments) {
      found.push_back({one.experiment_id, one.name, one.artifact_location});
    }
    token = page.next_page_token.value_or("");
  } while (!token.empty());
  return found;
}

std::vector<std::string> flavors_in(std::string_view model_file) {
  const PythonJson model = read_yaml(model_file);
  std::vector<std::string> names;
  if (const PythonJson* flavors = model.find("flavors")) {
    for (const auto& flavor : flavors->members) names.push_back(flavor.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What the version's files say; a lab is exported all the same when they are not there.
void read_files(artifacts::Artifacts& artifacts,
                const std::string& name,
                LabModelVersion& version) {
  try {
    const auto place =
        artifacts.locate_uri(artifacts.version_root(name, std::to_string(version.version)));
    version.bucket = place.bucket;
    version.key = place.key;
    for (const auto& file : artifacts.list(place)) {
      if (!file.is_dir) version.files.push_back(file.path);
    }
    const auto reader = artifacts.open(place.below("MLmodel"));
    if (reader->info().size > model_file_bytes_max) return;
    std::string text;
    reader->read(0, reader->info().size, [&](std::string_view piece) { text += piece; });
    version.flavors = flavors_in(text);
  } catch (const Error&) {
  } catch (const store::Fault&) {
  }
}

LabModel model_of(const Rooms& rooms, const registry::RegisteredModel& model) {
  std::map<std::int64_t, LabModelVersion, std::greater<>> versions;
  for (const auto& alias : model.aliases) {
    const auto number = parse_int64(alias.version);
    if (number) versions[*number].aliases.push_back(alias.alias);
  }
  std::int64_t newest = 0;
  for (const auto& one : model.latest_versions) {
    newest = std::max(newest, parse_int64(one.version).value_or(0));
  }
  if (newest > 0) versions.try_emplace(newest);
  LabModel found{model.name, {}};
  for (auto& [number, version] : versions) {
    version.version = number;
    std::sort(version.aliases.begin(), version.aliases.end());
    version.run_id = rooms.versions.get(model.name, std::to_string(number)).run_id.value_or("");
    read_files(rooms.artifacts, model.name, version);
    found.versions.push_back(std::move(version));
  }
  return found;
}

std::vector<LabModel> models_of(const Rooms& rooms) {
  std::vector<LabModel> found;
  std::string token;
  do {
    const auto page = rooms.models.search("", {}, page_models, token);
    for (const auto& model : page.registered_models) {
      LabModel one = model_of(rooms, model);
      if (!one.versions.empty()) found.push_back(std::move(one));
    }
    token = page.next_page_token.value_or("");
  } while (!token.empty());
  std::sort(found.begin(), found.end(),
            [](const LabModel& left, const LabModel& right) { return left.name < right.name; });
  return found;
}

std::vector<LabUser> users_of(const auth::Accounts* accounts) {
  std::vector<LabUser> found;
  if (accounts == nullptr) return found;
  for (const auto& user : accounts->users()) found.push_back({user.name, user.is_admin});
  std::sort(found.begin(), found.end(), [](const LabUser& left, const LabUser& right) {
    return left.username < right.username;
  });
  return found;
}

}  // namespace

Lab read_lab(const Rooms& rooms, const LabFacts& facts) {
  Lab lab;
  lab.version = SANDBOX_VERSION;
  lab.mlflow_version = facts.mlflow_version;
  lab.backend = facts.backend;
  lab.auth = facts.auth;
  lab.default_artifact_root = facts.default_artifact_root;
  lab.artifacts_destination = facts.artifacts_destination;
  lab.artifacts_endpoint = facts.artifacts_endpoint;
  lab.experiments = experiments_of(rooms.experiments);
  for (const auto& bucket : rooms.objects.buckets()) lab.buckets.push_back(bucket.name);
  std::sort(lab.buckets.begin(), lab.buckets.end());
  lab.models = models_of(rooms);
  lab.users = users_of(rooms.accounts);
  lab.jobs = rooms.jobs.list({});
  lab.job_config = rooms.job_config.all();
  lab.job_secrets = rooms.job_secrets.names();
  return lab;
}

void install_lab(http::Api& api, const Rooms& rooms, const LabFacts& facts) {
  api.get<Empty, Lab>("sandbox/lab",
                      "What the lab has, as an export to a cluster takes it: experiments, buckets, "
                      "models, users, jobs. No secret is in it.",
                      [rooms, facts](const Empty&) { return read_lab(rooms, facts); });
}

}  // namespace sandbox::cluster_export
