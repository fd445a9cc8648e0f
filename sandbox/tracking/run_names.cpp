#include <array>
#include <span>

#include "sandbox/tracking/runs.h"

namespace sandbox::tracking {
namespace {

constexpr std::array adjectives{
    "able",   "agile",  "amber",   "azure",  "bold",   "brave",  "breezy", "bright",
    "calm",   "candid", "clever",  "cosmic", "crisp",  "daring", "deft",   "eager",
    "early",  "fair",   "fleet",   "fond",   "frank",  "gentle", "glad",   "golden",
    "grand",  "happy",  "hardy",   "honest", "humble", "jolly",  "keen",   "kind",
    "lively", "loyal",  "lucid",   "lucky",  "mellow", "merry",  "mighty", "modest",
    "nimble", "noble",  "patient", "placid", "polite", "proud",  "quick",  "quiet",
    "rapid",  "ready",  "serene",  "sharp",  "silent", "smart",  "snowy",  "steady",
    "sunny",  "swift",  "tidy",    "upbeat", "vivid",  "warm",   "wise",   "witty"};
constexpr std::array nouns{
    "badger", "bear",  "beetle",  "bison", "crane",  "crow",  "deer",  "dove",  "duck",   "eagle",
    "falcon", "finch", "fox",     "frog",  "gecko",  "goat",  "goose", "hare",  "hawk",   "heron",
    "horse",  "ibis",  "jay",     "koala", "lark",   "lemur", "lion",  "lynx",  "magpie", "marmot",
    "mole",   "moose", "moth",    "newt",  "ocelot", "orca",  "otter", "owl",   "ox",     "panda",
    "pigeon", "pike",  "plover",  "puma",  "quail",  "ram",   "raven", "robin", "salmon", "seal",
    "shrew",  "snail", "sparrow", "stork", "swan",   "tiger", "toad",  "trout", "turtle", "viper",
    "whale",  "wolf",  "wren",    "yak"};
constexpr unsigned number_max = 1000;

}  // namespace

// The longest adjective, noun and number with their dashes are 7 + 7 + 4 + 2 = 20 characters.
std::string generate_run_name(Env& env) {
  std::array<std::uint8_t, 4> dice{};
  env.random_bytes(dice);
  const unsigned number = (dice[2] * 256U + dice[3]) % number_max;
  return std::string(adjectives[dice[0] % adjectives.size()]) + "-" +
         nouns[dice[1] % nouns.size()] + "-" + std::to_string(number);
}

}  // namespace sandbox::tracking
