#include <algorithm>
#include <cstdio>

#include "sandbox/base/config.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/base/tls.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cli {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

// The same port on another name: what a container or another machine has to type.
std::string with_host(const std::string& url, const std::string& host) {
  if (host.empty()) return url;
  return url.substr(0, url.find("//") + 2) + host + url.substr(url.rfind(':'));
}

void add_s3(Variables& variables, const LabState& state, const std::string& host) {
  if (!state.artifacts_endpoint.empty()) {
    // The store that s3:// addresses of runs lie in. Its keys stay in the server: clients go
    // through it, or have keys of their own.
    variables.emplace_back("MLFLOW_S3_ENDPOINT_URL", state.artifacts_endpoint);
    variables.emplace_back("AWS_ENDPOINT_URL_S3", state.artifacts_endpoint);
    variables.emplace_back("AWS_DEFAULT_REGION", state.artifacts_region);
    return;
  }
  if (state.s3_url.empty()) return;
  variables.emplace_back("MLFLOW_S3_ENDPOINT_URL", with_host(state.s3_url, host));
  variables.emplace_back("AWS_ENDPOINT_URL_S3", with_host(state.s3_url, host));
  variables.emplace_back("AWS_ACCESS_KEY_ID", state.access_key);
  variables.emplace_back("AWS_SECRET_ACCESS_KEY", state.secret_key);
  variables.emplace_back("AWS_DEFAULT_REGION", "us-east-1");
}

Variables variables_of(const LabState& state, const std::string& host) {
  Variables variables{{"MLFLOW_TRACKING_URI", with_host(state.tracking_url, host)}};
  add_s3(variables, state, host);
  if (!state.tls_cert.empty() && is_self_signed(state.tls_cert)) {
    variables.emplace_back("MLFLOW_TRACKING_SERVER_CERT_PATH", state.tls_cert);
    const bool is_our_s3 = state.artifacts_endpoint.empty() && !state.s3_url.empty();
    if (is_our_s3) variables.emplace_back("AWS_CA_BUNDLE", state.tls_cert);
  }
  return variables;
}

std::string quoted(const std::string& text, const std::string& escaped_characters) {
  std::string out = "\"";
  for (const char c : text) {
    if (escaped_characters.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string dotenv_value(const std::string& text) {
  return shell_word(text) == text ? text : quoted(text, "\"\\$`");
}

std::string powershell_value(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string as_json(const Variables& variables) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const auto& [name, value] : variables) {
    writer.name(name);
    writer.value(value);
  }
  writer.end_object();
  return out + "\n";
}

// For envFrom of a pod on a cluster of this machine, which reaches the lab as --for-host says.
std::string as_manifests(const Variables& variables) {
  using cluster_export::map;
  Variables plain;
  Variables secret;
  for (const auto& variable : variables) {
    const bool is_key = variable.first.ends_with("_KEY") || variable.first.ends_with("_KEY_ID");
    (is_key ? secret : plain).push_back(variable);
  }
  auto config = map({{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"metadata", map({{"name", "mlflow-config"}})},
                     {"data", map(plain)}});
  auto keys = map({{"apiVersion", "v1"},
                   {"kind", "Secret"},
                   {"metadata", map({{"name", "mlflow-credentials"}})},
                   {"stringData", map(secret)}});
  return cluster_export::yaml_file("", {std::move(config), std::move(keys)});
}

std::string written(const Variables& variables, const std::string& format) {
  if (format == "json") return as_json(variables);
  if (format == "k8s") return as_manifests(variables);
  std::string out;
  for (const auto& [name, value] : variables) {
    if (format == "shell") out += "export " + name + "=" + shell_word(value) + "\n";
    if (format == "dotenv") out += name + "=" + dotenv_value(value) + "\n";
    if (format == "powershell") out += "$env:" + name + " = " + powershell_value(value) + "\n";
    if (format == "docker") out += (out.empty() ? "-e " : " -e ") + shell_word(name + "=" + value);
  }
  return format == "docker" ? out + "\n" : out;
}

}  // namespace

int env(const Words& words) {
  Arguments arguments("env", "Prints the variables that point MLflow and S3 clients at the lab.");
  std::string place;
  std::string format = "shell";
  std::string host;
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  arguments.one_of("--format,-f", format,
                   {"shell", "dotenv", "docker", "json", "powershell", "k8s"},
                   "How to write them [shell]");
  arguments.text("--for-host", host,
                 "The name under which the reader of the variables reaches this machine");
  arguments.footer(
      "With --artifacts-endpoint the S3 address is that store's, without its keys.\n"
      "Examples:\n"
      "  eval \"$(mlops-sandbox env)\"\n"
      "  mlops-sandbox env --format dotenv > .env\n"
      "  mlops-sandbox env --format powershell | Invoke-Expression\n"
      "  mlops-sandbox env --format k8s --for-host host.docker.internal | kubectl apply -f -\n"
      "  docker run --network host $(mlops-sandbox env --format docker) trainer python train.py\n"
      "Docker Desktop has no host network: start the lab with --host 0.0.0.0 and take\n"
      "  docker run $(mlops-sandbox env --format docker --for-host host.docker.internal) …");
  if (!arguments.parse(words)) return 0;
  const LabState state = need_running_lab(find_data_dir(place, process_environment()));
  std::fputs(written(variables_of(state, host), format).c_str(), stdout);
  return 0;
}

}  // namespace sandbox::cli
