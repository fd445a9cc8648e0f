#include "sandbox/auth/api.h"
#include "sandbox/auth/messages.h"
#include "sandbox/base/error.h"

// This server's own endpoints; `mlops-sandbox auth` is their client.
namespace sandbox::auth {
namespace {

constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::int64_t days_max = 36'500;

struct NewToken {
  std::string user;
  std::string name;
  std::optional<std::int64_t> days;
  static constexpr auto fields() {
    return std::tuple{required("user", &NewToken::user, "Whose token it is."),
                      field("name", &NewToken::name, "What it is for."),
                      field("days", &NewToken::days, "How long it is good; for ever without.")};
  }
};

struct TokenText {
  std::string token;
  static constexpr auto fields() { return std::tuple{field("token", &TokenText::token)}; }
};

struct TokenMessage {
  std::int64_t id = 0;
  std::string user, name;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> expires_ms;
  static constexpr auto fields() {
    return std::tuple{field("id", &TokenMessage::id), field("user", &TokenMessage::user),
                      field("name", &TokenMessage::name),
                      field("created_ms", &TokenMessage::created_ms),
                      field("expires_ms", &TokenMessage::expires_ms)};
  }
};

struct Tokens {
  JsonText tokens{"[]"};
  static constexpr auto fields() { return std::tuple{field("tokens", &Tokens::tokens)}; }
};

}  // namespace

void install_tokens(Env& env, http::Router& router, Gate& gate) {
  router.add("GET", "/sandbox/tokens", [&](http::Request& /*request*/) {
    std::vector<TokenMessage> all;
    for (const Token& token : gate.accounts().tokens()) {
      all.push_back({token.id, token.user, token.name, token.created_ms, token.expires_ms});
    }
    return http::Response::json(200, to_json(Tokens{list_of(all)}));
  });
  router.add("POST", "/sandbox/tokens", [&](http::Request& request) {
    const auto in = from_json<NewToken>(http::Api::json_body(request));
    std::optional<std::int64_t> expires_ms;
    if (in.days) {
      if (*in.days < 1 || *in.days > days_max) {
        throw Error(Code::invalid_parameter_value, "A token is good for 1 to 36500 days.");
      }
      expires_ms = env.now_ms() + *in.days * ms_per_day;
    }
    return http::Response::json(
        200, to_json(TokenText{gate.accounts().create_token(in.user, in.name, expires_ms)}));
  });
  router.add("DELETE", "/sandbox/tokens/{id}", [&](http::Request& request) {
    std::int64_t id = 0;
    fields_detail::read_text("id", std::string(request.parameter("id")), id);
    gate.accounts().revoke_token(id);
    return http::Response::json(200, "{}");
  });
}

}  // namespace sandbox::auth
