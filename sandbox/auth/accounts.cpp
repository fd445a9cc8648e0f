#include "sandbox/auth/accounts.h"

#include "sandbox/base/error.h"
#include "sandbox/base/password.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

constexpr std::size_t password_characters_min = 12;
// So that nobody makes the server hash a megabyte.
constexpr std::size_t password_bytes_max = 1024;
constexpr std::size_t name_characters_max = 255;

User user_of(const db::Rows& rows) {
  return {rows.integer(0), rows.text(1), rows.text(2), rows.integer(3) != 0};
}

std::optional<User> find_in(db::Tx& tx, std::string_view name) {
  auto rows =
      tx.query("SELECT id, username, password_hash, is_admin FROM users WHERE username = ?", name);
  if (!rows.next()) return std::nullopt;
  return user_of(rows);
}

[[noreturn]] void no_such_user(std::string_view name) {
  throw Error(Code::resource_does_not_exist,
              "User with username=" + std::string(name) + " not found");
}

User need_user(db::Tx& tx, std::string_view name) {
  auto found = find_in(tx, name);
  if (!found) no_such_user(name);
  return *found;
}

}  // namespace

void check_password(std::string_view password) {
  if (utf8_length(password) < password_characters_min) {
    throw Error(Code::invalid_parameter_value, "Password must be at least 12 characters.");
  }
  if (password.size() > password_bytes_max) {
    throw Error(Code::invalid_parameter_value, "Password must be at most 1024 bytes.");
  }
}

void Accounts::write(const std::function<void(db::Tx&)>& work) {
  database_.write_work(work);
  ++changes_;
}

User Accounts::create_user(const std::string& name, const std::string& password, bool is_admin) {
  if (name.empty()) throw Error(Code::invalid_parameter_value, "Username cannot be empty.");
  if (utf8_length(name) > name_characters_max || name.find(':') != std::string::npos) {
    throw Error(Code::invalid_parameter_value,
                "Username must have at most 255 characters and no ':', which ends the name in "
                "HTTP's Basic authentication.");
  }
  check_password(password);
  const std::string hash = hash_password(env_, password);
  User made;
  write([&](db::Tx& tx) {
    if (find_in(tx, name)) {
      throw Error(Code::resource_already_exists, "User (username=" + name + ") already exists.");
    }
    auto rows = tx.query(
        "INSERT INTO users (username, password_hash, is_admin) VALUES (?, ?, ?) RETURNING id, "
        "username, password_hash, is_admin",
        name, hash, is_admin);
    rows.next();
    made = user_of(rows);
    while (rows.next()) {
    }
  });
  return made;
}

std::optional<User> Accounts::find_user(std::string_view name) const {
  return database_.read([&](db::Tx& tx) { return find_in(tx, name); });
}

User Accounts::user(std::string_view name) const {
  auto found = find_user(name);
  if (!found) no_such_user(name);
  return *found;
}

std::vector<User> Accounts::users() const {
  return database_.read([&](db::Tx& tx) {
    std::vector<User> all;
    auto rows = tx.query("SELECT id, username, password_hash, is_admin FROM users ORDER BY id");
    while (rows.next()) all.push_back(user_of(rows));
    return all;
  });
}

void Accounts::set_password(const std::string& name, const std::string& password) {
  (void)user(name);
  check_password(password);
  const std::string hash = hash_password(env_, password);
  write([&](db::Tx& tx) {
    if (tx.execute("UPDATE users SET password_hash = ? WHERE username = ?", hash, name) == 0) {
      no_such_user(name);
    }
  });
}

void Accounts::set_admin(const std::string& name, bool is_admin) {
  write([&](db::Tx& tx) {
    if (tx.execute("UPDATE users SET is_admin = ? WHERE username = ?", is_admin, name) == 0) {
      no_such_user(name);
    }
  });
}

void Accounts::delete_user(const std::string& name) {
  write([&](db::Tx& tx) {
    const std::int64_t id = need_user(tx, name).id;
    const std::string own_role = "__user_" + std::to_string(id) + "__";
    for (const char* sql :
         {"DELETE FROM role_permissions WHERE role_id IN (SELECT id FROM roles WHERE name = ?)",
          "DELETE FROM user_role_assignments WHERE role_id IN (SELECT id FROM roles WHERE name = "
          "?)",
          "DELETE FROM roles WHERE name = ?"}) {
      tx.execute(sql, own_role);
    }
    // The tables of MLflow before 3.12 are kept by it, and refer to users.
    for (const char* sql : {"DELETE FROM experiment_permissions WHERE user_id = ?",
                            "DELETE FROM registered_model_permissions WHERE user_id = ?",
                            "DELETE FROM scorer_permissions WHERE user_id = ?",
                            "DELETE FROM gateway_secret_permissions WHERE user_id = ?",
                            "DELETE FROM gateway_endpoint_permissions WHERE user_id = ?",
                            "DELETE FROM gateway_model_definition_permissions WHERE user_id = ?",
                            "DELETE FROM workspace_permissions WHERE user_id = ?",
                            "DELETE FROM sandbox_tokens WHERE user_id = ?",
                            "DELETE FROM user_role_assignments WHERE user_id = ?",
                            "DELETE FROM users WHERE id = ?"}) {
      tx.execute(sql, id);
    }
  });
}

}  // namespace sandbox::auth
