#include <algorithm>

#include "sandbox/auth/accounts.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

constexpr std::string_view own_role_prefix = "__user_";

constexpr std::string_view role_columns =
    "SELECT r.id, r.name, r.workspace, r.description FROM roles r ";

std::string own_role_name(std::int64_t user_id) {
  return std::string(own_role_prefix) + std::to_string(user_id) + "__";
}

void check_role_name(const std::string& name) {
  if (!name.starts_with(own_role_prefix)) return;
  throw Error(Code::invalid_parameter_value,
              "Role name '" + name +
                  "' uses the reserved '__user_' prefix, which is held for the per-user permission "
                  "representation. Choose a different name.");
}

Grant grant_of(const db::Rows& rows) {
  return {rows.integer(0), rows.integer(1), rows.text(2), rows.text(3), rows.text(4)};
}

std::vector<Grant> grants_of_role(db::Tx& tx, std::int64_t role_id) {
  std::vector<Grant> grants;
  auto rows = tx.query(
      "SELECT id, role_id, resource_type, resource_pattern, permission FROM role_permissions WHERE "
      "role_id = ? ORDER BY id",
      role_id);
  while (rows.next()) grants.push_back(grant_of(rows));
  return grants;
}

Role role_of(const db::Rows& rows) {
  return {rows.integer(0), rows.text(1), rows.text(2), rows.maybe_text(3), {}};
}

template <class... Args>
std::vector<Role> read_roles(db::Tx& tx, std::string_view sql, const Args&... args) {
  std::vector<Role> roles;
  {
    auto rows = tx.query(sql, args...);
    while (rows.next()) roles.push_back(role_of(rows));
  }
  for (Role& role : roles) role.permissions = grants_of_role(tx, role.id);
  return roles;
}

Role need_role(db::Tx& tx, std::int64_t id) {
  auto found = read_roles(tx, std::string(role_columns) + "WHERE r.id = ?", id);
  if (found.empty()) {
    throw Error(Code::resource_does_not_exist, "Role with id=" + std::to_string(id) + " not found");
  }
  return found.front();
}

Grant need_grant(db::Tx& tx, std::int64_t id) {
  auto rows = tx.query(
      "SELECT id, role_id, resource_type, resource_pattern, permission FROM role_permissions WHERE "
      "id = ?",
      id);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist,
                "Role permission with id=" + std::to_string(id) + " not found");
  }
  return grant_of(rows);
}

std::optional<std::int64_t> find_grant(db::Tx& tx,
                                       std::int64_t role_id,
                                       const std::string& type,
                                       const std::string& pattern) {
  auto rows = tx.query(
      "SELECT id FROM role_permissions WHERE role_id = ? AND resource_type = ? AND "
      "resource_pattern = ?",
      role_id, type, pattern);
  if (!rows.next()) return std::nullopt;
  return rows.integer(0);
}

std::int64_t inserted_id(db::Rows rows) {
  rows.next();
  const std::int64_t id = rows.integer(0);
  while (rows.next()) {
  }
  return id;
}

std::int64_t insert_grant(db::Tx& tx,
                          std::int64_t role_id,
                          const std::string& type,
                          const std::string& pattern,
                          const std::string& permission) {
  return inserted_id(tx.query(
      "INSERT INTO role_permissions (role_id, resource_type, resource_pattern, permission) VALUES "
      "(?, ?, ?, ?) RETURNING id",
      role_id, type, pattern, permission));
}

std::int64_t user_id_of(db::Tx& tx, const std::string& name) {
  auto rows = tx.query("SELECT id FROM users WHERE username = ?", name);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist, "User with username=" + name + " not found");
  }
  return rows.integer(0);
}

std::optional<std::int64_t> find_own_role(db::Tx& tx, std::int64_t user_id) {
  auto rows = tx.query("SELECT id FROM roles WHERE workspace = ? AND name = ?", default_workspace,
                       own_role_name(user_id));
  if (!rows.next()) return std::nullopt;
  return rows.integer(0);
}

std::int64_t own_role(db::Tx& tx, std::int64_t user_id) {
  if (const auto found = find_own_role(tx, user_id)) return *found;
  const std::int64_t id =
      inserted_id(tx.query("INSERT INTO roles (name, workspace) VALUES (?, ?) RETURNING id",
                           own_role_name(user_id), default_workspace));
  tx.execute("INSERT INTO user_role_assignments (user_id, role_id) VALUES (?, ?)", user_id, id);
  return id;
}

std::string permission_words(const std::string& user,
                             const std::string& type,
                             const std::string& pattern) {
  return "Permission for user=" + user + " on resource_type=" + type + ", resource_id=" + pattern;
}

}  // namespace

