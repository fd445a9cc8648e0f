// A request as the rules see it: who asks, and for what. Parameters are read exactly as the
// endpoint itself will read them, so that a rule never judges another thing than the one that is
// done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/auth/accounts.h"
#include "sandbox/auth/callers.h"
#include "sandbox/auth/resources.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/http/request.h"

namespace sandbox::auth {

// What the rules may look at and change.
struct World {
  Accounts& accounts;
  Callers& callers;
  Resources resources;
  // An artifact path as the proxy will use it; throws for one it refuses.
  std::function<std::string(std::string_view path)> plain_artifact_path;
};

class Question {
 public:
  Question(World& world, http::Request& request, const Caller& caller);
  // Gives the request its own body back.
  ~Question();
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  [[nodiscard]] World& world() const { return world_; }
  [[nodiscard]] http::Request& request() const { return request_; }
  [[nodiscard]] const Caller& caller() const { return caller_; }
  [[nodiscard]] const Grants& grants() const { return caller_.grants; }

  // What the path names first, whatever the endpoint calls it; without a variable in the path, the
  // parameter.
  [[nodiscard]] std::string subject(std::string_view name, std::string_view alias = "");
  // A parameter from the query (GET) or the JSON body. Throws Error(invalid_parameter_value) where
  // it is absent, like the endpoint would.
  [[nodiscard]] std::string text(std::string_view name, std::string_view alias = "");
  [[nodiscard]] std::optional<std::string> maybe_text(std::string_view name,
                                                      std::string_view alias = "");
  [[nodiscard]] std::optional<std::int64_t> maybe_number(std::string_view name);
  [[nodiscard]] std::vector<std::string> texts(std::string_view name);
  // The members `member` of the objects in a list.
  [[nodiscard]] std::vector<std::string> texts_in(std::string_view list, std::string_view member);

  // The JSON body as the endpoint will see it; {} for a GET. Reading it keeps it for the endpoint.
  [[nodiscard]] JsonView body();
  // The same request with some members (JSON) or parameters of it replaced; null takes one out.
  void replace(const std::vector<std::pair<std::string, std::string>>& members);

 private:
  class Kept;
  [[nodiscard]] bool is_get() const;

  World& world_;
  http::Request& request_;
  const Caller& caller_;
  http::BodyReader* const original_;
  std::unique_ptr<Kept> kept_;
  std::optional<JsonDocument> document_;
};

}  // namespace sandbox::auth
