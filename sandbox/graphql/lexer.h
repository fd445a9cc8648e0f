// GraphQL text as tokens, for this room's parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sandbox::graphql {

struct Token {
  enum class Kind { end, punctuator, name, integer, floating, text };
  Kind kind = Kind::end;
  std::string text;  // decoded
  std::size_t at = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  // Throws Error(bad_request) for text that begins no token.
  Token next();
  // "Syntax Error: <what> at line 2, column 7."
  [[noreturn]] void refuse(const std::string& what, std::size_t at) const;

 private:
  void skip_ignored();
  Token name();
  Token number();
  Token quoted();
  Token block();
  std::string_view rest() const { return text_.substr(at_); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace sandbox::graphql
