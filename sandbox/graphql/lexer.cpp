#include "sandbox/graphql/lexer.h"

#include <algorithm>
#include <cctype>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"

namespace sandbox::graphql {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_start(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::size_t blanks_of(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos ? line.size() : first;
}

// What a block string means: the indent its lines share is taken away, blank lines at both ends
// too.
std::string dedented(std::string_view raw) {
  std::string text(raw);
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  std::vector<std::string> lines = split(text, '\n');
  std::size_t indent = std::string::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t blanks = blanks_of(lines[i]);
    if (blanks < lines[i].size()) indent = std::min(indent, blanks);
  }
  for (std::size_t i = 1; indent != std::string::npos && i < lines.size(); ++i) {
    lines[i].erase(0, indent);
  }
  const auto is_blank = [](const std::string& line) { return blanks_of(line) == line.size(); };
  const auto first = std::find_if_not(lines.begin(), lines.end(), is_blank);
  const auto last = std::find_if_not(lines.rbegin(), lines.rend(), is_blank).base();
  return first < last ? join({first, last}, "\n") : "";
}

}  // namespace

void Lexer::refuse(const std::string& what, std::size_t at) const {
  const std::string_view before = text_.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  throw Error(Code::bad_request, "Syntax Error: " + what + " at line " + std::to_string(line) +
                                     ", column " + std::to_string(at - line_start + 1) + ".");
}

void Lexer::skip_ignored() {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  while (at_ < text_.size()) {
    if (text_[at_] == '#') {
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    } else if (std::string_view(" \t\r\n,").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    } else if (rest().starts_with(byte_order_mark)) {
      at_ += byte_order_mark.size();
    } else {
      return;
    }
  }
}

Token Lexer::next() {
  skip_ignored();
  if (at_ == text_.size()) return {Token::Kind::end, "", at_};
  const char c = text_[at_];
  if (is_name_start(c)) return name();
  if (is_digit(c) || c == '-') return number();
  if (rest().starts_with("\"\"\"")) return block();
  if (c == '"') return quoted();
  const std::size_t length = rest().starts_with("...") ? 3 : 1;
  if (length == 1 && std::string_view("!$&()|:=@[]{}").find(c) == std::string_view::npos) {
    refuse(std::string("Unexpected character '") + c + "'", at_);
  }
  const Token token{Token::Kind::punctuator, std::string(rest().substr(0, length)), at_};
  at_ += length;
  return token;
}

Token Lexer::name() {
  const std::size_t start = at_;
  while (at_ < text_.size() && (is_name_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
  return {Token::Kind::name, std::string(text_.substr(start, at_ - start)), start};
}

Token Lexer::number() {
  const std::size_t start = at_;
  Token::Kind kind = Token::Kind::integer;
  const auto digits = [&] {
    if (at_ == text_.size() || !is_digit(text_[at_])) refuse("Invalid number, expected digit", at_);
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  };
  if (text_[at_] == '-') ++at_;
  const std::size_t first = at_;
  digits();
  if (text_[first] == '0' && at_ > first + 1) refuse("Invalid number, unexpected digit", first + 1);
  if (rest().starts_with('.')) {
    kind = Token::Kind::floating;
    ++at_;
    digits();
  }
  if (rest().starts_with('e') || rest().starts_with('E')) {
    kind = Token::Kind::floating;
    ++at_;
    if (rest().starts_with('+') || rest().starts_with('-')) ++at_;
    digits();
  }
  if (at_ < text_.size() && (text_[at_] == '.' || is_name_start(text_[at_]))) {
    refuse("Invalid number, expected digit", at_);
  }
  return {kind, std::string(text_.substr(start, at_ - start)), start};
}

Token Lexer::quoted() {
  const std::size_t start = at_++;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (text_[at_] == '\n' || text_[at_] == '\r') break;
    at_ += text_[at_] == '\\' ? 2 : 1;
  }
  if (at_ >= text_.size() || text_[at_] != '"') {
    refuse("Unterminated string", std::min(at_, text_.size()));
  }
  ++at_;
  // Its escapes are those of JSON.
  Token token{Token::Kind::text, "", start};
  const JsonDocument json(text_.substr(start, at_ - start));
  json.root().read(token.text);
  return token;
}

Token Lexer::block() {
  const std::size_t start = at_;
  std::string raw;
  for (at_ += 3; !rest().starts_with("\"\"\""); ++at_) {
    if (at_ == text_.size()) refuse("Unterminated string", at_);
    if (rest().starts_with("\\\"\"\"")) {
      raw += "\"\"\"";
      at_ += 3;
    } else {
      raw += text_[at_];
    }
  }
  at_ += 3;
  return {Token::Kind::text, dedented(raw), start};
}

}  // namespace sandbox::graphql