Role Accounts::create_role(const std::string& name,
                           const std::string& workspace,
                           const std::optional<std::string>& description) {
  check_role_name(name);
  Role made;
  write([&](db::Tx& tx) {
    if (tx.query("SELECT 1 FROM roles WHERE workspace = ? AND name = ?", workspace, name).next()) {
      throw Error(Code::resource_already_exists,
                  "Role (name=" + name + ", workspace=" + workspace + ") already exists.");
    }
    const std::int64_t id = inserted_id(
        tx.query("INSERT INTO roles (name, workspace, description) VALUES (?, ?, ?) RETURNING id",
                 name, workspace, description));
    made = need_role(tx, id);
  });
  return made;
}

Role Accounts::role(std::int64_t id) const {
  return database_.read([&](db::Tx& tx) { return need_role(tx, id); });
}

std::vector<Role> Accounts::roles(const std::vector<std::string>& workspaces) const {
  auto all = database_.read(
      [&](db::Tx& tx) { return read_roles(tx, std::string(role_columns) + "ORDER BY r.id"); });
  if (workspaces.empty()) return all;
  std::erase_if(all, [&](const Role& role) {
    return std::find(workspaces.begin(), workspaces.end(), role.workspace) == workspaces.end();
  });
  return all;
}

std::vector<Role> Accounts::roles_of(std::int64_t user_id) const {
  return database_.read([&](db::Tx& tx) {
    return read_roles(tx,
                      std::string(role_columns) +
                          "JOIN user_role_assignments a ON a.role_id = r.id WHERE a.user_id = ? "
                          "ORDER BY r.id",
                      user_id);
  });
}

Role Accounts::update_role(std::int64_t id,
                           const std::optional<std::string>& name,
                           const std::optional<std::string>& description) {
  if (name) check_role_name(*name);
  Role changed;
  write([&](db::Tx& tx) {
    const Role before = need_role(tx, id);
    if (name && tx.query("SELECT 1 FROM roles WHERE workspace = ? AND name = ? AND id <> ?",
                         before.workspace, *name, id)
                    .next()) {
      throw Error(Code::resource_already_exists,
                  "Role with name=" + *name + " already exists in workspace=" + before.workspace);
    }
    tx.execute("UPDATE roles SET name = ?, description = ? WHERE id = ?",
               name.value_or(before.name), description ? description : before.description, id);
    changed = need_role(tx, id);
  });
  return changed;
}

void Accounts::delete_role(std::int64_t id) {
  write([&](db::Tx& tx) {
    need_role(tx, id);
    tx.execute("DELETE FROM role_permissions WHERE role_id = ?", id);
    tx.execute("DELETE FROM user_role_assignments WHERE role_id = ?", id);
    tx.execute("DELETE FROM roles WHERE id = ?", id);
  });
}

Grant Accounts::add_grant(std::int64_t role_id,
                          const std::string& type,
                          const std::string& pattern,
                          const std::string& permission) {
  check_grant(permission, type);
  check_pattern(pattern, type);
  Grant made;
  write([&](db::Tx& tx) {
    need_role(tx, role_id);
    if (find_grant(tx, role_id, type, pattern)) {
      throw Error(Code::resource_already_exists,
                  "Role permission (role_id=" + std::to_string(role_id) + ", resource_type=" +
                      type + ", resource_pattern=" + pattern + ") already exists.");
    }
    made = need_grant(tx, insert_grant(tx, role_id, type, pattern, permission));
  });
  return made;
}

Grant Accounts::grant(std::int64_t id) const {
  return database_.read([&](db::Tx& tx) { return need_grant(tx, id); });
}

Grant Accounts::update_grant(std::int64_t id, const std::string& permission) {
  Grant changed;
  write([&](db::Tx& tx) {
    check_grant(permission, need_grant(tx, id).resource_type);
    tx.execute("UPDATE role_permissions SET permission = ? WHERE id = ?", permission, id);
    changed = need_grant(tx, id);
  });
  return changed;
}

void Accounts::remove_grant(std::int64_t id) {
  write([&](db::Tx& tx) {
    need_grant(tx, id);
    tx.execute("DELETE FROM role_permissions WHERE id = ?", id);
  });
}

