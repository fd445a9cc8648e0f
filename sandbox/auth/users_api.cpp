#include <algorithm>

#include "sandbox/auth/api.h"
#include "sandbox/auth/messages.h"
#include "sandbox/base/error.h"

namespace sandbox::auth {
namespace {

struct UserName {
  std::string username;
  static constexpr auto fields() {
    return std::tuple{required("username", &UserName::username, "The user.")};
  }
};

struct NewUser {
  std::string username, password;
  static constexpr auto fields() {
    return std::tuple{
        required("username", &NewUser::username, "No ':' and at most 255 characters."),
        required("password", &NewUser::password, "At least 12 characters.")};
  }
};

struct NewPassword {
  std::string username, password;
  std::optional<std::string> current_password;
  static constexpr auto fields() {
    return std::tuple{required("username", &NewPassword::username, "The user."),
                      required("password", &NewPassword::password, "At least 12 characters."),
                      field("current_password", &NewPassword::current_password,
                            "Needed by users who change their own.")};
  }
};

struct NewAdmin {
  std::string username;
  bool is_admin = false;
  static constexpr auto fields() {
    return std::tuple{required("username", &NewAdmin::username, "The user."),
                      required("is_admin", &NewAdmin::is_admin, "Whether everything is allowed.")};
  }
};

struct OneUser {
  UserMessage user;
  static constexpr auto fields() { return std::tuple{field("user", &OneUser::user)}; }
};

struct CurrentUser {
  UserMessage user;
  bool is_basic_auth = true;
  static constexpr auto fields() {
    return std::tuple{field("user", &CurrentUser::user),
                      field("is_basic_auth", &CurrentUser::is_basic_auth)};
  }
};

struct UserWithRoles {
  std::int64_t id = 0;
  std::string username;
  bool is_admin = false;
  JsonText roles{"[]"};
  static constexpr auto fields() {
    return std::tuple{field("id", &UserWithRoles::id), field("username", &UserWithRoles::username),
                      field("is_admin", &UserWithRoles::is_admin),
                      field("roles", &UserWithRoles::roles)};
  }
};

struct Users {
  JsonText users{"[]"};
  static constexpr auto fields() { return std::tuple{field("users", &Users::users)}; }
};

struct RolesAnswer {
  JsonText roles{"[]"};
  static constexpr auto fields() { return std::tuple{field("roles", &RolesAnswer::roles)}; }
};

struct PermissionRow {
  std::int64_t role_id = 0;
  std::string role_name, workspace, resource_type, resource_pattern, permission;
  static constexpr auto fields() {
    return std::tuple{field("role_id", &PermissionRow::role_id),
                      field("role_name", &PermissionRow::role_name),
                      field("workspace", &PermissionRow::workspace),
                      field("resource_type", &PermissionRow::resource_type),
                      field("resource_pattern", &PermissionRow::resource_pattern),
                      field("permission", &PermissionRow::permission)};
  }
};

struct Permissions {
  bool is_admin = false;
  JsonText permissions{"[]"};
  static constexpr auto fields() {
    return std::tuple{field("is_admin", &Permissions::is_admin),
                      field("permissions", &Permissions::permissions)};
  }
};

struct ResourceOfUser {
  std::string username, resource_type, resource_id;
  static constexpr auto fields() {
    return std::tuple{required("username", &ResourceOfUser::username, "The user."),
                      required("resource_type", &ResourceOfUser::resource_type,
                               "experiment, registered_model, prompt, scorer, run, trace, …"),
                      required("resource_id", &ResourceOfUser::resource_id,
                               "Its id or name; * is all of the type.")};
  }
};

struct GrantToUser {
  std::string username, resource_type, resource_id, permission;
  static constexpr auto fields() {
    return std::tuple{
        required("username", &GrantToUser::username, "The user."),
        required("resource_type", &GrantToUser::resource_type,
                 "experiment, registered_model, prompt, scorer, run, trace, …"),
        required("resource_id", &GrantToUser::resource_id, "Its id or name; * is all of the type."),
        required("permission", &GrantToUser::permission, "READ, USE, EDIT, MANAGE or DENY.")};
  }
};

struct EffectivePermission {
  bool allowed = false;
  std::string permission;
  static constexpr auto fields() {
    return std::tuple{field("allowed", &EffectivePermission::allowed),
                      field("permission", &EffectivePermission::permission)};
  }
};

// Administrators and the user see all of a user's roles, others those they administer.
std::vector<Role> visible_roles(Gate& gate, const User& user, const http::Request& request) {
  std::vector<Role> roles = user.id == 0 ? std::vector<Role>{} : gate.accounts().roles_of(user.id);
  const CallerPointer caller = gate.callers().named(request.user);
  if (caller && (caller->user.is_admin || caller->user.name == user.name)) return roles;
  const bool is_workspace_admin = caller && caller->grants.is_workspace_admin();
  std::erase_if(roles, [&](const Role& role) {
    return !is_workspace_admin || role.workspace != default_workspace;
  });
  return roles;
}

Permissions permissions_of(const User& user, const std::vector<Role>& roles) {
  std::vector<PermissionRow> rows;
  for (const Role& role : roles) {
    for (const Grant& grant : role.permissions) {
      rows.push_back({role.id, role.name, role.workspace, grant.resource_type,
                      grant.resource_pattern, grant.permission});
    }
  }
  return {user.is_admin, list_of(rows)};
}

[[noreturn]] void refuse(Code code, const std::string& message) {
  throw Error(code, message);
}

void change_password(Gate& gate, const NewPassword& in, const http::Request& request) {
  if (request.user == in.username) {
    if (!in.current_password || in.current_password->empty()) {
      refuse(Code::invalid_parameter_value,
             "Current password is required when changing your own password.");
    }
    if (!gate.callers().password_is(gate.accounts().user(in.username), *in.current_password)) {
      refuse(Code::invalid_parameter_value, "Current password does not match.");
    }
    if (in.password == *in.current_password) {
      refuse(Code::invalid_parameter_value, "New password must differ from the current password.");
    }
  }
  gate.accounts().set_password(in.username, in.password);
}

void install_accounts(http::Api& api, Gate& gate) {
  const std::string root = "2.0/mlflow/users/";
  api.post<NewUser, OneUser>(root + "create", "Make a user.", [&](const NewUser& in) {
    return OneUser{UserMessage::of(gate.accounts().create_user(in.username, in.password))};
  });
  api.get<UserName, OneUser>(root + "get", "Look up a user.", [&](const UserName& in) {
    return OneUser{UserMessage::of(gate.accounts().user(in.username))};
  });
  api.add<Empty, Users>("GET", root + "list", "List all users with their roles.",
                        [&](const Empty&, const http::Request& request) {
                          std::vector<UserWithRoles> users;
                          for (const User& user : gate.accounts().users()) {
                            users.push_back({user.id, user.name, user.is_admin,
                                             roles_json(visible_roles(gate, user, request))});
                          }
                          return Users{list_of(users)};
                        });
  api.add<Empty, CurrentUser>(
      "GET", root + "current", "Who is logged in.",
      [&](const Empty&, const http::Request& request) {
        const CallerPointer caller = gate.callers().named(request.user);
        return CurrentUser{UserMessage::of(caller ? caller->user : User{}), true};
      });
  api.add<NewPassword, Empty>("PATCH", root + "update-password", "Change a password.",
                              [&](const NewPassword& in, const http::Request& request) {
                                change_password(gate, in, request);
                                return Empty{};
                              });
  api.patch<NewAdmin, Empty>(root + "update-admin", "Make a user an administrator, or no longer.",
                             [&](const NewAdmin& in) {
                               gate.accounts().set_admin(in.username, in.is_admin);
                               return Empty{};
                             });
  api.add<UserName, Empty>(
      "DELETE", root + "delete", "Delete a user with grants and tokens.",
      [&](const UserName& in, const http::Request& request) {
        if (request.user == in.username) {
          refuse(Code::bad_request,
                 "Users cannot delete their own account. Ask another admin to delete this user "
                 "instead.");
        }
        gate.accounts().delete_user(in.username);
        return Empty{};
      });
}

}  // namespace

void install_users(http::Api& api, Gate& gate) {
  install_accounts(api, gate);
  const std::string root = "3.0/mlflow/users/";
  api.add<Empty, Permissions>("GET", root + "current/permissions", "What the one logged in holds.",
                              [&](const Empty&, const http::Request& request) {
                                const CallerPointer caller = gate.callers().named(request.user);
                                const User user = caller ? caller->user : User{};
                                return permissions_of(user, visible_roles(gate, user, request));
                              });
  api.add<UserName, Permissions>("GET", root + "permissions/list", "What a user holds.",
                                 [&](const UserName& in, const http::Request& request) {
                                   const User user = gate.accounts().user(in.username);
                                   return permissions_of(user, visible_roles(gate, user, request));
                                 });
  api.post<GrantToUser, Empty>(
      root + "permissions/grant", "Grant a user one permission.", [&](const GrantToUser& in) {
        gate.accounts().grant_to(in.username, in.resource_type, in.resource_id, in.permission);
        return Empty{};
      });
  api.post<ResourceOfUser, Empty>(
      root + "permissions/revoke", "Take a user's permission away.", [&](const ResourceOfUser& in) {
        gate.accounts().revoke_from(in.username, in.resource_type, in.resource_id);
        return Empty{};
      });
  api.get<ResourceOfUser, EffectivePermission>(
      root + "permissions/get", "The permission that counts for a user on a resource.",
      [&](const ResourceOfUser& in) {
        check_is_no_workspace(in.resource_type);
        (void)gate.accounts().user(in.username);
        check_resource_of_user(in.resource_type, in.resource_id);
        const CallerPointer target = gate.callers().named(in.username);
        const Permission permission =
            target ? target->grants.effective({in.resource_type, in.resource_id})
                   : Permission::no_permissions;
        return EffectivePermission{allows(permission, Action::use),
                                   std::string(permission_name(permission))};
      });
  api.add<UserName, RolesAnswer>("GET", root + "roles/list", "A user's roles.",
                                 [&](const UserName& in, const http::Request& request) {
                                   return RolesAnswer{roles_json(visible_roles(
                                       gate, gate.accounts().user(in.username), request))};
                                 });
}

}  // namespace sandbox::auth
