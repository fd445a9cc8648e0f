#include "sandbox/cluster_export/explain.h"

#include <algorithm>

#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

bool is_schedule(const jobs::Job& job) {
  return !job.spec.cron.empty();
}

std::string metadata_there(const Layout& layout) {
  if (layout.database == "sqlite") {
    return "SQLite on the claim " + layout.mlflow_claim + ", one pod";
  }
  return "PostgreSQL at " + database_host(layout) + ":" + std::to_string(layout.database_port) +
         ", database " + layout.database_name + " of " + layout.database_user;
}

std::string s3_there(const Layout& layout) {
  return layout.objects == "aws" ? "not set: AWS S3, region " + layout.objects_region
                                 : objects_address(layout);
}

std::string now(const std::string& address) {
  return address.empty() ? "the lab is stopped" : address;
}

// Locations that are no mlflow-artifacts:/ name a store, and are rewritten when files move.
std::size_t fixed_places(const Lab& lab) {
  return static_cast<std::size_t>(
      std::count_if(lab.experiments.begin(), lab.experiments.end(), [](const auto& experiment) {
        return !experiment.artifact_location.starts_with("mlflow-artifacts:");
      }));
}

void add_addresses(const Scene& scene, std::vector<Difference>& changes) {
  const Layout& layout = scene.layout;
  changes.push_back({"MLFLOW_TRACKING_URI", now(scene.lab.tracking_url), mlflow_address(layout)});
  changes.push_back({"MLFLOW_S3_ENDPOINT_URL", now(scene.lab.s3_url), s3_there(layout)});
  changes.push_back({"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", "`mlops-sandbox env`",
                     "Secret " + layout.objects_secret + ", keys access-key and secret-key"});
  changes.push_back({"where variables are set", "eval \"$(mlops-sandbox env)\"",
                     "ConfigMap " + layout.jobs_config + " and Secret " + layout.objects_secret +
                         " in the namespace " + layout.jobs_namespace});
}

void add_work(const Scene& scene, std::vector<Difference>& changes) {
  const Layout& layout = scene.layout;
  changes.push_back({"start of a training", "mlops-sandbox run -- python train.py (docker run)",
                     "kubectl apply -f job/NAME.yaml"});
  changes.push_back({"data of a training", "~/data (-v ~/data:/data)",
                     "claim " + layout.jobs_claim + ", mounted at /data"});
  changes.push_back(
      {"what a training runs in", "this machine's Python", "image " + layout.trainer_image});
  const auto schedules = static_cast<std::size_t>(
      std::count_if(scene.lab.jobs.begin(), scene.lab.jobs.end(), is_schedule));
  if (schedules > 0) {
    changes.push_back(
        {"times", counted(schedules, "job") + " with --cron", "CronJobs, in the cluster's zone"});
  }
}

void add_stores(const Scene& scene, std::vector<Difference>& changes) {
  const Lab& lab = scene.lab;
  const Layout& layout = scene.layout;
  changes.push_back({"tracking server", "this process", "image " + server_image(layout)});
  changes.push_back({"metadata",
                     lab.backend == "sqlite" ? "SQLite in the data directory" : "PostgreSQL",
                     metadata_there(layout)});
  changes.push_back({"files", lab.artifacts_destination, artifacts_uri(lab, layout)});
  if (const std::size_t count = fixed_places(lab); count > 0) {
    changes.push_back({"artifact locations", counted(count, "experiment") + " at s3://…",
                       "the same paths below the new bucket; `migrate` rewrites them"});
  }
  std::string buckets;
  for (const std::string& name : bucket_names(lab, layout)) {
    buckets += (buckets.empty() ? "" : ", ") + name;
  }
  changes.push_back({"buckets", counted(lab.buckets.size(), "bucket"), buckets});
  if (!lab.models.empty()) {
    changes.push_back({"models", counted(lab.models.size(), "registered model"),
                       "InferenceServices in " + layout.serving_namespace + " (target kserve)"});
  }
}

}  // namespace

Explanation explain(const Scene& scene) {
  Explanation all;
  all.same = {"training code", "calls of MLflow", "S3 code (boto3)", "data loading from /data"};
  const auto kept = scene.lab.experiments.size() - fixed_places(scene.lab);
  all.same.push_back("ids, times and histories of " +
                     counted(scene.lab.experiments.size(), "experiment") +
                     ", by `mlops-sandbox migrate`");
  if (kept > 0) {
    all.same.push_back("artifact locations mlflow-artifacts:/… of " + counted(kept, "experiment"));
  }
  add_addresses(scene, all.changes);
  add_work(scene, all.changes);
  add_stores(scene, all.changes);
  if (has_users(scene)) {
    all.stays_behind.emplace_back(
        "users with passwords, tokens and grants: make them on the target");
  }
  all.stays_behind.emplace_back("S3 keys and passwords: the target has its own");
  all.stays_behind.emplace_back("webhooks' secrets, unless the target gets their key");
  all.stays_behind.emplace_back("snapshots, and secrets of jobs");
  return all;
}

std::string explanation_text(const Explanation& all) {
  std::string out = "The same here and there:\n";
  for (const std::string& what : all.same) out += "  " + what + "\n";
  out += "\nDifferent:\n";
  for (const Difference& one : all.changes) {
    out += "  " + one.what + "\n    here   " + one.here + "\n    there  " + one.there + "\n";
  }
  out += "\nStays behind:\n";
  for (const std::string& what : all.stays_behind) out += "  " + what + "\n";
  return out;
}

}  // namespace sandbox::cluster_export
