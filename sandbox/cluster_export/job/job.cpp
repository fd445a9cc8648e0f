#include "sandbox/cluster_export/job/job.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/names.h"
#include "sandbox/cluster_export/secrets.h"

namespace sandbox::cluster_export {
namespace {

constexpr int trainer_user = 10001;
constexpr std::size_t job_name_max = 52;  // of a CronJob, which adds the time to it
constexpr const char* kept_config = "job-config";
constexpr const char* kept_secrets = "job-secrets";
constexpr std::int64_t kept_for_s = 7 * 24 * 3600;

// A job, what it is called on the cluster, and which of its variables are secrets.
struct Exported {
  const jobs::Job* job = nullptr;
  std::string name;
  std::vector<std::string> secrets{};
  std::vector<std::string> left_out{};  // variables that no container takes
};

bool is_variable(std::string_view name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view digits = "0123456789";
  if (name.empty() || letters.find(name[0]) == name.npos) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return letters.find(c) != letters.npos || digits.find(c) != digits.npos;
  });
}

// Values under such names go into a Secret, whoever put them among the plain variables.
bool looks_secret(std::string_view name) {
  const std::string text = upper(name);
  for (const char* word : {"PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY",
                           "API_KEY", "ACCESS_KEY", "PRIVATE_KEY"}) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

// The newest job of each name, and every schedule; what a schedule made is left to it.
std::vector<const jobs::Job*> chosen(const Lab& lab) {
  std::vector<const jobs::Job*> found;
  std::set<std::string> seen;
  for (const jobs::Job& job : lab.jobs) {
    if (!job.spec.schedule_id.empty()) continue;
    const bool is_schedule = !job.spec.cron.empty();
    if (is_schedule && jobs::is_final(job.state())) continue;
    if (!is_schedule && !seen.insert(job.name).second) continue;
    found.push_back(&job);
  }
  return found;
}

std::vector<Exported> exported_jobs(const Lab& lab) {
  std::vector<Exported> all;
  for (const jobs::Job* job : chosen(lab)) {
    constexpr std::size_t digits = 8;
    Exported one{job, dns_label(job->name, job_name_max - digits - 1) + "-" +
                          dns_label(job->job_id).substr(0, digits)};
    std::set<std::string> secrets(job->spec.secrets.begin(), job->spec.secrets.end());
    for (const auto& variable : job->spec.env) {
      if (looks_secret(variable.key)) secrets.insert(variable.key);
      if (!is_variable(variable.key)) one.left_out.push_back(variable.key);
    }
    for (const std::string& name : secrets) {
      (is_variable(name) ? one.secrets : one.left_out).push_back(name);
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::string secret_of(const Exported& one) {
  return one.name + "-secrets";
}

bool is_ours(const jobs::JobSpec& spec) {
  const std::string& program = spec.command.front();
  return program == "mlops-sandbox" || program.ends_with("/mlops-sandbox");
}

// A Python of the lab's machine is the image's own there.
std::vector<std::string> command_of(const jobs::JobSpec& spec) {
  std::vector<std::string> command;
  for (const std::string& word : spec.command) command.push_back(without_expansion(word));
  const std::string& program = spec.command.front();
  const std::string name = program.substr(program.rfind('/') + 1);
  if (name.starts_with("python") || name == "mlops-sandbox") {
    command.front() = name.starts_with("python") ? "python" : name;
  }
  return command;
}

Tree variables_of(const Scene& scene, const Exported& one) {
  const Layout& layout = scene.layout;
  const jobs::JobSpec& spec = one.job->spec;
  Tree all = list({env("HOME", "/tmp"),
                   env_of_config("MLFLOW_TRACKING_URI", layout.jobs_config, "mlflow-tracking-uri"),
                   only_if(!objects_address(layout).empty(),
                           env_of_config("MLFLOW_S3_ENDPOINT_URL", layout.jobs_config,
                                         "mlflow-s3-endpoint-url")),
                   env_of_config("AWS_DEFAULT_REGION", layout.jobs_config, "aws-default-region"),
                   env_of_secret("AWS_ACCESS_KEY_ID", layout.objects_secret, "access-key"),
                   env_of_secret("AWS_SECRET_ACCESS_KEY", layout.objects_secret, "secret-key")});
  add_login(scene, all);
  if (!spec.experiment_name.empty()) {
    append(all, env("MLFLOW_EXPERIMENT_NAME", without_expansion(spec.experiment_name)));
  }
  const auto is_secret = [&](const std::string& name) {
    return std::find(one.secrets.begin(), one.secrets.end(), name) != one.secrets.end();
  };
  for (const auto& variable : spec.env) {
    if (is_variable(variable.key) && !is_secret(variable.key)) {
      append(all, env(variable.key, without_expansion(variable.value)));
    }
  }
  for (const std::string& name : one.secrets) {
    append(all, env_of_secret(name, secret_of(one), name));
  }
  for (const std::string& name : spec.kept_secrets) {
    append(all, env_of_secret(name, kept_secrets, name));
  }
  for (const std::string& name : spec.kept_config) {
    if (!spec.has_all_config) append(all, env_of_config(name, kept_config, name));
  }
  return all;
}

std::string cores(double cpus) {
  return std::to_string(std::llround(cpus * 1000)) + "m";
}

// The lab's numbers as requests and limits (S4-28).
Tree resources_of(const jobs::JobSpec& spec) {
  Tree requests = map({{"cpu", cores(spec.cpus)}});
  Tree limits = map({{"cpu", cores(spec.cpus)}});
  const std::int64_t bytes = spec.memory_bytes;
  const std::string memory = bytes > 0 ? std::to_string(bytes) : "2Gi";
  requests.set("memory", Tree::of(std::string_view(bytes > 0 ? memory : "512Mi")));
  limits.set("memory", Tree::of(std::string_view(memory)));
  if (spec.gpus > 0) limits.set("nvidia.com/gpu", Tree::of(spec.gpus));
  return map({{"requests", requests}, {"limits", limits}});
}

constexpr const char* container_name = "trainer";

Tree pod_template(const Scene& scene, const Exported& one) {
  const Layout& layout = scene.layout;
  const jobs::JobSpec& spec = one.job->spec;
  Tree security = container_security();
  security.set("readOnlyRootFilesystem", Tree::of(false));  // scripts write where they run
  const Tree container =
      map({{"name", container_name},
           {"image", is_ours(spec) ? layout.sandbox_image : layout.trainer_image},
           {"command", list(command_of(spec))},
           {"workingDir", "/app"},
           {"envFrom", only_if(spec.has_all_config && !scene.lab.job_config.empty(),
                               list({map({{"configMapRef", map({{"name", kept_config}})}})}))},
           {"env", variables_of(scene, one)},
           {"securityContext", security},
           {"resources", resources_of(spec)},
           {"volumeMounts", list({mount("tmp", "/tmp"), mount("data", "/data")})}});
  const Tree pod =
      map({{"restartPolicy", "Never"},
           {"automountServiceAccountToken", false},
           {"securityContext", pod_security(trainer_user)},
           {"containers", list({container})},
           {"volumes", list({empty_volume("tmp"), claim_volume("data", layout.jobs_claim)})}});
  return map({{"metadata", map({{"labels", labels(layout, "training-job")}})}, {"spec", pod}});
}

std::int64_t timeout_of(const jobs::JobSpec& spec) {
  return static_cast<std::int64_t>(std::ceil(spec.timeout_s));
}

Tree job_spec(const Scene& scene, const Exported& one) {
  const jobs::JobSpec& spec = one.job->spec;
  const std::int64_t timeout = timeout_of(spec);
  return map({{"backoffLimit", spec.retries},
              {"activeDeadlineSeconds", only_if(timeout > 0, timeout)},
              {"ttlSecondsAfterFinished", kept_for_s},
              {"template", pod_template(scene, one)}});
}

std::string about(const Exported& one) {
  std::string text = "Of the lab's job " + one.job->job_id + ", which ran in " +
                     python_repr(one.job->spec.working_dir) +
                     ": the image has to hold that directory as /app.";
  for (const std::string& name : one.left_out) {
    text += "\nLeft out, since no container takes a variable of that name: " + python_repr(name);
  }
  return text;
}

File job_file(const Scene& scene, const Exported& one) {
  const Layout& layout = scene.layout;
  const jobs::JobSpec& spec = one.job->spec;
  Tree about_it = metadata(layout, {one.name, layout.jobs_namespace, "training-job"});
  about_it.set("annotations", map({{"mlops-sandbox/job-id", one.job->job_id},
                                   {"mlops-sandbox/run-id", one.job->details.run_id},
                                   {"mlops-sandbox/name", one.job->name}}));
  if (spec.cron.empty()) {
    Tree job = object("batch/v1", "Job", about_it);
    add(job, {{"spec", job_spec(scene, one)}});
    return {yaml_file(about(one), {job})};
  }
  Tree schedule = object("batch/v1", "CronJob", about_it);
  add(schedule, {{"spec", map({{"schedule", spec.cron},
                               {"concurrencyPolicy", "Forbid"},
                               {"jobTemplate", map({{"spec", job_spec(scene, one)}})}})}});
  return {yaml_file(about(one) + "\nThe times are those of the cluster's zone, usually UTC.",
                    {schedule})};
}

Secrets secrets_of_jobs(const Scene& scene, const std::vector<Exported>& all) {
  const Layout& layout = scene.layout;
  Secrets secrets;
  std::set<std::string> needed;
  if (!scene.lab.job_secrets.empty()) {
    Secret kept{kept_secrets, {layout.jobs_namespace}, {}};
    for (const std::string& name : scene.lab.job_secrets) {
      kept.keys.emplace_back(name, "$" + name);
      needed.insert(name);
      secrets.needed.push_back({name, "kept by the lab for its jobs"});
    }
    secrets.secrets.push_back(std::move(kept));
  }
  for (const Exported& one : all) {
    if (one.secrets.empty()) continue;
    Secret secret{secret_of(one), {layout.jobs_namespace}, {}};
    for (const std::string& name : one.secrets) {
      secret.keys.emplace_back(name, "$" + name);
      if (needed.insert(name).second) {
        secrets.needed.push_back({name, "of the job " + one.name});
      }
    }
    secrets.secrets.push_back(std::move(secret));
  }
  return secrets;
}

std::string readme(const Layout& layout, const std::vector<Exported>& all) {
  std::string rows;
  for (const Exported& one : all) {
    rows += "| `" + one.name + ".yaml` | " + (one.job->spec.cron.empty() ? "Job" : "CronJob") +
            " | " + one.job->job_id + " |\n";
  }
  if (rows.empty()) rows = "| the lab has no jobs | | |\n";
  return filled(own_file("job/README.md"), {{"rows", rows},
                                            {"image", layout.trainer_image},
                                            {"namespace", layout.jobs_namespace},
                                            {"config", layout.jobs_config},
                                            {"secret", layout.objects_secret}});
}

}  // namespace

std::vector<ScheduledJob> scheduled_jobs(const Scene& scene) {
  std::vector<ScheduledJob> all;
  for (const Exported& one : exported_jobs(scene.lab)) {
    const jobs::JobSpec& spec = one.job->spec;
    if (spec.cron.empty()) continue;
    Tree pod = map({{"apiVersion", "v1"}, {"kind", "Pod"}});
    pod.update(pod_template(scene, one));
    all.push_back({one.name, one.job->name, spec.cron, spec.retries, timeout_of(spec),
                   container_name, std::move(pod)});
  }
  return all;
}

Files job_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::vector<Exported> all = exported_jobs(scene.lab);
  Files files;
  for (const Exported& one : all) files[one.name + ".yaml"] = job_file(scene, one);
  const Secrets secrets = secrets_of_jobs(scene, all);
  if (!secrets.secrets.empty()) files["make-secrets.sh"] = {secrets_script(secrets), true};
  files["data.yaml"] = {
      yaml_file("Mounted at /data by every job, in place of `-v ~/data:/data`.",
                {claim(layout, {layout.jobs_claim, layout.jobs_namespace, "training-job"},
                       layout.jobs_storage)})};
  if (!scene.lab.job_config.empty()) {
    Tree config = object("v1", "ConfigMap",
                         metadata(layout, {kept_config, layout.jobs_namespace, "training-job"}));
    Tree data = Tree::object();
    for (const auto& one : scene.lab.job_config)
      data.set(one.key, Tree::of(std::string_view(one.value)));
    add(config, {{"data", data}});
    files["config.yaml"] = {yaml_file("What the lab keeps for its jobs (`config`).", {config})};
  }
  files["Dockerfile"] = {std::string(own_file("job/Dockerfile"))};
  files["README.md"] = {readme(layout, all)};
  return files;
}

}  // namespace sandbox::cluster_export
