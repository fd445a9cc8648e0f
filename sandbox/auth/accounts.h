// Users, roles and grants, in MLflow's own basic-auth tables. Passwords are kept as werkzeug keeps
// them. A user's own grants hang on a hidden role, __user_<id>__, as in the reference.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/auth/permissions.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"

namespace sandbox::auth {

struct User {
  std::int64_t id = 0;
  std::string name;
  std::string password_hash;
  bool is_admin = false;
};

struct Role {
  std::int64_t id = 0;
  std::string name;
  std::string workspace;
  std::optional<std::string> description;
  std::vector<Grant> permissions;
};

struct Assignment {
  std::int64_t id = 0;
  std::int64_t user_id = 0;
  std::int64_t role_id = 0;
};

struct Token {
  std::int64_t id = 0;
  std::string user;
  std::string name;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> expires_ms;
};

// Safe from every thread. Absent users, roles and grants are Error(resource_does_not_exist).
class Accounts {
 public:
  // The collaborators must outlive it.
  Accounts(Env& env, db::Database& database) : env_(env), database_(database) {}

  // Counts every change, so that what was remembered can be known to be old.
  [[nodiscard]] std::uint64_t changes() const { return changes_.load(); }

  User create_user(const std::string& name, const std::string& password, bool is_admin = false);
  [[nodiscard]] std::optional<User> find_user(std::string_view name) const;
  [[nodiscard]] User user(std::string_view name) const;
  [[nodiscard]] std::vector<User> users() const;
  void set_password(const std::string& name, const std::string& password);
  void set_admin(const std::string& name, bool is_admin);
  void delete_user(const std::string& name);

  Role create_role(const std::string& name,
                   const std::string& workspace,
                   const std::optional<std::string>& description);
  [[nodiscard]] Role role(std::int64_t id) const;
  [[nodiscard]] std::vector<Role> roles(const std::vector<std::string>& workspaces) const;
  [[nodiscard]] std::vector<Role> roles_of(std::int64_t user_id) const;
  Role update_role(std::int64_t id,
                   const std::optional<std::string>& name,
                   const std::optional<std::string>& description);
  void delete_role(std::int64_t id);
  Grant add_grant(std::int64_t role_id,
                  const std::string& type,
                  const std::string& pattern,
                  const std::string& permission);
  [[nodiscard]] Grant grant(std::int64_t id) const;
  Grant update_grant(std::int64_t id, const std::string& permission);
  void remove_grant(std::int64_t id);
  Assignment assign(const std::string& user, std::int64_t role_id);
  void unassign(const std::string& user, std::int64_t role_id);
  [[nodiscard]] std::vector<Assignment> assignments(std::int64_t role_id) const;

  // A user's own grants. `grant_to` refuses one that exists, `set_grant` replaces it.
  void grant_to(const std::string& user,
                const std::string& type,
                const std::string& pattern,
                const std::string& permission);
  void set_grant(const std::string& user,
                 const std::string& type,
                 const std::string& pattern,
                 const std::string& permission);
  void revoke_from(const std::string& user, const std::string& type, const std::string& pattern);
  // When a resource that is known by its name goes away or changes it. Roles people made are left.
  void forget_resource(const std::string& type, const std::string& pattern);
  void rename_resource(const std::string& type, const std::string& from, const std::string& to);

  // A fresh token's text is told once, here; only its digest is kept.
  std::string create_token(const std::string& user,
                           const std::string& name,
                           std::optional<std::int64_t> expires_ms);
  [[nodiscard]] std::vector<Token> tokens() const;
  void revoke_token(std::int64_t id);
  // The token with this text, also when it has expired.
  [[nodiscard]] std::optional<Token> find_token(std::string_view text) const;

 private:
  void write(const std::function<void(db::Tx&)>& work);

  Env& env_;
  db::Database& database_;
  std::atomic<std::uint64_t> changes_ = 0;
};

// MLflow's rule: at least 12 characters. Throws Error(invalid_parameter_value).
void check_password(std::string_view password);

}  // namespace sandbox::auth
