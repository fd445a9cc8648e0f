#include "sandbox/base/config.h"

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

namespace sandbox {
namespace {

Environment environment(std::map<std::string, std::string> variables) {
  variables.emplace("HOME", "/nonexistent/home");
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "config test XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
  }

 private:
  std::string path_;
};

std::string refusal(const SettingTexts& flags, const Environment& variables = environment({})) {
  try {
    load_config(flags, variables);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("without any setting a lab is the documented one", "[base]") {
  const Config config = load_config({}, environment({}));
  CHECK(config.host == "127.0.0.1");
  CHECK(config.port == 5000);
  CHECK(config.s3_port == 9000);
  CHECK(config.console_port == 9001);
  CHECK(config.data_dir == "/nonexistent/home/.local/share/mlops-sandbox");
  CHECK(config.backend_store_uri ==
        "sqlite:////nonexistent/home/.local/share/mlops-sandbox/mlflow.db");
  CHECK(config.default_artifact_root == "mlflow-artifacts:/");
  CHECK(config.artifacts_destination == "s3://mlflow");
  CHECK(config.buckets == std::vector<std::string>{"mlflow", "mlflow-artifacts"});
  CHECK(config.access_key == "minioadmin");
  CHECK(config.secret_key.reveal() == "minioadmin");
}

TEST_CASE("a flag wins over the environment, and that over the file", "[base]") {
  const TemporaryDirectory place;
  place.write("mlops-sandbox.conf",
              "# ports\nport = 1\ns3-port=2\n\n  console-port = 3 \nhost = ::1\n");
  const Config config =
      load_config({{"data-dir", {place.path()}}, {"port", {"11"}}},
                  environment({{"MLOPS_SANDBOX_PORT", "21"}, {"MLOPS_SANDBOX_S3_PORT", "22"}}));
  CHECK(config.port == 11);
  CHECK(config.s3_port == 22);
  CHECK(config.console_port == 3);
  CHECK(config.host == "::1");
}

TEST_CASE("other programs' environment variables are honoured after our own", "[base]") {
  const Config config =
      load_config({}, environment({{"MINIO_ROOT_USER", "minio"},
                                   {"MINIO_ROOT_PASSWORD", "minio123"},
                                   {"MLFLOW_PORT", "5050"},
                                   {"MLFLOW_HOST", "0.0.0.0"},
                                   {"MLOPS_SANDBOX_HOST", "::"},
                                   {"MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://models/a/"}}));
  CHECK(config.access_key == "minio");
  CHECK(config.secret_key.reveal() == "minio123");
  CHECK(config.port == 5050);
  CHECK(config.host == "::");
  CHECK(config.buckets == std::vector<std::string>{"mlflow", "mlflow-artifacts", "models"});
}

TEST_CASE("a list comes from repeated flags or from commas, and never loses the two buckets",
          "[base]") {
  CHECK(load_config({{"bucket", {"data", "raw,mlflow"}}}, environment({})).buckets ==
        std::vector<std::string>{"mlflow", "mlflow-artifacts", "data", "raw"});
  CHECK(load_config({}, environment({{"MLFLOW_SERVER_ALLOWED_HOSTS", "a.example, *.lab"}}))
            .allowed_hosts == std::vector<std::string>{"a.example", "*.lab"});
}

TEST_CASE("a relative database becomes absolute, as MLflow's URI means it", "[base]") {
  const Config config =
      load_config({{"backend-store-uri", {"sqlite:///mlflow/mlflow.db"}}}, environment({}));
  CHECK(config.backend_store_uri ==
        "sqlite:///" + (std::filesystem::current_path() / "mlflow/mlflow.db").string());
}

TEST_CASE("ci takes free ports and leaves the place to its caller", "[base]") {
  const Config config = load_config({{"ci", {"true"}}, {"s3-port", {"9100"}}}, environment({}));
  CHECK(config.port == 0);
  CHECK(config.s3_port == 9100);
  CHECK(config.console_port == 0);
  CHECK(config.data_dir.empty());
}

TEST_CASE("a setting nobody can serve is refused with what to do", "[base]") {
  CHECK(refusal({{"port", {"http"}}}) == "--port must be a whole number, not 'http'.");
  CHECK(refusal({}, environment({{"MLFLOW_PORT", "x"}})) ==
        "MLFLOW_PORT must be a whole number, not 'x'.");
  CHECK(refusal({{"port", {"70000"}}}) == "--port must be between 0 and 65535, not 70000.");
  CHECK(refusal({{"port", {"9000"}}}) ==
        "--port, --s3-port and --console-port must be three different ports.");
  CHECK(
      refusal({{"backend-store-uri", {"postgressql://mlflow:secret@db/mlflow"}}}).find("secret") ==
      std::string::npos);
  CHECK(refusal({{"backend-store-uri", {"./mlruns"}}}).find("sqlite:///file.db") !=
        std::string::npos);
  CHECK(refusal({{"artifacts-destination", {"gs://bucket"}}}).find("later version") !=
        std::string::npos);
  CHECK(refusal({{"default-artifact-root", {"./artifacts"}}}).find("later version") !=
        std::string::npos);
  CHECK(refusal({{"secret-key", {"short"}}}).find("at least 8 characters") != std::string::npos);
  CHECK(refusal({{"secret-key", {"short"}}}).find("short") == std::string::npos);
}

TEST_CASE("the trash keeps things for ever or for a number of days", "[base]") {
  CHECK(load_config({}, environment({})).trash_days == 0);
  const auto variables = environment({{"MLOPS_SANDBOX_TRASH_DAYS", "30"}});
  CHECK(load_config({}, variables).trash_days == 30);
  CHECK(refusal({{"trash-days", {"-1"}}}) == "--trash-days must be between 0 and 36500, not -1.");
}

TEST_CASE("another object store is switched on by its own setting alone", "[base]") {
  // What `eval "$(mlops-sandbox env)"` leaves in a shell.
  const auto shell = environment({{"MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9000"},
                                  {"AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000"},
                                  {"AWS_ACCESS_KEY_ID", "lab"},
                                  {"AWS_SECRET_ACCESS_KEY", "lab-secret"},
                                  {"AWS_SESSION_TOKEN", "lab-token"}});
  Config config = load_config({}, shell);
  CHECK(config.artifacts_endpoint.empty());
  CHECK(config.artifacts_access_key.empty());
  CHECK(config.buckets == std::vector<std::string>{"mlflow", "mlflow-artifacts"});

  const SettingTexts on{{"artifacts-endpoint", {"https://s3.example.org/"}}};
  config = load_config(on, shell);
  CHECK(config.artifacts_endpoint == "https://s3.example.org");
  CHECK(config.artifacts_access_key == "lab");
  CHECK(config.artifacts_secret_key.reveal() == "lab-secret");
  CHECK(config.artifacts_session_token.reveal() == "lab-token");
  CHECK(config.buckets.empty());  // nothing is made there unasked

  SettingTexts keys = on;
  keys["artifacts-access-key"] = {"own"};
  CHECK(refusal(keys, shell).find("wants the keys") != std::string::npos);
  keys["artifacts-secret-key"] = {"own-secret"};
  config = load_config(keys, shell);
  CHECK(config.artifacts_access_key == "own");
  CHECK(config.artifacts_session_token.empty());  // that of another pair
}

TEST_CASE("an address of an object store that cannot be one is refused", "[base]") {
  const auto keys = environment({{"AWS_ACCESS_KEY_ID", "k"}, {"AWS_SECRET_ACCESS_KEY", "s"}});
  for (const char* endpoint :
       {"minio:9000", "s3://bucket", "https://user:hidden-word@host", "http://a b"}) {
    CAPTURE(endpoint);
    const std::string told = refusal({{"artifacts-endpoint", {endpoint}}}, keys);
    CHECK(told.find("must look like https://host") != std::string::npos);
    CHECK(told.find("hidden-word") == std::string::npos);
  }
  CHECK(refusal({{"artifacts-endpoint", {"http://localhost:9000"}}}, keys).find("own S3 port") !=
        std::string::npos);
  CHECK(load_config({{"artifacts-endpoint", {"http://localhost:9000"}}, {"no-s3", {"true"}}}, keys)
            .no_s3);
  CHECK(refusal({{"artifacts-endpoint", {"http://h"}}, {"artifacts-addressing", {"odd"}}}, keys)
            .find("path or virtual") != std::string::npos);
  CHECK(
      refusal({{"no-s3", {"true"}}, {"default-artifact-root", {"s3://mlflow"}}}).find("--no-s3") !=
      std::string::npos);
}

TEST_CASE("a broken settings file is refused with its line", "[base]") {
  const TemporaryDirectory place;
  place.write("mlops-sandbox.conf", "port = 5000\nprot = 1\n");
  CHECK(refusal({{"data-dir", {place.path()}}}).find("line 2: there is no setting 'prot'") !=
        std::string::npos);
  place.write("mlops-sandbox.conf", "port 5000\n");
  CHECK(refusal({{"data-dir", {place.path()}}}).find("line 1: expected `name = value`") !=
        std::string::npos);
}

TEST_CASE("a named settings file may also say where the data is", "[base]") {
  const TemporaryDirectory place;
  place.write("lab.conf", "data-dir = " + place.path() + "/lab\nport = 5005\n");
  const Config config = load_config({}, environment({}), place.path() + "/lab.conf");
  CHECK(config.data_dir == place.path() + "/lab");
  CHECK(config.port == 5005);
  CHECK_THROWS_AS(load_config({}, environment({}), place.path() + "/absent.conf"), Error);
}

}  // namespace
}  // namespace sandbox
