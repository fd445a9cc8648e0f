// Which Secrets an installation wants. No value is known here: a script asks for them on the
// target, or another system keeps them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/cluster_export/export.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {

// A value that a person has, as a variable of the script.
struct Needed {
  std::string variable;
  std::string about;
};

struct Secret {
  std::string name;
  std::vector<std::string> namespaces;  // it is needed in each of them
  // Key, and the shell word that gives its value: "$S3_ACCESS_KEY".
  std::vector<std::pair<std::string, std::string>> keys;
};

struct Secrets {
  std::vector<Needed> needed;
  std::vector<Secret> secrets;
  std::vector<std::pair<std::string, std::string>> annotations{};  // of each of them
};

// Of a user that programs log in as, where the lab has users: the keys username and password.
inline constexpr const char* login_secret = "mlflow-login";
Secrets login_for(const std::string& name_space);
// The variables by which MLflow's client logs in; none where nobody has to.
void add_login(const Scene& scene, Tree& variables);

// Those of tracking server, database, object store and jobs.
Secrets secrets_of(const Scene& scene);

// make-secrets.sh: asks for what is needed and gives the cluster the Secrets, or sealed ones.
std::string secrets_script(const Secrets& secrets);

// Lines of a README that set what is needed: "    export NAME=…    # ABOUT".
std::string secrets_exports(const Secrets& secrets);

// The same as ExternalSecrets of the External Secrets Operator, from a store of this name; the
// store's entries are called PROJECT/SECRET, with the keys as properties.
std::vector<Tree> external_secrets(const Scene& scene, const Secrets& secrets);

}  // namespace sandbox::cluster_export
