#include "trainers/parameters.h"

#include <array>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "trainers/trainer.h"

using namespace trainers;
using Catch::Contains;

namespace {

constexpr std::array<std::string_view, 3> kinds{"tree", "line", "file:"};

struct Settings {
  std::string kind = "tree";
  std::int64_t count = 10;
  double rate = 0.001;
  bool fast = true;

  static constexpr auto parameters() {
    return std::tuple{
        one_of("kind", &Settings::kind, kinds, "What grows"),
        number("count", &Settings::count, {1, 100}, "How many"),
        number("rate", &Settings::rate, {0, 1, true}, "How quick"),
        flag("fast", &Settings::fast, "Hurry"),
    };
  }
};

Trainer trainer() {
  return {"garden", "garden", "Grows", rows_of<Settings>()};
}

Variables no_variables() {
  return [](const std::string&) { return std::nullopt; };
}

Said said(const std::vector<std::string>& words) {
  return read_words(trainer(), words, no_variables(), {});
}

std::string refusal(const std::vector<std::string>& words) {
  try {
    said(words);
  } catch (const sandbox::Error& error) {
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("a parameter's row is made of its description and its default", "[trainers]") {
  const auto rows = rows_of<Settings>();
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].standard == "tree");
  CHECK(rows[0].allowed_text() == "one of tree, line, file:…");
  CHECK(rows[1].allowed_text() == "a whole number from 1 to 100");
  CHECK(rows[2].standard == "0.001");
  CHECK(rows[2].allowed_text() == "a number above 0 and at most 1");
  CHECK(rows[3].standard == "true");
}

TEST_CASE("flags are taken in all their spellings", "[trainers]") {
  const auto settings = settings_of<Settings>(
      said({"--kind=line", "--count", "7", "--no-fast", "--rate", "1e-2"}).all());
  CHECK(settings.kind == "line");
  CHECK(settings.count == 7);
  CHECK(settings.rate == 0.01);
  CHECK_FALSE(settings.fast);
  CHECK(settings_of<Settings>(said({"--fast"}).all()).fast);
  CHECK_FALSE(settings_of<Settings>(said({"--fast", "false"}).all()).fast);
  CHECK(said({"--run-name", "a b", "--wait_minutes=1"}).all().at("run_name") == "a b");
}

TEST_CASE("a word that begins a longer text wants the rest of it", "[trainers]") {
  CHECK(settings_of<Settings>(said({"--kind", "file:x"}).all()).kind == "file:x");
  CHECK_THAT(refusal({"--kind", "file:"}), Contains("one of tree, line, file:…"));
}

TEST_CASE("a refusal names the parameter, the value and what is allowed", "[trainers]") {
  CHECK_THAT(refusal({"--count", "0"}),
             Contains("count cannot be '0'") && Contains("a whole number from 1 to 100"));
  CHECK_THAT(refusal({"--count", "2.5"}), Contains("'2.5'"));
  CHECK_THAT(refusal({"--rate", "0"}), Contains("above 0"));
  CHECK_THAT(refusal({"--rate", "nan"}), Contains("'nan'"));
  CHECK_THAT(refusal({"--fast", "soon"}), Contains("true or false"));
  CHECK_THAT(refusal({"--cuont", "3"}), Contains("no parameter --cuont"));
  CHECK_THAT(refusal({"--count"}), Contains("wants a value"));
  CHECK_THAT(refusal({"count"}), Contains("--name value"));
}

TEST_CASE("resuming is offered only by trainers that can", "[trainers]") {
  CHECK_THAT(refusal({"--resume", "x"}), Contains("no parameter"));
  Trainer resuming = trainer();
  resuming.can_resume = true;
  CHECK(read_words(resuming, {"--resume", "x"}, no_variables(), {}).flags.at("resume") == "x");
}

TEST_CASE("flags win over variables, variables over .env", "[trainers]") {
  const Variables variables = [](const std::string& name) -> std::optional<std::string> {
    if (name == "COUNT") return "20";
    if (name == "RATE") return "0.5";
    return std::nullopt;
  };
  const auto dotenv = read_dotenv("KIND=line\nCOUNT=30\nRATE=0.1\n");
  const auto settings =
      settings_of<Settings>(read_words(trainer(), {"--rate", "0.9"}, variables, dotenv).all());
  CHECK(settings.kind == "line");
  CHECK(settings.count == 20);
  CHECK(settings.rate == 0.9);
  CHECK_THROWS_WITH(read_words(trainer(), {}, no_variables(), {{"COUNT", "x"}}),
                    Contains("by COUNT in .env"));
  // A .env that is meant for another trainer is outdone by a flag.
  CHECK(
      read_words(trainer(), {"--count", "7"}, no_variables(), {{"COUNT", "x"}}).all().at("count") ==
      "7");
}

TEST_CASE("a .env file is read as python-dotenv reads plain lines", "[trainers]") {
  const auto read = read_dotenv(
      "# all\r\nA=1\r\n export B = two words # why\nC='x # y' # z\nD=\"\"\nnothing\nE=a#b\n");
  CHECK(read == std::map<std::string, std::string>{
                    {"A", "1"}, {"B", "two words"}, {"C", "x # y"}, {"D", ""}, {"E", "a#b"}});
}

TEST_CASE("settings come back from how they would be typed", "[trainers]") {
  Settings settings;
  settings.rate = 0.1 + 0.2;
  settings.fast = false;
  const auto back = settings_of<Settings>(texts_of(settings));
  CHECK(back.rate == settings.rate);
  CHECK_FALSE(back.fast);
}

TEST_CASE("every trainer's default is allowed", "[trainers]") {
  for (const Trainer& one : trainers::trainers()) {
    for (const ParameterRow& row : all_rows(one)) {
      INFO(one.name << " " << row.name);
      CHECK_FALSE(row.about.empty());
      if (!row.allowed.empty() || !row.standard.empty()) CHECK_NOTHROW(row.check(row.standard));
    }
  }
}
