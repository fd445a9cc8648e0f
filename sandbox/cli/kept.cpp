#include <cstdio>
#include <iostream>
#include <iterator>

#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/tracking/experiments.h"

// What the lab keeps for jobs that ask for it. A secret's value comes from a prompt or standard
// input, never from the command line, which everybody on the machine sees.
namespace sandbox::cli {
namespace {

struct Listing {
  std::vector<std::string> names;
  std::vector<tracking::KeyValue> values;
  static constexpr auto fields() {
    return std::tuple{field("names", &Listing::names), field("values", &Listing::values)};
  }
};

struct Wanted {
  std::string word;  // a name, or NAME=VALUE
  bool as_json = false;
  LabFlags lab;
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// All of standard input without its last line's end, so that keys of many lines stay whole.
std::string secret_value(const std::string& name) {
  if (isatty(STDIN_FILENO) != 0) return read_hidden_line("Value of " + name + ": ");
  std::string value{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

std::string as_json(const tracking::KeyValue& variable) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.name("name");
  writer.value(variable.key);
  writer.name("value");
  writer.value(variable.value);
  writer.end_object();
  return out;
}

// `word` describes the word that the command takes; null for one that takes none.
bool parse(const std::string& command,
           const std::string& about,
           const char* word,
           Wanted& wanted,
           const Words& words) {
  Arguments arguments(command, about);
  if (word != nullptr) {
    arguments.text("name", wanted.word, word);
  } else {
    arguments.flag("--json", wanted.as_json, "As JSON");
  }
  wanted.lab.declare(arguments);
  if (!arguments.parse(words)) return false;
  if (word != nullptr && wanted.word.empty()) refuse("Say its name: " + command + " NAME.");
  return true;
}

int set_secret(const Words& words) {
  Wanted wanted;
  if (!parse("secret set", "Keeps a secret; its value is asked for, or read from standard input.",
             "The variable that jobs get", wanted, words)) {
    return 0;
  }
  if (wanted.word.find('=') != std::string::npos) {
    refuse(
        "A value on the command line is seen by everybody on this machine, so it was not taken. "
        "Type the name alone; the value is asked for, or read from standard input.");
  }
  TrackingDoor door(wanted.lab);
  door.post("sandbox/secrets", as_json({wanted.word, secret_value(wanted.word)}));
  std::printf("Kept. `%s run --secret %s -- COMMAND` gives it to a job.\n", program().c_str(),
              wanted.word.c_str());
  return 0;
}

int set_config(const Words& words) {
  Wanted wanted;
  if (!parse("config set", "Keeps a variable, which anybody who may look at the lab can read.",
             "NAME=VALUE", wanted, words)) {
    return 0;
  }
  const std::size_t equals = wanted.word.find('=');
  if (equals == std::string::npos) refuse("Write config set NAME=VALUE.");
  const tracking::KeyValue variable{wanted.word.substr(0, equals), wanted.word.substr(equals + 1)};
  TrackingDoor door(wanted.lab);
  door.post("sandbox/config", as_json(variable));
  std::printf(
      "Kept. `%s run --config %s -- COMMAND` gives it to a job, --all-config gives all of them.\n",
      program().c_str(), variable.key.c_str());
  return 0;
}

int list(const std::string& noun, const std::string& path, const Words& words) {
  Wanted wanted;
  if (!parse(noun + " list", "Lists what is kept.", nullptr, wanted, words)) return 0;
  TrackingDoor door(wanted.lab);
  const std::string answer = door.get(path, {});
  if (wanted.as_json) {
    std::printf("%s\n", answer.c_str());
    return 0;
  }
  const auto listing = from_json<Listing>(answer);
  for (const std::string& name : listing.names) std::printf("%s\n", name.c_str());
  for (const auto& [name, value] : listing.values) {
    std::printf("%s=%s\n", name.c_str(), value.c_str());
  }
  return 0;
}

int remove(const std::string& noun, const std::string& path, const Words& words) {
  Wanted wanted;
  if (!parse(noun + " rm", "Removes what is kept; jobs that run keep what they were given.",
             "Its name", wanted, words)) {
    return 0;
  }
  TrackingDoor door(wanted.lab);
  door.remove(path + "/" + percent_encode(wanted.word));
  std::printf("Removed.\n");
  return 0;
}

struct Noun {
  std::string name;
  std::string path;
  int (*set)(const Words& words);
  const char* set_line;
};

int look_after(const Noun& noun, const Words& words) {
  const std::string verb = words.empty() ? "" : words[0];
  const Words rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (verb == "set") return noun.set(rest);
  if (verb == "list" || verb == "ls") return list(noun.name, noun.path, rest);
  if (verb == "rm") return remove(noun.name, noun.path, rest);
  const bool is_help = verb == "--help" || verb == "-h";
  std::fprintf(is_help ? stdout : stderr,
               "Usage: mlops-sandbox %s set|list|rm (each has --help)\n\n%s"
               "  list             what is kept\n"
               "  rm NAME          forget it\n",
               noun.name.c_str(), noun.set_line);
  return is_help ? 0 : 2;
}

}  // namespace

int secret(const Words& words) {
  return look_after({"secret", "sandbox/secrets", set_secret,
                     "  set NAME         keep a secret: asked for, or read from standard input\n"},
                    words);
}

int config(const Words& words) {
  return look_after({"config", "sandbox/config", set_config,
                     "  set NAME=VALUE   keep a variable that is no secret\n"},
                    words);
}

}  // namespace sandbox::cli
