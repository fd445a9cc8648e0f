#include <tuple>

#include "sandbox/jobs/api.h"
#include "sandbox/jobs/door.h"
#include "sandbox/jobs/secrets.h"

namespace sandbox::jobs {
namespace {

struct NewVariable {
  std::string name;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{required("name", &NewVariable::name, "Of the variable that jobs get."),
                      required("value", &NewVariable::value)};
  }
};

struct VariableName {
  std::string name;
  static constexpr auto fields() { return std::tuple{in_path("name", &VariableName::name)}; }
};

struct Names {
  std::vector<std::string> names;
  static constexpr auto fields() { return std::tuple{field("names", &Names::names)}; }
};

struct Values {
  std::vector<tracking::KeyValue> values;
  static constexpr auto fields() { return std::tuple{field("values", &Values::values)}; }
};

// What is the same for both kinds: to keep one, and to remove it.
void install_changes(http::Api& api,
                     KeptVariables& kept,
                     const Door& door,
                     const std::string& path,
                     const std::string& about,
                     const std::string& about_removal) {
  api.post<NewVariable, Empty>(
      path, about, [&kept, door](const NewVariable& wanted, const http::Request& request) {
        door.check(request);
        kept.set(wanted.name, wanted.value);
        return Empty{};
      });
  api.remove<VariableName, Empty>(
      path + "/{name}", about_removal,
      [&kept, door](const VariableName& wanted, const http::Request& request) {
        door.check(request);
        kept.remove(wanted.name);
        return Empty{};
      });
}

}  // namespace

void install_kept_variables(http::Api& api,
                            KeptVariables& secrets,
                            KeptVariables& config,
                            const Passes& passes,
                            const std::string& local_token) {
  const Door door(passes, local_token);
  api.get<Empty, Names>("sandbox/secrets", "List the names of kept secrets; nothing shows a value.",
                        [&secrets](const Empty&) { return Names{secrets.names()}; });
  install_changes(api, secrets, door, "sandbox/secrets", "Keep a secret for jobs that ask for it.",
                  "Remove a kept secret.");
  api.get<Empty, Values>("sandbox/config", "List the kept configuration.",
                         [&config](const Empty&) { return Values{config.all()}; });
  install_changes(api, config, door, "sandbox/config",
                  "Keep a variable for jobs that ask for it; anybody may read it.",
                  "Remove a variable of the kept configuration.");
}

}  // namespace sandbox::jobs
