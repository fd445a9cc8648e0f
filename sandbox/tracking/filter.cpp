#include "sandbox/tracking/filter.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <tuple>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"

namespace sandbox::tracking {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// std::from_chars knows no plus sign.
std::string_view number_text(std::string_view text) {
  return text.starts_with('+') ? text.substr(1) : text;
}

// One word, quoted text, number, comparator or mark of a filter.
struct Token {
  enum class Kind { word, text, number, comparator, open, close, comma, other, end };
  Kind kind = Kind::end;
  std::string text;          // a quoted text without its quotes
  std::string_view written;  // as it stands in the filter
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Splits a filter into tokens. A word is an identifier with its quoted parts: tags."my key".
class Lexer {
 public:
  explicit Lexer(std::string_view filter) : filter_(filter) {}

  Token next() {
    while (at_ < filter_.size() && is_blank(filter_[at_])) ++at_;
    Token token;
    const std::size_t start = at_;
    if (at_ < filter_.size()) read(token);
    token.written = filter_.substr(start, at_ - start);
    return token;
  }

 private:
  void read(Token& token) {
    const char c = filter_[at_];
    if (c == '(' || c == ')' || c == ',') {
      token.kind = c == '('   ? Token::Kind::open
                   : c == ')' ? Token::Kind::close
                              : Token::Kind::comma;
      ++at_;
    } else if (c == ';') {
      token.kind = Token::Kind::other;
      ++at_;
    } else if (const std::size_t length = comment_length(); length > 0) {
      token.kind = Token::Kind::other;
      at_ += length;
    } else if (is_comparator(c)) {
      token.kind = Token::Kind::comparator;
      while (at_ < filter_.size() && is_comparator(filter_[at_])) token.text += filter_[at_++];
    } else if (c == '\'' || c == '"') {
      token.kind = Token::Kind::text;
      token.text = quoted(c);
    } else {
      read_word(token.text);
      const std::size_t sign = token.text[0] == '+' || token.text[0] == '-' ? 1 : 0;
      const bool may_be_number =
          token.text.size() > sign && (is_digit(token.text[sign]) || token.text[sign] == '.');
      token.kind = may_be_number && parse_double(number_text(token.text)) ? Token::Kind::number
                                                                          : Token::Kind::word;
    }
  }

  // Of an SQL comment that begins here; 0 when none does.
  [[nodiscard]] std::size_t comment_length() const {
    const std::string_view rest = filter_.substr(at_);
    if (rest.starts_with("--") || rest.starts_with("# ")) {
      return std::min(rest.find_first_of("\r\n"), rest.size());
    }
    const std::size_t end = rest.starts_with("/*") ? rest.find("*/") : std::string_view::npos;
    return end == std::string_view::npos ? 0 : end + 2;
  }

  static bool is_comparator(char c) { return c == '=' || c == '!' || c == '<' || c == '>'; }

  // The text keeps its quotes: `a.b`.c and a."b.c" are told apart later.
  void read_word(std::string& word) {
    while (at_ < filter_.size()) {
      const char c = filter_[at_];
      if (c == '`' || c == '"' || c == '\'') {
        word += c;
        word += quoted(c);
        word += c;
      } else if (is_blank(c) || is_comparator(c) || c == '(' || c == ')' || c == ',' || c == ';') {
        break;
      } else {
        word += c;
        ++at_;
      }
    }
  }

