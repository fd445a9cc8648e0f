// Who is behind an Authorization header. A password is hashed once; afterwards the same header
// costs a digest and a look into a table, until the user changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sandbox/auth/accounts.h"
#include "sandbox/auth/permissions.h"
#include "sandbox/base/env.h"

namespace sandbox::auth {

struct Caller {
  User user;
  Grants grants;
};
// Shared by the table below and the requests that run while the table is renewed.
using CallerPointer = std::shared_ptr<const Caller>;

struct Login {
  CallerPointer caller;           // null: the header names nobody
  std::string claimed;            // the user name it gave, for the log
  bool was_given = false;         // there was a header at all
  std::int64_t wait_seconds = 0;  // > 0: too many failures from this address, nothing was checked
};

// Safe from every thread.
class Callers {
 public:
  // `is_local` knows the tokens of the person who started the server, who is an administrator
  // without a user; empty for none.
  Callers(Env& env,
          Accounts& accounts,
          Permission default_permission,
          std::function<bool(std::string_view token)> is_local = {});

  // `Basic` with a password or `Bearer` with a token.
  Login authenticate(std::string_view authorization, const std::string& remote_address);
  // The user as it is now; null when it is gone.
  CallerPointer named(std::string_view user);
  // Whether this is the user's password (asked again before it is changed).
  bool password_is(const User& user, std::string_view password);

 private:
  struct Verified {
    std::string user;
    std::string password_hash;    // what the password was held against; "" for a token
    std::uint64_t changes = 0;    // a token is looked up again after any change
    std::int64_t expires_ms = 0;  // 0: never
  };
  struct Failures {
    int count = 0;
    std::int64_t since_ms = 0;
  };

  CallerPointer remembered(const std::string& key);
  void remember(const std::string& key, Verified verified);
  CallerPointer check_password(const std::string& key, std::string_view pair, Login& login);
  CallerPointer check_token(const std::string& key, std::string_view token);
  std::int64_t seconds_to_wait(const std::string& address);
  void count_failure(const std::string& address);

  Env& env_;
  Accounts& accounts_;
  const Permission default_permission_;
  const std::function<bool(std::string_view token)> is_local_;
  CallerPointer local_;
  std::string digest_key_;    // of this process: what is remembered cannot be compared outside
  std::string nobodys_hash_;  // so that an unknown name takes as long as a wrong password

  std::shared_mutex mutex_;  // guards the three below
  std::uint64_t known_changes_ = 0;
  std::unordered_map<std::string, CallerPointer> callers_;
  std::unordered_map<std::string, Verified> verified_;

  std::mutex failures_mutex_;  // guards failures_
  std::unordered_map<std::string, Failures> failures_;
  std::counting_semaphore<> hashing_;  // each check holds 32 MiB and a core
};

}  // namespace sandbox::auth
