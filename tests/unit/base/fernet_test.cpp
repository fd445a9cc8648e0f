#include "sandbox/base/fernet.h"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

namespace fs = std::filesystem;

// The specification's own example.
const Secret example_key("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
constexpr const char* example_token =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU"
    "4IwqDA==";

}  // namespace

TEST_CASE("the specification's token opens", "[base]") {
  CHECK(Fernet(example_key).open(example_token)->reveal() == "hello");
}

TEST_CASE("what is sealed opens with the same key only", "[base]") {
  SystemEnv env;
  const Fernet fernet(new_fernet_key(env));
  for (const std::string& text :
       {std::string(), std::string("secret"), std::string(5000, 'x'), std::string("a\0b", 3)}) {
    const std::string token = fernet.seal(env, text);
    CHECK(token.find(text.empty() ? "secret" : text) == std::string::npos);
    CHECK(fernet.open(token)->reveal() == text);
    CHECK_FALSE(Fernet(new_fernet_key(env)).open(token));
  }
}

TEST_CASE("a token that was changed anywhere does not open", "[base]") {
  SystemEnv env;
  const Fernet fernet(example_key);
  const std::string token = example_token;
  for (std::size_t i = 0; i + 4 < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK_FALSE(fernet.open(other));
  }
  for (const char* other : {"", "gAAA", "not base64!", "AAAA"}) CHECK_FALSE(fernet.open(other));
}

TEST_CASE("a key of another form is refused without being repeated", "[base]") {
  for (const char* key : {"", "short", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4"}) {
    try {
      const Fernet fernet{Secret(key)};
      FAIL("taken: " << key);
    } catch (const Error& error) {
      CHECK(error.code() == Code::invalid_parameter_value);
      if (*key != '\0') CHECK(error.message().find(key) == std::string::npos);
    }
  }
}

TEST_CASE("a key file is made once, for its owner alone", "[base]") {
  FakeEnv env;
  const TemporaryDirectory directory;
  const std::string path = directory.path / "key";
  const std::string made = fernet_key_in(env, path).reveal();
  CHECK(fernet_key_in(env, path).reveal() == made);
  CHECK((fs::status(path).permissions() & fs::perms::all) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK_NOTHROW(Fernet(Secret(made)));
  std::ofstream(path, std::ios::trunc).close();
  CHECK_THROWS_AS(fernet_key_in(env, path), Error);
  CHECK_THROWS_AS(fernet_key_in(env, directory.path / "none" / "key"), Error);
}
