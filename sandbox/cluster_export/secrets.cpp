#include "sandbox/cluster_export/secrets.h"

#include <algorithm>

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

constexpr const char* store_name = "cluster-secrets";

std::vector<std::string> without_repeats(const std::vector<std::string>& names) {
  std::vector<std::string> kept;
  for (const std::string& name : names) {
    if (std::find(kept.begin(), kept.end(), name) == kept.end()) kept.push_back(name);
  }
  return kept;
}

// A shell word. The driver stands in the URI: SQLAlchemy 2.1 takes a plain postgresql:// for
// psycopg 3.
std::string database_uri(const Layout& layout,
                         const std::string& database,
                         const std::string& encoding = "encoded") {
  return "postgresql+psycopg2://" + layout.database_user + ":$(" + encoding +
         " \"$DATABASE_PASSWORD\")@" + database_host(layout) + ":" +
         std::to_string(layout.database_port) + "/" + database +
         "?sslmode=" + layout.database_sslmode;
}

void add_database(const Scene& scene, Secrets& all) {
  const Layout& layout = scene.layout;
  if (layout.database == "sqlite") return;
  all.needed.push_back(
      {"DATABASE_PASSWORD", "password of PostgreSQL's role " + layout.database_user});
  if (layout.database == "in-cluster") {
    all.secrets.push_back({layout.database_secret,
                           {layout.database_namespace},
                           {{"password", "$DATABASE_PASSWORD"}}});
  }
  all.secrets.push_back({layout.mlflow_secret,
                         {layout.mlflow_namespace},
                         {{"backend-uri", database_uri(layout, layout.database_name)}}});
}

void add_objects(const Scene& scene, Secrets& all) {
  const Layout& layout = scene.layout;
  all.needed.push_back({"S3_ACCESS_KEY", layout.objects == "in-cluster"
                                             ? "user name of MinIO, 3 characters or more"
                                             : "access key of the S3 service"});
  all.needed.push_back({"S3_SECRET_KEY", layout.objects == "in-cluster"
                                             ? "password of MinIO, 8 characters or more"
                                             : "secret key of the S3 service"});
  std::vector<std::string> places{layout.mlflow_namespace, layout.jobs_namespace};
  if (layout.objects == "in-cluster") places.push_back(layout.objects_namespace);
  all.secrets.push_back({layout.objects_secret,
                         without_repeats(places),
                         {{"access-key", "$S3_ACCESS_KEY"}, {"secret-key", "$S3_SECRET_KEY"}}});
}

void add_users(const Scene& scene, Secrets& all) {
  const Layout& layout = scene.layout;
  if (!has_users(scene)) return;
  all.needed.push_back({"MLFLOW_ADMIN_PASSWORD",
                        "password of the tracking server's user admin, 12 characters or more"});
  Secret secret{
      auth_secret, {layout.mlflow_namespace}, {{"admin-password", "$MLFLOW_ADMIN_PASSWORD"}}};
  if (layout.server == "mlflow") {
    all.needed.push_back({"MLFLOW_FLASK_KEY", "any long random text: it signs sessions"});
    secret.keys.emplace_back("flask-key", "$MLFLOW_FLASK_KEY");
    secret.keys.emplace_back(
        "basic-auth.ini",
        auth_settings() + (layout.database == "sqlite"
                               ? "sqlite:////mlflow/basic_auth.db"
                               : database_uri(layout, auth_database(layout), "encoded_for_ini")));
  }
  all.secrets.push_back(secret);
}

}  // namespace

Secrets login_for(const std::string& name_space) {
  Secrets all;
  all.needed = {{"MLFLOW_USERNAME", "user of the tracking server that programs log in as"},
                {"MLFLOW_PASSWORD", "its password"}};
  all.secrets = {{login_secret,
                  {name_space},
                  {{"username", "$MLFLOW_USERNAME"}, {"password", "$MLFLOW_PASSWORD"}}}};
  return all;
}

void add_login(const Scene& scene, Tree& variables) {
  if (!has_users(scene)) return;
  append(variables, env_of_secret("MLFLOW_TRACKING_USERNAME", login_secret, "username"));
  append(variables, env_of_secret("MLFLOW_TRACKING_PASSWORD", login_secret, "password"));
}

Secrets secrets_of(const Scene& scene) {
  Secrets all;
  add_database(scene, all);
  add_objects(scene, all);
  add_users(scene, all);
  if (has_users(scene)) {
    const Secrets login = login_for(scene.layout.jobs_namespace);
    all.needed.insert(all.needed.end(), login.needed.begin(), login.needed.end());
    all.secrets.insert(all.secrets.end(), login.secrets.begin(), login.secrets.end());
  }
  return all;
}

std::string secrets_script(const Secrets& all) {
  std::string variables;
  std::string needs;
  for (const Needed& one : all.needed) {
    variables += "#   " + one.variable + ": " + one.about + "\n";
    needs += "need " + one.variable + " " + shell_word(one.about) + "\n";
  }
  std::string annotate;
  for (const auto& [name, value] : all.annotations) {
    annotate += " \\\n    " + shell_word(name + "=" + value);
  }
  if (!annotate.empty()) {
    annotate = "  kubectl annotate --local --filename \"$work/plain.yaml\" --output yaml" +
               annotate + " \\\n    >\"$work/secret.yaml\"\n";
  }
  std::string calls;
  for (const Secret& secret : all.secrets) {
    for (const std::string& name_space : secret.namespaces) {
      calls += "secret " + name_space + " " + secret.name;
      for (const auto& [key, word] : secret.keys) {
        calls += " \\\n  " + key + " \"" + word + "\"";
      }
      calls += "\n";
    }
  }
  return filled(own_file("scripts/make-secrets.sh"),
                {{"variables", variables},
                 {"needs", needs},
                 {"secrets", calls},
                 {"annotate", annotate.empty() ? "  mv \"$work/plain.yaml\" \"$work/secret.yaml\"\n"
                                               : annotate}});
}

std::string secrets_exports(const Secrets& all) {
  std::string lines;
  for (const Needed& one : all.needed) {
    lines += "    export " + one.variable + "=…    # " + one.about + "\n";
  }
  return lines;
}

std::vector<Tree> external_secrets(const Scene& scene, const Secrets& all) {
  std::vector<Tree> documents;
  for (const Secret& secret : all.secrets) {
    for (const std::string& name_space : secret.namespaces) {
      Tree data = list(std::vector<Tree>{});
      for (const auto& [key, word] : secret.keys) {
        append(data, map({{"secretKey", key},
                          {"remoteRef", map({{"key", scene.layout.project + "/" + secret.name},
                                             {"property", key}})}}));
      }
      Tree document = object("external-secrets.io/v1", "ExternalSecret",
                             metadata(scene.layout, {secret.name, name_space, secret.name}));
      add(document,
          {{"spec",
            map({{"refreshInterval", "1h"},
                 {"secretStoreRef", map({{"kind", "ClusterSecretStore"}, {"name", store_name}})},
                 {"target", map({{"name", secret.name}})},
                 {"data", data}})}});
      documents.push_back(std::move(document));
    }
  }
  return documents;
}

}  // namespace sandbox::cluster_export
