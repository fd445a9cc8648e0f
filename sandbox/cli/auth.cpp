#include <cstdio>
#include <functional>

#include <unistd.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/http/client.h"

// Users and tokens of the running lab, through its own endpoints. Passwords come from the
// environment or standard input, never from the command line, which everybody on the machine sees.
namespace sandbox::cli {
namespace {

constexpr const char* users_path = "/api/2.0/mlflow/users/";
constexpr const char* tokens_path = "/sandbox/tokens";
constexpr const char* password_variable = "MLOPS_SANDBOX_USER_PASSWORD";

struct Asked {
  std::string thing;
  std::string verb;
  std::string name;  // a user's name, or a token's number
  std::string user;
  std::string label;
  std::string place;
  std::int64_t days = 0;
  bool is_admin = false;
};

struct Failure {
  std::string message;
  static constexpr auto fields() { return std::tuple{field("message", &Failure::message)}; }
};

// `{"name": value, …}` of what was given.
class Fields {
 public:
  Fields() { writer_.begin_object(); }
  template <class Value>
  Fields& with(const char* name, const Value& value) {
    writer_.name(name);
    writer_.value(value);
    return *this;
  }
  std::string json() {
    writer_.end_object();
    return text_;
  }

 private:
  std::string text_;
  JsonWriter writer_{text_};
};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(Code::invalid_parameter_value, message);
}

JsonDocument call(const LabState& lab,
                  const std::string& method,
                  const std::string& target,
                  const std::string& json) {
  const auto answer =
      http::ask(peer_of(lab, lab.tracking_url), {.method = method, .target = target, .json = json});
  if (!answer) throw Error(Code::invalid_state, lab.tracking_url + " does not answer.");
  if (answer->status == 200) return JsonDocument(answer->body);
  std::string reason = answer->body;
  if (reason.starts_with('{')) reason = from_json<Failure>(reason).message;
  throw Error(Code::invalid_state, std::string(trim(reason)));
}

std::string new_password() {
  if (const auto given = process_environment()(password_variable)) return *given;
  const bool is_person = isatty(STDIN_FILENO) != 0;
  std::string first = read_hidden_line(is_person ? "Password (at least 12 characters): " : "");
  if (is_person && read_hidden_line("The same again: ") != first) {
    refuse("The two passwords differ; nothing was changed.");
  }
  return first;
}

std::string need(const std::string& value, const char* what) {
  if (value.empty()) refuse(std::string("Say ") + what + ".");
  return value;
}

std::string text_of(const JsonView& object, const char* name) {
  std::string text;
  if (const auto member = object.member(name)) member->read(text);
  return text;
}

std::int64_t number_of(const JsonView& object, const char* name) {
  std::int64_t number = 0;
  if (const auto member = object.member(name)) member->read(number);
  return number;
}

void for_each(const JsonDocument& document,
              const char* list,
              const std::function<void(const JsonView& row)>& work) {
  const auto rows = document.root().member(list);
  for (std::size_t i = 0; rows && i < rows->size(); ++i) work(rows->at(i));
}

int users(const LabState& lab, const Asked& asked) {
  const std::string root = users_path;
  if (asked.verb == "list") {
    for_each(call(lab, "GET", root + "list", ""), "users", [](const JsonView& user) {
      bool is_admin = false;
      if (const auto member = user.member("is_admin")) member->read(is_admin);
      std::printf("%s%s\n", text_of(user, "username").c_str(), is_admin ? "  (administrator)" : "");
    });
    return 0;
  }
  const std::string name = need(asked.name, "whom: auth user add NAME");
  if (asked.verb == "add") {
    call(lab, "POST", root + "create",
         Fields().with("username", name).with("password", new_password()).json());
    if (asked.is_admin) {
      call(lab, "PATCH", root + "update-admin",
           Fields().with("username", name).with("is_admin", true).json());
    }
  } else if (asked.verb == "passwd") {
    call(lab, "PATCH", root + "update-password",
         Fields().with("username", name).with("password", new_password()).json());
  } else if (asked.verb == "rm") {
    call(lab, "DELETE", root + "delete", Fields().with("username", name).json());
  } else {
    refuse("There is `auth user add|list|passwd|rm`, not '" + asked.verb + "'.");
  }
  return 0;
}

int tokens(const LabState& lab, const Asked& asked) {
  if (asked.verb == "list") {
    for_each(call(lab, "GET", tokens_path, ""), "tokens", [](const JsonView& token) {
      const std::int64_t expires_ms = number_of(token, "expires_ms");
      std::printf("%-4lld %-20s %-30s %s\n", static_cast<long long>(number_of(token, "id")),
                  text_of(token, "user").c_str(), text_of(token, "name").c_str(),
                  expires_ms == 0 ? "for ever" : ("until " + iso8601_ms(expires_ms)).c_str());
    });
    return 0;
  }
  if (asked.verb == "create") {
    Fields fields;
    fields.with("user", need(asked.user, "whose it is: --user NAME")).with("name", asked.label);
    if (asked.days > 0) fields.with("days", asked.days);
    const JsonDocument made = call(lab, "POST", tokens_path, fields.json());
    // The only time it is shown.
    std::printf("%s\n", text_of(made.root(), "token").c_str());
    return 0;
  }
  if (asked.verb != "revoke") {
    refuse("There is `auth token create|list|revoke`, not '" + asked.verb + "'.");
  }
  const std::string id = need(asked.name, "which: auth token revoke NUMBER (see auth token list)");
  if (!parse_int64(id)) refuse("A token is revoked by its number, see `auth token list`.");
  call(lab, "DELETE", std::string(tokens_path) + "/" + id, "{}");
  return 0;
}

}  // namespace

int auth(const Words& words) {
  Arguments arguments("auth", "Users and tokens of a running lab that was started with --auth.");
  Asked asked;
  arguments.one_of("thing", asked.thing, {"user", "token"}, "user or token");
  arguments.text("verb", asked.verb, "user: add, list, passwd, rm; token: create, list, revoke");
  arguments.text("name", asked.name, "The user's name, or the token's number");
  arguments.text("--user", asked.user, "Whose token it is");
  arguments.text("--name", asked.label, "What the token is for");
  arguments.number("--days", asked.days, "How long the token is good; for ever without");
  arguments.flag("--admin", asked.is_admin, "The new user is an administrator");
  arguments.text("--data-dir,--data", asked.place, "The lab's data directory");
  arguments.footer(
      "A password is asked for, read from standard input, or taken from "
      "MLOPS_SANDBOX_USER_PASSWORD.\n"
      "Examples:\n"
      "  mlops-sandbox auth user add ann\n"
      "  export MLFLOW_TRACKING_TOKEN=$(mlops-sandbox auth token create --user ann --days 30)\n"
      "  mlops-sandbox auth token revoke 1");
  if (!arguments.parse(words)) return 0;
  const LabState lab = need_running_lab(find_data_dir(asked.place, process_environment()));
  if (lab.auth != "basic") {
    throw Error(Code::invalid_state,
                "This lab lets everybody in. Start it with `" + program() + " up --auth basic`.");
  }
  if (asked.thing == "user") return users(lab, asked);
  if (asked.thing == "token") return tokens(lab, asked);
  refuse("Say what: `" + program() + " auth user list` or `auth token list`.");
}

}  // namespace sandbox::cli
