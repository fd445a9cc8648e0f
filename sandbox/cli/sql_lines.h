// Where the lines of `sql` come from: a person at a terminal, with editing and a history, or a
// file. The only includer of the line-editing library is sql_lines.cpp.
#pragma once

#include <optional>
#include <string>

namespace sandbox::cli {

class Lines {
 public:
  // At a terminal lines are remembered in `history_file`, for its owner only.
  explicit Lines(std::string history_file);
  ~Lines();
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  // The next line without its end; nullopt after the last one. The prompt is shown at a terminal.
  std::optional<std::string> next(const std::string& prompt);
  // Puts what was typed, over however many lines, into the history as one.
  void remember(std::string text) const;

 private:
  std::string history_file_;
  bool is_terminal_;
};

}  // namespace sandbox::cli
