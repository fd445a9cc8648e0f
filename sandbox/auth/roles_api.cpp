#include "sandbox/auth/api.h"
#include "sandbox/auth/messages.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

struct RoleId {
  std::int64_t role_id = 0;
  static constexpr auto fields() {
    return std::tuple{required("role_id", &RoleId::role_id, "The role.")};
  }
};

struct NewRole {
  std::string name, workspace;
  std::optional<std::string> description;
  static constexpr auto fields() {
    return std::tuple{
        required("name", &NewRole::name, "Unique in its workspace."),
        required("workspace", &NewRole::workspace, "Roles of 'default' count on this server."),
        field("description", &NewRole::description)};
  }
};

struct RoleChange {
  std::int64_t role_id = 0;
  std::optional<std::string> name, description;
  static constexpr auto fields() {
    return std::tuple{required("role_id", &RoleChange::role_id, "The role."),
                      field("name", &RoleChange::name),
                      field("description", &RoleChange::description)};
  }
};

struct Workspaces {
  std::vector<std::string> workspace;
  static constexpr auto fields() {
    return std::tuple{field("workspace", &Workspaces::workspace, "May be given several times.")};
  }
};

struct NewGrant {
  std::int64_t role_id = 0;
  std::string resource_type, resource_pattern, permission;
  static constexpr auto fields() {
    return std::tuple{
        required("role_id", &NewGrant::role_id, "The role."),
        required("resource_type", &NewGrant::resource_type),
        required("resource_pattern", &NewGrant::resource_pattern, "An id or name, or *."),
        required("permission", &NewGrant::permission, "READ, USE, EDIT, MANAGE or DENY.")};
  }
};

struct GrantId {
  std::int64_t role_permission_id = 0;
  static constexpr auto fields() {
    return std::tuple{required("role_permission_id", &GrantId::role_permission_id)};
  }
};

struct GrantChange {
  std::int64_t role_permission_id = 0;
  std::string permission;
  static constexpr auto fields() {
    return std::tuple{required("role_permission_id", &GrantChange::role_permission_id),
                      required("permission", &GrantChange::permission)};
  }
};

struct UserOfRole {
  std::string username;
  std::int64_t role_id = 0;
  static constexpr auto fields() {
    return std::tuple{required("username", &UserOfRole::username, "The user."),
                      required("role_id", &UserOfRole::role_id, "The role.")};
  }
};

struct AssignmentMessage {
  std::int64_t id = 0, user_id = 0, role_id = 0;
  static AssignmentMessage of(const Assignment& one) { return {one.id, one.user_id, one.role_id}; }
  static constexpr auto fields() {
    return std::tuple{field("id", &AssignmentMessage::id),
                      field("user_id", &AssignmentMessage::user_id),
                      field("role_id", &AssignmentMessage::role_id)};
  }
};

struct OneRole {
  RoleMessage role;
  static constexpr auto fields() { return std::tuple{field("role", &OneRole::role)}; }
};

struct SeveralRoles {
  JsonText roles{"[]"};
  static constexpr auto fields() { return std::tuple{field("roles", &SeveralRoles::roles)}; }
};

struct OneGrant {
  GrantMessage role_permission;
  static constexpr auto fields() {
    return std::tuple{field("role_permission", &OneGrant::role_permission)};
  }
};

struct SeveralGrants {
  JsonText role_permissions{"[]"};
  static constexpr auto fields() {
    return std::tuple{field("role_permissions", &SeveralGrants::role_permissions)};
  }
};

struct OneAssignment {
  AssignmentMessage assignment;
  static constexpr auto fields() {
    return std::tuple{field("assignment", &OneAssignment::assignment)};
  }
};

struct SeveralAssignments {
  JsonText assignments{"[]"};
  static constexpr auto fields() {
    return std::tuple{field("assignments", &SeveralAssignments::assignments)};
  }
};

