#include "sandbox/base/password.h"

#include <catch2/catch.hpp>

#include "sandbox/base/env.h"

namespace sandbox {
namespace {

// Made by werkzeug 3's generate_password_hash.
constexpr const char* by_scrypt =
    "scrypt:32768:8:1$MsEIP3HJfMojcdmR$c047bcbe262d6bf95754a0bee291e5da1230b153215a13169e5dc9bd2277"
    "961753470938f158929c333a9640aa888017404b742879d3e01f3b6335eb6143d16f";
constexpr const char* by_pbkdf2 =
    "pbkdf2:sha256:1000$2v2pGX6qgq2DNKIU$"
    "daefd134fe04486d11047ec34492a2b3d87d1835cc8d01680ff9837fa62baccd";
constexpr const char* by_sha512 =
    "pbkdf2:sha512:1000$fNezrTOahQ6QELUE$bf9230212a1879fbbc79ed1d1f64d2c6d100a93973792f336055f8f56a"
    "4ba0a483b89ea4a7cac5ba7676d20152ec49e61b175b1552648faf4ff18ba3b4de5d04";

TEST_CASE("what werkzeug hashed is understood, whatever its method", "[base]") {
  CHECK(password_matches(by_scrypt, "correct horse battery"));
  CHECK_FALSE(password_matches(by_scrypt, "correct horse batterz"));
  CHECK(password_matches(by_pbkdf2, "correct horse battery"));
  CHECK_FALSE(password_matches(by_pbkdf2, ""));
  CHECK(password_matches(by_sha512, "pässwörd with ünicode"));
}

TEST_CASE("a fresh hash has werkzeug's form, a salt of its own, and matches", "[base]") {
  SystemEnv env;
  const std::string one = hash_password(env, "a long password");
  const std::string other = hash_password(env, "a long password");
  CHECK(one.starts_with("scrypt:32768:8:1$"));
  CHECK(one.size() == 17 + 16 + 1 + 128);
  CHECK(one != other);
  CHECK(password_matches(one, "a long password"));
  CHECK_FALSE(password_matches(one, "a long passwore"));
}

TEST_CASE("a stored hash that is broken, or asks for too much work, matches nothing", "[base]") {
  for (const char* stored :
       {"", "$", "$$", "plain", "md5$salt$00", "scrypt:1:8:1$s$00", "scrypt:1073741824:8:1$s$00",
        "scrypt:32768:-8:1$s$00", "pbkdf2:nothing:1000$s$00", "pbkdf2:sha256:999999999$s$00",
        "pbkdf2:sha256:0$s$00"}) {
    INFO(stored);
    CHECK_FALSE(password_matches(stored, ""));
  }
}

}  // namespace
}  // namespace sandbox
