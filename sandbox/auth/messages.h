// What users, roles and grants look like on the wire. The reference writes empty lists and nulls
// here, which MLflow's other answers leave out; JsonText keeps them.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "sandbox/auth/accounts.h"
#include "sandbox/base/fields_json.h"

namespace sandbox::auth {

struct UserMessage {
  std::int64_t id = 0;
  std::string username;
  bool is_admin = false;
  static UserMessage of(const User& user) { return {user.id, user.name, user.is_admin}; }
  static constexpr auto fields() {
    return std::tuple{field("id", &UserMessage::id), field("username", &UserMessage::username),
                      field("is_admin", &UserMessage::is_admin)};
  }
};

struct GrantMessage {
  std::int64_t id = 0;
  std::int64_t role_id = 0;
  std::string resource_type, resource_pattern, permission;
  static GrantMessage of(const Grant& grant) {
    return {grant.id, grant.role_id, grant.resource_type, grant.resource_pattern, grant.permission};
  }
  static constexpr auto fields() {
    return std::tuple{field("id", &GrantMessage::id), field("role_id", &GrantMessage::role_id),
                      field("resource_type", &GrantMessage::resource_type),
                      field("resource_pattern", &GrantMessage::resource_pattern),
                      field("permission", &GrantMessage::permission)};
  }
};

// A list that is written also when it is empty.
template <class Rows>
JsonText list_of(const Rows& rows) {
  JsonText text;
  JsonWriter writer(text.json);
  writer.begin_array();
  for (const auto& row : rows) write_message(writer, row);
  writer.end_array();
  return text;
}

inline JsonText text_or_null(const std::optional<std::string>& text) {
  JsonText out;
  JsonWriter writer(out.json);
  if (text) {
    writer.value(*text);
  } else {
    writer.null();
  }
  return out;
}

struct RoleMessage {
  std::int64_t id = 0;
  std::string name, workspace;
  JsonText description{"null"};
  JsonText permissions{"[]"};
  static RoleMessage of(const Role& role) {
    std::vector<GrantMessage> grants;
    for (const Grant& grant : role.permissions) grants.push_back(GrantMessage::of(grant));
    return {role.id, role.name, role.workspace, text_or_null(role.description), list_of(grants)};
  }
  static constexpr auto fields() {
    return std::tuple{field("id", &RoleMessage::id), field("name", &RoleMessage::name),
                      field("workspace", &RoleMessage::workspace),
                      field("description", &RoleMessage::description),
                      field("permissions", &RoleMessage::permissions)};
  }
};

inline JsonText roles_json(const std::vector<Role>& roles) {
  std::vector<RoleMessage> messages;
  for (const Role& role : roles) messages.push_back(RoleMessage::of(role));
  return list_of(messages);
}

}  // namespace sandbox::auth