  // Two quotes or a backslash and a quote do not end the text, unless none ends it later; both stay
  // in it as written, as in the reference.
  std::string quoted(char quote) {
    std::size_t end = std::string_view::npos;
    for (std::size_t i = at_ + 1; i < filter_.size(); ++i) {
      const bool is_escape = filter_[i] == '\\' && quote != '`';
      if (filter_[i] != quote && !is_escape) continue;
      const bool has_quote = i + 1 < filter_.size() && filter_[i + 1] == quote;
      if (!has_quote && is_escape) continue;
      end = has_quote && is_escape ? i + 1 : i;
      if (!has_quote) break;
      ++i;
    }
    if (end == std::string_view::npos) {
      refuse("Invalid clause(s) in filter string: '" + std::string(filter_.substr(at_)) +
             "' has no closing " + quote);
    }
    std::string inside(filter_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return inside;
  }

  std::string_view filter_;
  std::size_t at_ = 0;
};

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == text.back() &&
      std::string_view("`\"'").find(text.front()) != std::string_view::npos) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

// "metrics.`a.b`" -> {"metrics", "a.b"}; "name" -> {"", "name"}.
std::pair<std::string, std::string> split_identifier(std::string_view word) {
  std::size_t dot = std::string_view::npos;
  char quote = '\0';
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '`' || c == '"' || c == '\'') {
      quote = c;
    } else if (c == '.') {
      dot = i;
      break;
    }
  }
  if (dot == std::string_view::npos) return {"", unquoted(word)};
  return {unquoted(word.substr(0, dot)), unquoted(word.substr(dot + 1))};
}

// Walks over the tokens: what is neither a comparison nor AND is collected and refused at the end.
class FilterParser {
 public:
  explicit FilterParser(std::string_view filter) : filter_(filter) {
    Lexer lexer(filter);
    do tokens_.push_back(lexer.next());
    while (tokens_.back().kind != Token::Kind::end);
  }

  std::vector<Comparison> parse(std::string_view quote) {
    std::vector<Comparison> comparisons;
    std::string invalid;
    while (tokens_[at_].kind != Token::Kind::end) {
      if (is_word("AND")) {
        ++at_;
      } else if (auto found = comparison()) {
        comparisons.push_back(std::move(*found));
      } else {
        invalid.append(invalid.empty() ? "" : ", ").append(quote).append(skip()).append(quote);
      }
    }
    if (!invalid.empty()) refuse("Invalid clause(s) in filter string: " + invalid);
    return comparisons;
  }

 private:
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  [[nodiscard]] bool is_word(std::string_view wanted, std::size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::word && equal_ignoring_case(peek(ahead).text, wanted);
  }

  // The filter's text from one token to the end of another.
  [[nodiscard]] std::string_view between(std::size_t first, std::size_t last) const {
    const char* start = tokens_[first].written.data();
    const std::string_view end = tokens_[last].written;
    return {start, static_cast<std::size_t>(end.data() + end.size() - start)};
  }

  // One token, or a group in parentheses as a whole.
  std::string_view skip() {
    const std::size_t first = at_;
    int depth = 0;
    do {
      if (peek().kind == Token::Kind::open) ++depth;
      if (peek().kind == Token::Kind::close) --depth;
      ++at_;
    } while (depth > 0 && peek().kind != Token::Kind::end);
    return between(first, at_ - 1);
  }

  // How many tokens the comparator at `ahead` takes, 0 when there is none.
  std::size_t comparator_at(std::size_t ahead, std::string& comparator) const {
    if (peek(ahead).kind == Token::Kind::comparator) {
      comparator = peek(ahead).text;
      return 1;
    }
    const bool is_negated = is_word("NOT", ahead);
    for (const std::string_view word : {"LIKE", "ILIKE", "RLIKE", "IN"}) {
      if (is_word(word, ahead + (is_negated ? 1 : 0))) {
        comparator = (is_negated ? "NOT " : "") + std::string(word);
        return is_negated ? 2 : 1;
      }
    }
    if (is_word("IS", ahead) && is_word("NULL", ahead + 1)) {
      comparator = "IS NULL";
      return 2;
    }
    if (is_word("IS", ahead) && is_word("NOT", ahead + 1) && is_word("NULL", ahead + 2)) {
      comparator = "IS NOT NULL";
      return 3;
    }
    return 0;
  }

