// What a command takes, said once; the help is made from it. The only includer of the command-line
// library is arguments.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace sandbox::cli {

// How the person typed the program's name, for messages that say what to type next.
std::string program();
// The name and, where it is not the usual one, the place of the lab: " --data-dir '/a b'".
std::string data_dir_flag(const std::string& data_dir);

// A line of standard input without its end; what is typed at a terminal is not shown.
std::string read_hidden_line(const std::string& prompt);

class Arguments {
 public:
  Arguments(const std::string& command, const std::string& about);
  ~Arguments();

  // `names` is "--long" or "--long,-l" or, for a positional word, "word". Each leaves `into` as it
  // is when the option is absent.
  void text(const std::string& names, std::string& into, const std::string& about);
  void number(const std::string& names, std::int64_t& into, const std::string& about);
  void flag(const std::string& names, bool& into, const std::string& about);
  // May be given several times.
  void list(const std::string& names, std::vector<std::string>& into, const std::string& about);
  void one_of(const std::string& names,
              std::string& into,
              const std::vector<std::string>& words,
              const std::string& about);
  // Shown below the options.
  void footer(const std::string& text);

  // False when help was asked for and has been printed. Throws Error(invalid_parameter_value) for
  // what the command does not take.
  bool parse(const std::vector<std::string>& words);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string command_;
};

}  // namespace sandbox::cli
