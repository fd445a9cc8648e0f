#include <array>

#include "sandbox/auth/accounts.h"
#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

// A token is 256 random bits, so a plain SHA-256 keeps it as safe as a slow hash keeps a password.
namespace sandbox::auth {
namespace {

constexpr std::string_view token_prefix = "mlsb_";  // so that scanners for leaked secrets know it
constexpr std::size_t token_name_characters_max = 255;

Token token_of(const db::Rows& rows) {
  return {rows.integer(0), rows.text(1), rows.text(2), rows.integer(3), rows.maybe_integer(4)};
}

}  // namespace

std::string Accounts::create_token(const std::string& user_name,
                                   const std::string& name,
                                   std::optional<std::int64_t> expires_ms) {
  if (utf8_length(name) > token_name_characters_max) {
    throw Error(Code::invalid_parameter_value, "A token's name has at most 255 characters.");
  }
  const User owner = user(user_name);
  std::array<std::uint8_t, 32> bits{};
  env_.random_bytes(bits);
  const std::string text = std::string(token_prefix) + hex(bits);
  const std::string kept = sha256_hex(text);
  const std::int64_t now_ms = env_.now_ms();
  write([&](db::Tx& tx) {
    tx.execute(
        "INSERT INTO sandbox_tokens (user_id, name, token_hash, created_ms, expires_ms) VALUES (?, "
        "?, ?, ?, ?)",
        owner.id, name, kept, now_ms, expires_ms);
  });
  return text;
}

std::vector<Token> Accounts::tokens() const {
  return database_.read([&](db::Tx& tx) {
    std::vector<Token> all;
    auto rows = tx.query(
        "SELECT t.id, u.username, t.name, t.created_ms, t.expires_ms FROM sandbox_tokens t JOIN "
        "users u ON u.id = t.user_id ORDER BY t.id");
    while (rows.next()) all.push_back(token_of(rows));
    return all;
  });
}

void Accounts::revoke_token(std::int64_t id) {
  write([&](db::Tx& tx) {
    if (tx.execute("DELETE FROM sandbox_tokens WHERE id = ?", id) == 0) {
      throw Error(Code::resource_does_not_exist, "There is no token " + std::to_string(id) + ".");
    }
  });
}

std::optional<Token> Accounts::find_token(std::string_view text) const {
  const std::string kept = sha256_hex(text);
  return database_.read([&](db::Tx& tx) -> std::optional<Token> {
    auto rows = tx.query(
        "SELECT t.id, u.username, t.name, t.created_ms, t.expires_ms FROM sandbox_tokens t JOIN "
        "users u ON u.id = t.user_id WHERE t.token_hash = ?",
        kept);
    if (!rows.next()) return std::nullopt;
    return token_of(rows);
  });
}

}  // namespace sandbox::auth
