#include "sample_labs.h"

namespace sandbox::cluster_export {
namespace {

Lab bare() {
  Lab lab;
  lab.version = "0.1.0";
  lab.mlflow_version = "3.17.2";
  lab.tracking_url = "http://127.0.0.1:5000";
  lab.s3_url = "http://127.0.0.1:9000";
  lab.backend = "sqlite";
  lab.auth = "none";
  lab.default_artifact_root = "mlflow-artifacts:/";
  lab.artifacts_destination = "s3://mlflow";
  lab.buckets = {"mlflow", "mlflow-artifacts"};
  lab.experiments = {{"0", "Default", "mlflow-artifacts:/0"}};
  return lab;
}

LabModelVersion version(std::int64_t number,
                        std::vector<std::string> aliases,
                        const std::string& model_id,
                        std::vector<std::string> flavors) {
  LabModelVersion made;
  made.version = number;
  made.aliases = std::move(aliases);
  made.run_id = "0123456789abcdef0123456789abcdef";
  made.bucket = "mlflow";
  made.key = "1/models/" + model_id + "/artifacts";
  made.flavors = std::move(flavors);
  if (!made.flavors.empty()) made.files = {"MLmodel", "requirements.txt"};
  for (const std::string& flavor : made.flavors) {
    if (flavor == "sklearn") made.files.emplace_back("model.pkl");
    if (flavor == "xgboost") made.files.emplace_back("model.ubj");
  }
  return made;
}

jobs::Job job(const std::string& id, const std::string& name, std::vector<std::string> command) {
  jobs::Job made;
  made.job_id = id;
  made.name = name;
  made.status = "SUCCEEDED";
  made.creation_time = 1'700'000'000'000;
  made.details.run_id = id.substr(0, 8) + "0000000000000000000000aa";
  made.spec.name = name;
  made.spec.command = std::move(command);
  made.spec.working_dir = "/home/ann/project";
  return made;
}

}  // namespace

Lab course_lab() {
  Lab lab = bare();
  lab.buckets = {"mlflow", "mlflow-artifacts", "tables"};
  lab.experiments.push_back({"1", "e2e-pipeline-user01", "mlflow-artifacts:/1"});
  lab.models = {
      {"california-model-user01",
       {version(2, {}, "m-22", {"python_function", "sklearn"}),
        version(1, {"champion"}, "m-11", {"python_function", "sklearn"})}},
      {"houses", {version(1, {"champion"}, "m-33", {"python_function", "xgboost"})}},
      {"shapes", {version(3, {"champion", "stable"}, "m-44", {"python_function", "pytorch"})}}};
  jobs::Job training = job("aaaaaaaa-0000-4000-8000-000000000001", "train.py",
                           {"python", "train.py", "--epochs", "20"});
  training.spec.experiment_name = "image-classification";
  training.spec.cpus = 2;
  training.spec.memory_bytes = std::int64_t{2} << 30;
  training.spec.timeout_s = 3600;
  training.spec.retries = 2;
  training.spec.env = {{"BATCH_SIZE", "64"}, {"MODEL_NAME", "mobilenet_v3_small"}};
  training.spec.secrets = {"HF_TOKEN"};
  training.spec.kept_secrets = {"WANDB_API_KEY"};
  training.spec.kept_config = {"REGION"};
  jobs::Job nightly =
      job("bbbbbbbb-0000-4000-8000-000000000002", "nightly", {"python", "score.py"});
  nightly.spec.cron = "0 3 * * *";
  nightly.status = "PENDING";
  nightly.spec.has_all_config = true;
  lab.job_secrets = {"WANDB_API_KEY"};
  lab.job_config = {{"REGION", "ap-northeast-2"}, {"ROUNDS", "3"}};
  lab.jobs = {nightly, training};
  return lab;
}

Lab empty_lab() {
  return bare();
}

Lab hostile_lab() {
  const std::string nasty =
      "Über \"quoted\" 'single' `tick`\n- key: value # ${X} $(id) {{ .Values }} %s \\ @{name}";
  Lab lab = bare();
  lab.experiments.push_back({"1", nasty, "mlflow-artifacts:/1"});
  lab.models = {{nasty, {version(1, {nasty}, "m-1'\"\n{{x}}", {"python_function", "sklearn"})}},
                {"My_Model", {version(1, {"champion"}, "m-2", {"python_function", "xgboost"})}},
                {"my-model", {version(1, {"champion"}, "m-3", {"python_function", "sklearn"})}},
                {std::string(200, 'x'), {version(1, {}, "m-4", {})}}};
  jobs::Job bad = job("cccccccc-0000-4000-8000-000000000003", nasty,
                      {"sh", "-c", "echo \"$HOME\" '%d' && printf '{{ x }}\n'", nasty});
  bad.spec.env = {{"WORD", nasty}, {"API_TOKEN", "hunter2-is-secret"}};
  bad.spec.experiment_name = nasty;
  bad.spec.secrets = {"DB_PASSWORD"};
  jobs::Job schedule = bad;
  schedule.job_id = "dddddddd-0000-4000-8000-000000000004";
  schedule.spec.cron = "*/5 * * * *";
  schedule.status = "PENDING";
  lab.jobs = {bad, schedule};
  lab.job_config = {{"WORDS", nasty}};
  lab.auth = "basic";
  lab.users = {{"admin", true}, {nasty, false}};
  return lab;
}

}  // namespace sandbox::cluster_export