  std::optional<Comparison> comparison() {
    Comparison result;
    // Two words make one key in MLflow: run name.
    const std::size_t words = is_word("run") && is_word("name", 1) ? 2 : 1;
    const Token& left = peek();
    const bool may_be_left = left.kind == Token::Kind::word || left.kind == Token::Kind::text ||
                             left.kind == Token::Kind::number;
    if (!may_be_left || left.text.starts_with('.')) return std::nullopt;
    const std::size_t length = comparator_at(words, result.comparator);
    if (length == 0) return std::nullopt;
    const bool has_value = !result.comparator.starts_with("IS");
    const Token::Kind right = peek(words + length).kind;
    if (has_value &&
        (right == Token::Kind::end || right == Token::Kind::close || right == Token::Kind::comma ||
         right == Token::Kind::comparator || right == Token::Kind::other)) {
      return std::nullopt;
    }
    if (left.kind == Token::Kind::number || left.written.starts_with('\'')) {
      refuse("Invalid comparison clause. Expected 'Identifier' found '" +
             std::string(left.written) + "'");
    }
    std::tie(result.prefix, result.key) = split_identifier(left.text);
    if (words == 2) result.key = "run name";
    const std::size_t first = at_;
    at_ += words + length;
    if (has_value) read_value(result);
    result.clause = between(first, at_ - 1);
    return result;
  }

  static Comparison::Operand operand(const Token& token) {
    return {token.kind == Token::Kind::text, token.kind == Token::Kind::number, token.text,
            std::string(token.written)};
  }

  void read_value(Comparison& comparison) {
    const std::size_t first = at_;
    comparison.is_list = peek().kind == Token::Kind::open;
    if (!comparison.is_list) {
      comparison.values.push_back(operand(peek()));
      ++at_;
    } else {
      skip();
      for (std::size_t i = first + 1; i + 1 < at_; ++i) {
        if (tokens_[i].kind != Token::Kind::comma) comparison.values.push_back(operand(tokens_[i]));
      }
    }
    comparison.written = between(first, at_ - 1);
  }

