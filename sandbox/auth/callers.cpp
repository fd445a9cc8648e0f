#include "sandbox/auth/callers.h"

#include <array>

#include "sandbox/base/hash.h"
#include "sandbox/base/log.h"
#include "sandbox/base/password.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

constexpr std::size_t verified_max = 10'000;
constexpr std::size_t callers_max = 10'000;
constexpr std::size_t addresses_max = 10'000;
constexpr std::ptrdiff_t hashing_max = 4;
constexpr int failures_max = 20;
constexpr std::int64_t failures_window_ms = 60'000;
constexpr std::size_t header_bytes_max = 4096;
// What MLflow shipped before 3.17 for its administrator, known to everybody.
constexpr std::string_view published_password = "password1234";

// Not a name that a user can have.
constexpr std::string_view local_name = "(this:machine)";

std::string random_text(Env& env) {
  std::array<std::uint8_t, 32> bytes{};
  env.random_bytes(bytes);
  return hex(bytes);
}

}  // namespace

Callers::Callers(Env& env,
                 Accounts& accounts,
                 Permission default_permission,
                 std::function<bool(std::string_view token)> is_local)
    : env_(env),
      accounts_(accounts),
      default_permission_(default_permission),
      is_local_(std::move(is_local)),
      local_(std::make_shared<const Caller>(
          Caller{User{0, std::string(local_name), "", true}, Grants({}, default_permission)})),
      digest_key_(random_text(env)),
      nobodys_hash_(hash_password(env, random_text(env))),
      hashing_(hashing_max) {}

Login Callers::authenticate(std::string_view authorization, const std::string& remote_address) {
  Login login;
  login.was_given = !authorization.empty();
  const std::size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos || authorization.size() > header_bytes_max) return login;
  const std::string key = hmac_sha256(digest_key_, authorization);
  login.caller = remembered(key);
  if (login.caller) return login;

  const std::string_view scheme = authorization.substr(0, blank);
  const std::string_view credentials = trim(authorization.substr(blank));
  if (is_local_ && equal_ignoring_case(scheme, "Bearer") && is_local_(credentials)) {
    login.caller = local_;
    return login;
  }
  login.wait_seconds = seconds_to_wait(remote_address);
  if (login.wait_seconds > 0) return login;
  if (equal_ignoring_case(scheme, "Basic")) {
    if (const auto pair = unbase64(credentials)) login.caller = check_password(key, *pair, login);
  } else if (equal_ignoring_case(scheme, "Bearer")) {
    login.claimed = "(token)";
    login.caller = check_token(key, credentials);
  }
  if (!login.caller) count_failure(remote_address);
  return login;
}

CallerPointer Callers::check_password(const std::string& key, std::string_view pair, Login& login) {
  const std::size_t colon = pair.find(':');
  if (colon == std::string_view::npos) return nullptr;
  login.claimed = pair.substr(0, colon);
  const std::string_view password = pair.substr(colon + 1);
  const auto user = accounts_.find_user(login.claimed);
  const bool is_right = password_is(user ? *user : User{}, password);
  if (!user || !is_right) return nullptr;
  if (user->is_admin && password == published_password) {
    log::warning("refused MLflow's published administrator password", {{"user", user->name}});
    return nullptr;
  }
  remember(key, {user->name, user->password_hash, 0, 0});
  return named(user->name);
}

CallerPointer Callers::check_token(const std::string& key, std::string_view text) {
  const std::uint64_t changes = accounts_.changes();
  const auto token = accounts_.find_token(text);
  if (!token || (token->expires_ms && *token->expires_ms <= env_.now_ms())) return nullptr;
  remember(key, {token->user, "", changes, token->expires_ms.value_or(0)});
  return named(token->user);
}

bool Callers::password_is(const User& user, std::string_view password) {
  hashing_.acquire();
  struct Turn {
    std::counting_semaphore<>& hashing;
    ~Turn() { hashing.release(); }
  } turn{hashing_};
  const bool is_known = !user.password_hash.empty();
  return password_matches(is_known ? user.password_hash : nobodys_hash_, password) && is_known;
}

CallerPointer Callers::remembered(const std::string& key) {
  Verified verified;
  {
    const std::shared_lock lock(mutex_);
    const auto found = verified_.find(key);
    if (found == verified_.end()) return nullptr;
    verified = found->second;
  }
  if (verified.expires_ms != 0 && verified.expires_ms <= env_.now_ms()) return nullptr;
  const bool is_token = verified.password_hash.empty();
  if (is_token && verified.changes != accounts_.changes()) return nullptr;
  CallerPointer caller = named(verified.user);
  if (caller && !is_token && caller->user.password_hash != verified.password_hash) return nullptr;
  return caller;
}

void Callers::remember(const std::string& key, Verified verified) {
  const std::unique_lock lock(mutex_);
  if (verified_.size() >= verified_max) verified_.clear();
  verified_[key] = std::move(verified);
}

CallerPointer Callers::named(std::string_view user) {
  if (user == local_name) return local_;
  const std::uint64_t changes = accounts_.changes();
  const std::string name(user);
  {
    const std::shared_lock lock(mutex_);
    if (known_changes_ == changes) {
      if (const auto found = callers_.find(name); found != callers_.end()) return found->second;
    }
  }
  const auto row = accounts_.find_user(name);
  if (!row) return nullptr;
  std::vector<Grant> grants;
  for (const Role& role : accounts_.roles_of(row->id)) {
    if (role.workspace != default_workspace) continue;
    grants.insert(grants.end(), role.permissions.begin(), role.permissions.end());
  }
  auto caller =
      std::make_shared<const Caller>(Caller{*row, Grants(std::move(grants), default_permission_)});
  const std::unique_lock lock(mutex_);
  // What was read may be older than a change that another thread has seen by now.
  if (known_changes_ < changes) {
    callers_.clear();
    known_changes_ = changes;
  }
  if (known_changes_ == changes) {
    if (callers_.size() >= callers_max) callers_.clear();
    callers_[name] = caller;
  }
  return caller;
}

std::int64_t Callers::seconds_to_wait(const std::string& address) {
  const std::lock_guard lock(failures_mutex_);
  const auto found = failures_.find(address);
  if (found == failures_.end() || found->second.count < failures_max) return 0;
  const std::int64_t left_ms = found->second.since_ms + failures_window_ms - env_.now_ms();
  if (left_ms > 0) return left_ms / 1000 + 1;
  failures_.erase(found);
  return 0;
}

void Callers::count_failure(const std::string& address) {
  const std::lock_guard lock(failures_mutex_);
  if (failures_.size() >= addresses_max) failures_.clear();
  Failures& failures = failures_[address];
  const std::int64_t now_ms = env_.now_ms();
  if (now_ms - failures.since_ms > failures_window_ms) failures = {0, now_ms};
  ++failures.count;
}

}  // namespace sandbox::auth
