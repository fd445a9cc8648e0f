#include "sandbox/cli/arguments.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <termios.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::cli {

struct Arguments::Parser {
  CLI::App app;
};

std::string program() {
  return shell_word(process_environment()("MLOPS_SANDBOX_COMMAND").value_or("./mlops-sandbox"));
}

std::string data_dir_flag(const std::string& data_dir) {
  if (data_dir == find_data_dir("", process_environment())) return "";
  return " --data-dir " + shell_word(data_dir);
}

std::string read_hidden_line(const std::string& prompt) {
  termios shown{};
  const bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
  if (is_terminal) {
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  std::fputs(prompt.c_str(), stderr);
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    line += static_cast<char>(c);
  }
  if (is_terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    std::fputc('\n', stderr);
  }
  return line;
}

Arguments::Arguments(const std::string& command, const std::string& about)
    : parser_(std::make_unique<Parser>()), command_(command) {
  parser_->app.name("mlops-sandbox " + command);
  parser_->app.description(about);
  parser_->app.get_formatter()->column_width(36);
  parser_->app.get_formatter()->label("TEXT", "");
  parser_->app.get_formatter()->label("TEXT ...", "");
}

Arguments::~Arguments() = default;

void Arguments::text(const std::string& names, std::string& into, const std::string& about) {
  parser_->app.add_option(names, into, about);
}

void Arguments::number(const std::string& names, std::int64_t& into, const std::string& about) {
  parser_->app.add_option(names, into, about);
}

void Arguments::flag(const std::string& names, bool& into, const std::string& about) {
  parser_->app.add_flag(names, into, about);
}

void Arguments::list(const std::string& names,
                     std::vector<std::string>& into,
                     const std::string& about) {
  parser_->app.add_option(names, into, about)->expected(1)->take_all();
}

void Arguments::one_of(const std::string& names,
                       std::string& into,
                       const std::vector<std::string>& words,
                       const std::string& about) {
  parser_->app.add_option(names, into, about)->check(CLI::IsMember(words));
}

void Arguments::footer(const std::string& text) {
  parser_->app.footer(text);
}

bool Arguments::parse(const std::vector<std::string>& words) {
  // The library wants them last word first.
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    parser_->app.parse(reversed);
    return true;
  } catch (const CLI::CallForHelp&) {
    std::fputs(parser_->app.help().c_str(), stdout);
    return false;
  } catch (const CLI::ParseError& error) {
    throw Error(Code::invalid_parameter_value, std::string(error.what()) + "\n`" + program() + " " +
                                                   command_ + " --help` shows what it takes.");
  }
}

}  // namespace sandbox::cli
