// What a grant is and how grants answer a question: the pure half of authorization. A user holds
// roles, a role holds grants, a grant gives one permission on one resource or on all of a type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::auth {

// In the order of their strength.
enum class Permission { deny, no_permissions, read, use, edit, manage };

// What an operation needs. `not_denied` asks for nothing but the absence of a DENY.
enum class Action { not_denied, read, use, update, remove, manage };

std::string_view permission_name(Permission permission);
std::optional<Permission> find_permission(std::string_view name);
bool allows(Permission permission, Action action);

// A grant of one role. Grants of roles outside the workspace "default" count for nothing here:
// every resource of this server is in that one.
struct Grant {
  std::int64_t id = 0;
  std::int64_t role_id = 0;
  std::string resource_type;
  std::string resource_pattern;  // an id or "*"
  std::string permission;
};

inline constexpr std::string_view default_workspace = "default";

// Refuse what cannot be granted, in the reference's words. Throw Error(invalid_parameter_value).
void check_resource_type(std::string_view resource_type);
void check_grant(std::string_view permission, std::string_view resource_type);
void check_pattern(std::string_view pattern, std::string_view resource_type);
// For the endpoints on one user's permissions: the workspace has others.
void check_is_no_workspace(std::string_view resource_type);
// Also refuses the id of a type that is granted as a whole only, and a scorer without experiment.
void check_resource_of_user(std::string_view resource_type, std::string_view id);

struct Key {
  std::string_view type;
  std::string id;  // "*" for the type as such
};

// One thing an operation requires. The first of `key`, then `otherwise`, that holds any grant
// decides (a DENY there is not rescued by what comes later); with none the default permission does.
struct Need {
  Key key;
  Action action = Action::read;
  std::optional<Key> otherwise = std::nullopt;
  // What the second key has to allow, where that differs.
  std::optional<Action> otherwise_action = std::nullopt;
};

// The grants of one user, asked many times.
class Grants {
 public:
  Grants() = default;
  Grants(std::vector<Grant> grants, Permission default_permission);

  // What the grants on this key say: DENY among them wins, else the strongest; nullopt is silence.
  [[nodiscard]] std::optional<Permission> granted(const Key& key) const;
  // The permission that counts on this key; a positive grant is never below the default.
  [[nodiscard]] Permission effective(const Key& key) const;
  [[nodiscard]] bool meets(const Need& need) const;
  [[nodiscard]] bool meets_all(const std::vector<Need>& needs) const;
  // Holds MANAGE on the workspace: nothing restricts such a user.
  [[nodiscard]] bool is_workspace_admin() const { return is_workspace_admin_; }
  // The default lets everything be read and nothing is denied, so no listing needs a filter.
  [[nodiscard]] bool reads_everything() const { return reads_everything_; }

 private:
  [[nodiscard]] Permission floored(Permission permission) const;

  std::vector<Grant> grants_;
  Permission default_ = Permission::no_permissions;
  bool is_workspace_admin_ = false;
  bool reads_everything_ = false;
};

}  // namespace sandbox::auth
