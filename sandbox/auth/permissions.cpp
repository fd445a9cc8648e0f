#include "sandbox/auth/permissions.h"

#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

struct PermissionRow {
  Permission permission;
  std::string_view name;
};

// In the order the reference lists them to people.
constexpr std::array permission_rows{
    PermissionRow{Permission::read, "READ"},
    PermissionRow{Permission::use, "USE"},
    PermissionRow{Permission::edit, "EDIT"},
    PermissionRow{Permission::manage, "MANAGE"},
    PermissionRow{Permission::no_permissions, "NO_PERMISSIONS"},
    PermissionRow{Permission::deny, "DENY"},
};

struct TypeRow {
  std::string_view name;
  bool takes_ids;  // else only "*" can be granted
};

// By name: the refusal lists them so.
constexpr std::array type_rows{
    TypeRow{"assessment", false},      TypeRow{"experiment", true},
    TypeRow{"gateway_endpoint", true}, TypeRow{"gateway_model_definition", true},
    TypeRow{"gateway_secret", true},   TypeRow{"logged_model", false},
    TypeRow{"mcp_server", true},       TypeRow{"mcp_server_version", false},
    TypeRow{"prompt", true},           TypeRow{"prompt_version", false},
    TypeRow{"registered_model", true}, TypeRow{"registered_model_version", false},
    TypeRow{"review_queue", false},    TypeRow{"run", false},
    TypeRow{"scorer", true},           TypeRow{"scorer_version", false},
    TypeRow{"trace", false},           TypeRow{"workspace", false},
};

const TypeRow* find_type(std::string_view name) {
  const auto* const found = std::find_if(type_rows.begin(), type_rows.end(),
                                         [&](const TypeRow& row) { return row.name == name; });
  return found == type_rows.end() ? nullptr : found;
}

std::string quoted_list(const auto& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back("'" + std::string(row.name) + "'");
  return "(" + join(names, ", ") + ")";
}

[[noreturn]] void refuse(const std::string& message) {
  throw Error(Code::invalid_parameter_value, message);
}

bool is_on_workspace(const Grant& grant) {
  return grant.resource_type == "workspace" && grant.resource_pattern == "*";
}

}  // namespace

std::string_view permission_name(Permission permission) {
  const auto* const found =
      std::find_if(permission_rows.begin(), permission_rows.end(),
                   [&](const PermissionRow& row) { return row.permission == permission; });
  return found->name;
}

std::optional<Permission> find_permission(std::string_view name) {
  for (const PermissionRow& row : permission_rows) {
    if (row.name == name) return row.permission;
  }
  return std::nullopt;
}

bool allows(Permission permission, Action action) {
  switch (action) {
    case Action::not_denied: return permission != Permission::deny;
    case Action::read: return permission >= Permission::read;
    case Action::use: return permission >= Permission::use;
    case Action::update: return permission >= Permission::edit;
    case Action::remove:
    case Action::manage: return permission >= Permission::manage;
  }
  return false;
}

void check_resource_type(std::string_view resource_type) {
  if (find_type(resource_type) != nullptr) return;
  refuse("Invalid resource type '" + std::string(resource_type) +
         "'. Valid resource types are: " + quoted_list(type_rows));
}

void check_grant(std::string_view permission, std::string_view resource_type) {
  const auto found = find_permission(permission);
  if (!found) {
    refuse("Invalid permission '" + std::string(permission) +
           "'. Valid permissions are: " + quoted_list(permission_rows));
  }
  check_resource_type(resource_type);
  const std::string start = "Invalid permission '" + std::string(permission) +
                            "' for resource_type='" + std::string(resource_type) + "'. ";
  if (resource_type == "workspace") {
    if (*found != Permission::use && *found != Permission::manage) {
      refuse(start + "Workspace-wide grants accept only: ('MANAGE', 'USE').");
    }
  } else if (*found == Permission::no_permissions) {
    refuse(start + "Resource-level grants accept only: ('DENY', 'EDIT', 'MANAGE', 'READ', 'USE').");
  }
}

void check_pattern(std::string_view pattern, std::string_view resource_type) {
  check_resource_type(resource_type);
  if (pattern == "*" || find_type(resource_type)->takes_ids) return;
  refuse("Invalid resource_pattern '" + std::string(pattern) + "' for resource_type='" +
         std::string(resource_type) + "'. This resource type supports only wildcard ('*') grants.");
}

void check_is_no_workspace(std::string_view resource_type) {
  if (resource_type != "workspace") return;
  refuse(
      "resource_type 'workspace' is not supported by the per-user permission convenience APIs. Use "
      "set_workspace_permission / delete_workspace_permission for workspace-wide grants.");
}

void check_resource_of_user(std::string_view resource_type, std::string_view id) {
  check_is_no_workspace(resource_type);
  check_resource_type(resource_type);
  if (id == "*") return;
  if (resource_type == "scorer" && id.find('/') == std::string_view::npos) {
    refuse("Invalid scorer resource_id. Expected '<experiment_id>/<scorer_name>'.");
  }
  if (!find_type(resource_type)->takes_ids) {
    refuse("resource_type '" + std::string(resource_type) +
           "' is not supported by the per-user permission convenience APIs.");
  }
}

Grants::Grants(std::vector<Grant> grants, Permission default_permission)
    : grants_(std::move(grants)), default_(default_permission) {
  reads_everything_ = allows(default_, Action::read);
  for (const Grant& grant : grants_) {
    if (is_on_workspace(grant) && grant.permission == "MANAGE") is_workspace_admin_ = true;
    if (grant.permission == "DENY") reads_everything_ = false;
  }
  if (is_workspace_admin_) reads_everything_ = true;
}

std::optional<Permission> Grants::granted(const Key& key) const {
  if (is_workspace_admin_) return Permission::manage;
  std::optional<Permission> best;
  for (const Grant& grant : grants_) {
    if (grant.resource_type != key.type) continue;
    if (grant.resource_pattern != "*" && grant.resource_pattern != key.id) continue;
    const auto permission = find_permission(grant.permission);
    if (permission == Permission::deny) return permission;
    if (permission && (!best || *permission > *best)) best = permission;
  }
  return best;
}

Permission Grants::floored(Permission permission) const {
  if (permission == Permission::deny || permission == Permission::no_permissions) {
    return permission;
  }
  return std::max(permission, default_);
}

Permission Grants::effective(const Key& key) const {
  return floored(granted(key).value_or(default_));
}

bool Grants::meets(const Need& need) const {
  if (is_workspace_admin_) return true;
  if (const auto own = granted(need.key)) return allows(floored(*own), need.action);
  if (!need.otherwise) return allows(default_, need.action);
  const Action action = need.otherwise_action.value_or(need.action);
  return allows(effective(*need.otherwise), action);
}

bool Grants::meets_all(const std::vector<Need>& needs) const {
  return std::all_of(needs.begin(), needs.end(), [&](const Need& need) { return meets(need); });
}

}  // namespace sandbox::auth