void refuse_blank(std::string_view text, const char* message) {
  if (trim(text).empty()) throw Error(Code::invalid_parameter_value, message);
}

void install_role_rows(http::Api& api, Accounts& accounts) {
  const std::string root = "3.0/mlflow/roles/";
  api.post<NewRole, OneRole>(root + "create", "Make a role.", [&](const NewRole& in) {
    refuse_blank(in.name, "Role name cannot be empty.");
    refuse_blank(in.workspace, "Workspace cannot be empty.");
    return OneRole{RoleMessage::of(accounts.create_role(in.name, in.workspace, in.description))};
  });
  api.get<RoleId, OneRole>(root + "get", "Look up a role.", [&](const RoleId& in) {
    return OneRole{RoleMessage::of(accounts.role(in.role_id))};
  });
  api.get<Workspaces, SeveralRoles>(root + "list", "List roles.", [&](const Workspaces& in) {
    for (const std::string& one : in.workspace) {
      refuse_blank(one, "Parameter 'workspace' must be a non-empty string when provided.");
    }
    return SeveralRoles{roles_json(accounts.roles(in.workspace))};
  });
  api.patch<RoleChange, OneRole>(
      root + "update", "Rename or describe a role.", [&](const RoleChange& in) {
        if (!in.name && !in.description) {
          throw Error(Code::invalid_parameter_value,
                      "At least one of 'name' or 'description' must be provided to update a role.");
        }
        if (in.name) refuse_blank(*in.name, "Role name cannot be empty.");
        return OneRole{RoleMessage::of(accounts.update_role(in.role_id, in.name, in.description))};
      });
  api.remove<RoleId, Empty>(root + "delete", "Delete a role with its grants.",
                            [&](const RoleId& in) {
                              accounts.delete_role(in.role_id);
                              return Empty{};
                            });
  api.post<UserOfRole, OneAssignment>(
      root + "assign", "Give a user a role.", [&](const UserOfRole& in) {
        return OneAssignment{AssignmentMessage::of(accounts.assign(in.username, in.role_id))};
      });
  api.remove<UserOfRole, Empty>(root + "unassign", "Take a role from a user.",
                                [&](const UserOfRole& in) {
                                  accounts.unassign(in.username, in.role_id);
                                  return Empty{};
                                });
  api.get<RoleId, SeveralAssignments>(
      root + "users/list", "Who has a role.", [&](const RoleId& in) {
        std::vector<AssignmentMessage> all;
        for (const Assignment& one : accounts.assignments(in.role_id)) {
          all.push_back(AssignmentMessage::of(one));
        }
        return SeveralAssignments{list_of(all)};
      });
}

}  // namespace

void install_roles(http::Api& api, Gate& gate) {
  Accounts& accounts = gate.accounts();
  install_role_rows(api, accounts);
  const std::string root = "3.0/mlflow/roles/permissions/";
  api.post<NewGrant, OneGrant>(root + "add", "Give a role a permission.", [&](const NewGrant& in) {
    return OneGrant{GrantMessage::of(
        accounts.add_grant(in.role_id, in.resource_type, in.resource_pattern, in.permission))};
  });
  api.remove<GrantId, Empty>(root + "remove", "Take a permission from a role.",
                             [&](const GrantId& in) {
                               accounts.remove_grant(in.role_permission_id);
                               return Empty{};
                             });
  api.get<RoleId, SeveralGrants>(root + "list", "A role's permissions.", [&](const RoleId& in) {
    std::vector<GrantMessage> all;
    for (const Grant& grant : accounts.role(in.role_id).permissions) {
      all.push_back(GrantMessage::of(grant));
    }
    return SeveralGrants{list_of(all)};
  });
  api.patch<GrantChange, OneGrant>(
      root + "update", "Change a permission of a role.", [&](const GrantChange& in) {
        return OneGrant{
            GrantMessage::of(accounts.update_grant(in.role_permission_id, in.permission))};
      });
}

}  // namespace sandbox::auth
