#include <algorithm>

#include "sandbox/auth/checks.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

// Users, roles and grants themselves. This server has one workspace, so its administrators are
// those of "default".
namespace sandbox::auth {
namespace {

bool is_admin_of(Question& question, std::string_view workspace) {
  return workspace == default_workspace && question.grants().is_workspace_admin();
}

// Of the role, or of the role that a grant hangs on; nullopt where there is none.
std::optional<std::string> workspace_asked_for(Question& question) {
  Accounts& accounts = question.world().accounts;
  try {
    if (const auto role_id = question.maybe_number("role_id")) {
      return accounts.role(*role_id).workspace;
    }
    if (const auto grant_id = question.maybe_number("role_permission_id")) {
      return accounts.role(accounts.grant(*grant_id).role_id).workspace;
    }
  } catch (const Error& failure) {
    if (failure.code() != Code::resource_does_not_exist) throw;
    return std::nullopt;
  }
  const auto workspace = question.maybe_text("workspace");
  if (!workspace) {
    throw Error(Code::invalid_parameter_value,
                "Request must include one of: role_id, role_permission_id, workspace.");
  }
  if (trim(*workspace).empty()) {
    throw Error(Code::invalid_parameter_value, "Parameter 'workspace' must be a non-empty string.");
  }
  return workspace;
}

std::vector<std::string> workspaces_of(Question& question, const std::string& user) {
  std::vector<std::string> all;
  Accounts& accounts = question.world().accounts;
  const auto found = accounts.find_user(user);
  if (!found) return all;
  for (const Role& role : accounts.roles_of(found->id)) all.push_back(role.workspace);
  return all;
}

bool is_in(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

namespace check {

bool own_user(Question& question, Action /*action*/) {
  return question.text("username") == question.caller().user.name;
}

bool new_user(Question& question, Action /*action*/) {
  return question.grants().is_workspace_admin();
}

bool managed_role(Question& question, Action /*action*/) {
  const auto workspace = workspace_asked_for(question);
  return workspace && is_admin_of(question, *workspace);
}

bool visible_role(Question& question, Action /*action*/) {
  const auto workspace = workspace_asked_for(question);
  return workspace && is_in(workspaces_of(question, question.caller().user.name), *workspace);
}

bool visible_roles(Question& question, Action /*action*/) {
  const std::vector<std::string> asked = question.texts("workspace");
  const std::vector<std::string> own = workspaces_of(question, question.caller().user.name);
  return !asked.empty() && std::all_of(asked.begin(), asked.end(), [&](const std::string& one) {
    return is_in(own, trim(one));
  });
}

bool visible_user(Question& question, Action /*action*/) {
  const std::string user = question.text("username");
  if (user == question.caller().user.name) return true;
  return question.grants().is_workspace_admin() &&
         is_in(workspaces_of(question, user), default_workspace);
}

bool managed_resource(Question& question, Action /*action*/) {
  const std::string type = question.text("resource_type");
  const std::string id = question.text("resource_id");
  check_resource_of_user(type, id);
  // A grant on all of a type is no single resource's business.
  if (id == "*") return question.grants().is_workspace_admin();
  return allows(question.grants().effective({type, id}), Action::manage);
}

bool visible_permission(Question& question, Action /*action*/) {
  check_is_no_workspace(question.text("resource_type"));
  const std::string user = question.text("username");
  if (user == question.caller().user.name) return true;
  return question.grants().is_workspace_admin() &&
         question.world().accounts.find_user(user).has_value();
}

}  // namespace check
}  // namespace sandbox::auth
