#include "sandbox/http/api.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/api.h"

namespace sandbox::registry {
namespace {

struct SetRegisteredModelAlias {
  std::string name;
  std::string alias;
  std::string version;
  static constexpr auto fields() {
    return std::tuple{required("name", &SetRegisteredModelAlias::name),
                      required("alias", &SetRegisteredModelAlias::alias,
                               "Letters, digits, _ and -; not latest and not like v1."),
                      required("version", &SetRegisteredModelAlias::version)};
  }
};

struct ModelAlias {
  std::string name;
  std::string alias;
  static constexpr auto fields() {
    return std::tuple{required("name", &ModelAlias::name), required("alias", &ModelAlias::alias)};
  }
};

struct AliasedVersionAnswer {
  ModelVersion model_version;
  static constexpr auto fields() {
    return std::tuple{field("model_version", &AliasedVersionAnswer::model_version)};
  }
};

}  // namespace

void install_aliases(http::Api& api, Aliases& aliases) {
  const std::string path = "2.0/mlflow/registered-models/alias";
  api.post<SetRegisteredModelAlias, Empty>(path, "Point an alias at a version.",
                                           [&](const SetRegisteredModelAlias& in) {
                                             aliases.set(in.name, in.alias, in.version);
                                             return Empty{};
                                           });
  api.remove<ModelAlias, Empty>(path, "Delete an alias.", [&](const ModelAlias& in) {
    aliases.remove(in.name, in.alias);
    return Empty{};
  });
  api.get<ModelAlias, AliasedVersionAnswer>(
      path, "The version an alias points at.",
      [&](const ModelAlias& in) { return AliasedVersionAnswer{aliases.get(in.name, in.alias)}; });
}

}  // namespace sandbox::registry