Assignment Accounts::assign(const std::string& user_name, std::int64_t role_id) {
  Assignment made;
  write([&](db::Tx& tx) {
    const std::int64_t user_id = user_id_of(tx, user_name);
    need_role(tx, role_id);
    if (tx.query("SELECT 1 FROM user_role_assignments WHERE user_id = ? AND role_id = ?", user_id,
                 role_id)
            .next()) {
      throw Error(Code::resource_already_exists,
                  "User role assignment (user_id=" + std::to_string(user_id) +
                      ", role_id=" + std::to_string(role_id) + ") already exists");
    }
    const std::int64_t id = inserted_id(
        tx.query("INSERT INTO user_role_assignments (user_id, role_id) VALUES (?, ?) RETURNING id",
                 user_id, role_id));
    made = {id, user_id, role_id};
  });
  return made;
}

void Accounts::unassign(const std::string& user_name, std::int64_t role_id) {
  write([&](db::Tx& tx) {
    const std::int64_t user_id = user_id_of(tx, user_name);
    if (tx.execute("DELETE FROM user_role_assignments WHERE user_id = ? AND role_id = ?", user_id,
                   role_id) == 0) {
      throw Error(Code::resource_does_not_exist,
                  "User role assignment (user_id=" + std::to_string(user_id) +
                      ", role_id=" + std::to_string(role_id) + ") not found");
    }
  });
}

std::vector<Assignment> Accounts::assignments(std::int64_t role_id) const {
  return database_.read([&](db::Tx& tx) {
    need_role(tx, role_id);
    std::vector<Assignment> all;
    auto rows = tx.query(
        "SELECT id, user_id, role_id FROM user_role_assignments WHERE role_id = ? ORDER BY id",
        role_id);
    while (rows.next()) all.push_back({rows.integer(0), rows.integer(1), rows.integer(2)});
    return all;
  });
}

void Accounts::grant_to(const std::string& user_name,
                        const std::string& type,
                        const std::string& pattern,
                        const std::string& permission) {
  check_is_no_workspace(type);
  check_pattern(pattern, type);
  check_grant(permission, type);
  write([&](db::Tx& tx) {
    const std::int64_t role_id = own_role(tx, user_id_of(tx, user_name));
    if (find_grant(tx, role_id, type, pattern)) {
      throw Error(Code::resource_already_exists,
                  permission_words(user_name, type, pattern) + " already exists.");
    }
    insert_grant(tx, role_id, type, pattern, permission);
  });
}

void Accounts::set_grant(const std::string& user_name,
                         const std::string& type,
                         const std::string& pattern,
                         const std::string& permission) {
  check_pattern(pattern, type);
  check_grant(permission, type);
  write([&](db::Tx& tx) {
    const std::int64_t role_id = own_role(tx, user_id_of(tx, user_name));
    if (const auto found = find_grant(tx, role_id, type, pattern)) {
      tx.execute("UPDATE role_permissions SET permission = ? WHERE id = ?", permission, *found);
    } else {
      insert_grant(tx, role_id, type, pattern, permission);
    }
  });
}

void Accounts::revoke_from(const std::string& user_name,
                           const std::string& type,
                           const std::string& pattern) {
  check_is_no_workspace(type);
  check_resource_type(type);
  write([&](db::Tx& tx) {
    const auto role_id = find_own_role(tx, user_id_of(tx, user_name));
    const auto found = role_id ? find_grant(tx, *role_id, type, pattern) : std::nullopt;
    if (!found) {
      throw Error(Code::resource_does_not_exist,
                  permission_words(user_name, type, pattern) + " not found.");
    }
    tx.execute("DELETE FROM role_permissions WHERE id = ?", *found);
  });
}

void Accounts::forget_resource(const std::string& type, const std::string& pattern) {
  write([&](db::Tx& tx) {
    tx.execute(
        "DELETE FROM role_permissions WHERE resource_type = ? AND resource_pattern = ? AND role_id "
        "IN (SELECT id FROM roles WHERE workspace = ? AND substr(name, 1, 7) = ?)",
        type, pattern, default_workspace, own_role_prefix);
  });
}

void Accounts::rename_resource(const std::string& type,
                               const std::string& from,
                               const std::string& to) {
  write([&](db::Tx& tx) {
    // What an earlier resource of the new name left behind would be in the way.
    tx.execute(
        "DELETE FROM role_permissions WHERE resource_type = ? AND resource_pattern = ? AND role_id "
        "IN (SELECT role_id FROM role_permissions WHERE resource_type = ? AND resource_pattern = "
        "?)",
        type, to, type, from);
    tx.execute(
        "UPDATE role_permissions SET resource_pattern = ? WHERE resource_type = ? AND "
        "resource_pattern = ? AND role_id IN (SELECT id FROM roles WHERE workspace = ? AND "
        "substr(name, 1, 7) = ?)",
        to, type, from, default_workspace, own_role_prefix);
  });
}

}  // namespace sandbox::auth
