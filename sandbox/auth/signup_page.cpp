#include <array>

#include "sandbox/auth/api.h"
#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/html.h"
#include "sandbox/base/text.h"

// The page where an administrator makes a user. A form can be sent by any page of the web with the
// browser's credentials, so it carries a token that only this server can make.
namespace sandbox::auth {
namespace {

constexpr std::size_t form_bytes_max = 16 * 1024;

constexpr std::string_view page_start =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>New user</title>\n"
    "<style>body{font:15px/1.5 sans-serif;margin:3em auto;max-width:24em}"
    "input{box-sizing:border-box;width:100%;padding:.5em;margin:.2em 0 1em}</style>\n";

std::string form(const std::string& token) {
  return std::string(page_start) +
         "<h1>New user</h1>\n<form action=\"/api/2.0/mlflow/users/create-ui\" method=\"post\">\n"
         "<input type=\"hidden\" name=\"csrf_token\" value=\"" +
         token +
         "\">\n<label>Username <input name=\"username\" minlength=\"4\" required></label>\n"
         "<label>Password <input type=\"password\" name=\"password\" minlength=\"12\" required>"
         "</label>\n<input type=\"submit\" value=\"Sign up\">\n</form>\n</html>\n";
}

http::Response note(int status, const std::string& text, const std::string& back) {
  return http::Response::text(status,
                              std::string(page_start) + "<p>" + html_escaped(text) +
                                  "</p>\n<p><a href=\"" + back + "\">Go on</a></p>\n</html>\n",
                              "text/html; charset=utf-8");
}

http::Response create_from_form(Accounts& accounts,
                                const std::string& key,
                                http::Request& request) {
  const std::string_view type = request.headers.get("content-type");
  if (trim(type.substr(0, type.find(';'))) != "application/x-www-form-urlencoded") {
    return http::Response::text(400,
                                "Invalid content type. Must be application/x-www-form-urlencoded");
  }
  const http::Query fields = http::Query::parse(http::read_all(*request.body, form_bytes_max));
  if (!equal_in_constant_time(fields.get("csrf_token"),
                              hex(digest(DigestKind::sha256, key + request.user)))) {
    return http::Response::text(400, "The CSRF token is missing or wrong. Load /signup again.\n");
  }
  const std::string name(fields.get("username"));
  const std::string password(fields.get("password"));
  if (name.empty() || password.empty()) {
    return http::Response::text(400, "Username and password cannot be empty.");
  }
  if (accounts.find_user(name)) {
    return note(200, "Username has already been taken: " + name, "/signup");
  }
  accounts.create_user(name, password);
  return note(200, "Successfully signed up user: " + name, "/");
}

}  // namespace

void install_signup(Env& env, http::Api& api, http::Router& router, Gate& gate) {
  std::array<std::uint8_t, 32> bytes{};
  env.random_bytes(bytes);
  const std::string key = hex(bytes);
  router.add("GET", "/signup", [key](http::Request& request) {
    return http::Response::text(200, form(hex(digest(DigestKind::sha256, key + request.user))),
                                "text/html; charset=utf-8");
  });
  api.add_raw("POST", "2.0/mlflow/users/create-ui", "The form of /signup.",
              [key, &accounts = gate.accounts()](http::Request& request) {
                return create_from_form(accounts, key, request);
              });
}

}  // namespace sandbox::auth
