#include "sandbox/cli/sql_lines.h"

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <iostream>

#include <sys/stat.h>
#include <unistd.h>

#include <editline/readline.h>

namespace sandbox::cli {
namespace {

constexpr int history_lines_max = 1000;

}  // namespace

Lines::Lines(std::string history_file)
    : history_file_(std::move(history_file)),
      is_terminal_(isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {
  if (!is_terminal_) return;
  std::setlocale(LC_CTYPE, "");  // so that the library knows how wide letters are
  rl_catch_signals = 1;          // it puts the terminal right again when Ctrl-C ends the program
  using_history();
  stifle_history(history_lines_max);
  read_history(history_file_.c_str());
}

Lines::~Lines() {
  if (!is_terminal_) return;
  const mode_t before = umask(077);
  write_history(history_file_.c_str());
  umask(before);
}

std::optional<std::string> Lines::next(const std::string& prompt) {
  if (!is_terminal_) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }
  char* typed = readline(prompt.c_str());
  if (typed == nullptr) return std::nullopt;
  std::string line = typed;
  std::free(typed);  // NOLINT(cppcoreguidelines-no-malloc): the library's malloc
  return line;
}

void Lines::remember(std::string text) const {
  if (!is_terminal_ || text.empty()) return;
  while (text.ends_with('\n')) text.pop_back();
  // A comment would swallow what follows it.
  if (text.find("--") == std::string::npos) std::replace(text.begin(), text.end(), '\n', ' ');
  add_history(text.c_str());
}

}  // namespace sandbox::cli