  std::string_view filter_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Comparison> parse_filter(std::string_view filter, std::string_view quote) {
  if (filter.empty()) return {};
  if (trim(filter).empty()) {
    refuse("Invalid filter '" + std::string(filter) + "'. Could not be parsed.");
  }
  const std::size_t end = filter.find(';');
  if (end != std::string_view::npos && !trim(filter.substr(end + 1)).empty()) {
    // Outside quotes a semicolon ends an SQL statement; the text before it then has even quotes.
    const std::string_view before = filter.substr(0, end);
    if ((std::count(before.begin(), before.end(), '\'') +
         std::count(before.begin(), before.end(), '"')) %
            2 ==
        0) {
      const std::string mark = before.find('\'') == std::string_view::npos ? "'" : "\"";
      refuse("Search filter contained multiple expression " + mark + std::string(filter) + mark +
             ". Provide AND-ed expression list.");
    }
  }
  return FilterParser(filter).parse(quote);
}

OrderClause parse_order_by(std::string_view clause) {
  const auto refuse_clause = [&] {
    refuse("Invalid order_by clause '" + std::string(clause) + "'. Could not be parsed.");
  };
  Lexer lexer(clause);
  const Token identifier = lexer.next();
  const Token direction = lexer.next();
  const bool is_name = identifier.kind == Token::Kind::word || identifier.kind == Token::Kind::text;
  if (!is_name || identifier.written.starts_with('\'') || identifier.text.starts_with('.')) {
    refuse_clause();
  }
  OrderClause result;
  std::tie(result.prefix, result.key) = split_identifier(identifier.text);
  if (direction.kind == Token::Kind::end) return result;
  if (direction.kind != Token::Kind::word || lexer.next().kind != Token::Kind::end) refuse_clause();
  if (equal_ignoring_case(direction.text, "DESC")) {
    result.ascending = false;
  } else if (!equal_ignoring_case(direction.text, "ASC")) {
    refuse("Invalid ordering key in order_by clause '" + std::string(clause) + "'.");
  }
  return result;
}

void refuse_comparator(const Comparison& comparison, std::string_view allowed) {
  refuse("Invalid comparator '" + comparison.comparator + "' not one of '{" + std::string(allowed) +
         "}'");
}

Condition text_condition(const std::string& column,
                         const Comparison& comparison,
                         std::string_view subject) {
  Condition condition;
  for (const Comparison::Operand& value : comparison.values) {
    if (comparison.is_list && !value.is_text) {
      refuse(
          "While parsing a list in the query, expected string value, punctuation, or whitespace, "
          "but got different type in list: " +
          comparison.written);
    }
    if (!value.is_text && !value.is_number) {
      refuse(
          "Parameter value is either not quoted or unidentified quote types used for string "
          "value " +
          value.written + ". Use either single or double quotes.");
    }
    if (!value.is_text) {
      refuse("Expected a quoted string value for " + std::string(subject) + ". Got value " +
             value.written);
    }
    condition.texts.push_back(value.text);
  }
  if (condition.texts.empty()) {
    refuse(
        "While parsing a list in the query, expected a non-empty list of string values, but got "
        "empty list");
  }
  const std::string& comparator = comparison.comparator;
  const bool wants_list = comparator == "IN" || comparator == "NOT IN";
  if (wants_list && comparison.is_list) {
    condition.sql = column + " " + comparator + " (?";
    for (std::size_t i = 1; i < condition.texts.size(); ++i) condition.sql += ",?";
    condition.sql += ")";
  } else if (comparator == "ILIKE" && !comparison.is_list) {
    condition.sql = "lower(" + column + ") LIKE lower(?)";
  } else if ((comparator == "=" || comparator == "!=" || comparator == "LIKE") &&
             !comparison.is_list) {
    condition.sql = column + " " + comparator + " ?";
  } else {
    refuse_comparator(comparison, "'=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'");
  }
  return condition;
}

Condition number_condition(const std::string& column,
                           const Comparison& comparison,
                           std::string_view subject) {
  const Comparison::Operand* value =
      comparison.values.empty() ? nullptr : &comparison.values.front();
  if (comparison.is_list || value == nullptr || !value->is_number) {
    refuse("Expected numeric value type for " +
           (subject.empty() ? "numeric attribute: " + comparison.key : std::string(subject)) +
           ". Found " + comparison.written);
  }
  constexpr std::array<std::string_view, 6> allowed{"=", "!=", ">", ">=", "<", "<="};
  if (std::find(allowed.begin(), allowed.end(), comparison.comparator) == allowed.end()) {
    refuse_comparator(comparison, "'=', '!=', '>', '>=', '<', '<='");
  }
  Condition condition;
  condition.sql = column + " " + comparison.comparator + " ?";
  condition.numbers.push_back(*parse_double(number_text(value->text)));
  return condition;
}

std::string offset_token(std::int64_t offset) {
  return base64("{\"offset\": " + std::to_string(offset) + "}");
}

namespace {

// Bytes as Python writes them, for sentences.
std::string python_bytes(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "b'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    } else {
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 0x0F]};
    }
  }
  return out + "'";
}

}  // namespace

std::int64_t token_offset(std::string_view token) {
  if (token.empty()) return 0;
  const auto refuse_token = [](const std::string& reason) {
    refuse("Invalid page token, " + reason);
  };
  const auto text = unbase64(token);
  if (!text) refuse_token("could not base64-decode");
  std::optional<JsonDocument> document;
  try {
    document.emplace(*text);
  } catch (const Error&) {
    refuse_token("decoded value=" + python_bytes(*text));
  }
  const auto member = document->root().member("offset");
  std::int64_t offset = 0;
  if (!member || (member->read(offset) && offset == 0)) {
    refuse_token("parsed value=" + document->root().dump());
  }
  if (!member->read(offset)) refuse_token("not stringable " + member->dump());
  if (offset < 0) refuse_token("an offset of " + std::to_string(offset) + " is below 0");
  return offset;
}

}  // namespace sandbox::tracking
