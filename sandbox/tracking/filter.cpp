#include "sandbox/tracking/filter.h"

#include <array>
#include <cstdint>

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

// One word, quoted text, number, comparator or parenthesis of a filter.
struct Token {
  enum class Kind { word, text, number, comparator, open, close, comma, end };
  Kind kind = Kind::end;
  std::string text;       // text: without its quotes
  std::size_t start = 0;  // where it stands in the filter
  std::size_t stop = 0;
};

// Splits a filter into tokens. A word is an identifier with its quoted parts: tags."my key".
class Lexer {
 public:
  explicit Lexer(std::string_view filter) : filter_(filter) {}

  Token next() {
    while (at_ < filter_.size() && is_blank(filter_[at_])) ++at_;
    Token token;
    token.start = at_;
    if (at_ < filter_.size()) read(token);
    token.stop = at_;
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
    } else if (std::string_view("=!<>").find(c) != std::string_view::npos) {
      token.kind = Token::Kind::comparator;
      token.text = c;
      ++at_;
      if (at_ < filter_.size() && filter_[at_] == '=' && c != '=') {
        token.text += '=';
        ++at_;
      }
      if (token.text == "!") refuse("Invalid comparator '!' in the filter; write != instead.");
    } else if (c == '\'' || c == '"') {
      token.kind = Token::Kind::text;
      token.text = quoted(c);
    } else if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
      token.kind = Token::Kind::number;
      while (at_ < filter_.size() && is_number_part()) token.text += filter_[at_++];
      if (!parse_double(token.text.starts_with('+') ? token.text.substr(1) : token.text)) {
        refuse("Invalid number '" + token.text + "' in the filter.");
      }
    } else {
      token.kind = Token::Kind::word;
      read_word(token.text);
    }
  }

  bool is_number_part() const {
    const char c = filter_[at_];
    return (c >= '0' && c <= '9') || std::string_view("+-.eE").find(c) != std::string_view::npos;
  }

  // The text keeps its quotes: `a.b`.c and a."b.c" are told apart later.
  void read_word(std::string& word) {
    while (at_ < filter_.size()) {
      const char c = filter_[at_];
      if (c == '`' || c == '"' || c == '\'') {
        word += c;
        word += quoted(c);
        word += c;
      } else if (is_blank(c) || std::string_view("=!<>(),").find(c) != std::string_view::npos) {
        break;
      } else {
        word += c;
        ++at_;
      }
    }
  }

  std::string quoted(char quote) {
    const std::size_t end = filter_.find(quote, at_ + 1);
    if (end == std::string_view::npos) {
      refuse("Invalid clause(s) in filter string: '" + std::string(filter_.substr(at_)) +
             "' has no closing " + quote + ".");
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

class FilterParser {
 public:
  explicit FilterParser(std::string_view filter) : filter_(filter), lexer_(filter) { advance(); }

  std::vector<Comparison> parse() {
    std::vector<Comparison> comparisons;
    if (token_.kind == Token::Kind::end) return comparisons;
    comparisons.push_back(comparison());
    while (token_.kind != Token::Kind::end) {
      if (token_.kind != Token::Kind::word || !equal_ignoring_case(token_.text, "AND")) {
        refuse_rest();
      }
      advance();
      comparisons.push_back(comparison());
    }
    return comparisons;
  }

 private:
  void advance() {
    last_stop_ = token_.stop;
    token_ = lexer_.next();
  }

  [[noreturn]] void refuse_rest() const {
    refuse("Invalid clause(s) in filter string: '" + std::string(filter_.substr(token_.start)) +
           "'. A filter is a list of comparisons joined by AND, such as metrics.acc > 0.9 AND "
           "tags.team = 'a'.");
  }

  // Takes the word when it is the wanted one.
  bool take_word(std::string_view wanted) {
    if (token_.kind != Token::Kind::word || !equal_ignoring_case(token_.text, wanted)) return false;
    advance();
    return true;
  }

  Comparison comparison() {
    Comparison result;
    const std::size_t start = token_.start;
    if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::text) refuse_rest();
    std::tie(result.prefix, result.key) = split_identifier(token_.text);
    advance();
    // Two words make one key in MLflow: "run name".
    if (result.prefix.empty() && equal_ignoring_case(result.key, "run") && take_word("name")) {
      result.key = "run name";
    }
    result.comparator = comparator();
    if (result.comparator == "IN" || result.comparator == "NOT IN") {
      read_list(result);
    } else if (!result.comparator.starts_with("IS")) {
      result.values.push_back(operand());
    }
    result.clause = std::string(trim(filter_.substr(start, last_stop_ - start)));
    return result;
  }

  std::string comparator() {
    if (token_.kind == Token::Kind::comparator) {
      std::string text = token_.text;
      advance();
      return text;
    }
    for (const std::string_view word : {"LIKE", "ILIKE", "RLIKE", "IN"}) {
      if (take_word(word)) return std::string(word);
    }
    if (take_word("NOT")) {
      if (take_word("IN")) return "NOT IN";
    } else if (take_word("IS")) {
      const bool negated = take_word("NOT");
      if (take_word("NULL")) return negated ? "IS NOT NULL" : "IS NULL";
    }
    refuse_rest();
  }

  Comparison::Operand operand() {
    if (token_.kind != Token::Kind::text && token_.kind != Token::Kind::number) {
      if (token_.kind == Token::Kind::word) {
        refuse(
            "Parameter value is either not quoted or unidentified quote types used for string "
            "value " +
            token_.text + ". Use either single or double quotes.");
      }
      refuse("Invalid clause(s) in filter string: the comparison has no value.");
    }
    Comparison::Operand value{token_.kind == Token::Kind::text, token_.text};
    advance();
    return value;
  }

  void read_list(Comparison& comparison) {
    if (token_.kind != Token::Kind::open) {
      refuse(
          "While parsing a list in the query, expected a list of quoted string values in "
          "parentheses, such as IN ('a', 'b').");
    }
    do {
      advance();
      // Python's one-element tuples end in a comma: ('a',).
      if (token_.kind == Token::Kind::close && !comparison.values.empty()) break;
      Comparison::Operand value = operand();
      if (!value.is_text) {
        refuse(
            "While parsing a list in the query, expected string value, punctuation, or "
            "whitespace, but got " +
            value.text + ".");
      }
      comparison.values.push_back(std::move(value));
    } while (token_.kind == Token::Kind::comma);
    if (token_.kind != Token::Kind::close) refuse_rest();
    advance();
  }

  std::string_view filter_;
  Lexer lexer_;
  Token token_;
  std::size_t last_stop_ = 0;
};

}  // namespace

std::vector<Comparison> parse_filter(std::string_view filter) {
  return FilterParser(filter).parse();
}

OrderClause parse_order_by(std::string_view clause) {
  const auto refuse_clause = [&] {
    refuse("Invalid order_by clause '" + std::string(clause) +
           "'. Write a key and, if you like, ASC or DESC, such as metrics.acc DESC.");
  };
  Lexer lexer(clause);
  const Token identifier = lexer.next();
  Token direction = lexer.next();
  if (identifier.kind != Token::Kind::word && identifier.kind != Token::Kind::text) refuse_clause();
  OrderClause result;
  std::tie(result.prefix, result.key) = split_identifier(identifier.text);
  if (direction.kind == Token::Kind::end) return result;
  if (direction.kind != Token::Kind::word || lexer.next().kind != Token::Kind::end) refuse_clause();
  if (equal_ignoring_case(direction.text, "DESC")) {
    result.ascending = false;
  } else if (!equal_ignoring_case(direction.text, "ASC")) {
    refuse("Invalid ordering key in order_by clause '" + std::string(clause) +
           "'. It must be ASC or DESC.");
  }
  return result;
}

Condition text_condition(const std::string& column, const Comparison& comparison) {
  for (const Comparison::Operand& value : comparison.values) {
    if (!value.is_text) {
      refuse("Expected a quoted string value for '" + comparison.key +
             "' (e.g. 'my-value'). Got value " + value.text);
    }
  }
  Condition condition;
  for (const Comparison::Operand& value : comparison.values) condition.texts.push_back(value.text);
  const std::string& comparator = comparison.comparator;
  if (comparator == "IN" || comparator == "NOT IN") {
    condition.sql = column + " " + comparator + " (?";
    for (std::size_t i = 1; i < condition.texts.size(); ++i) condition.sql += ",?";
    condition.sql += ")";
  } else if (comparator == "ILIKE") {
    condition.sql = "lower(" + column + ") LIKE lower(?)";
  } else if (comparator == "=" || comparator == "!=" || comparator == "LIKE") {
    condition.sql = column + " " + comparator + " ?";
  } else {
    refuse("Invalid comparator '" + comparator + "' in '" + comparison.clause +
           "', not one of '=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'.");
  }
  return condition;
}

Condition number_condition(const std::string& column, const Comparison& comparison) {
  constexpr std::array<std::string_view, 6> allowed{"=", "!=", ">", ">=", "<", "<="};
  bool found = false;
  for (const std::string_view one : allowed) found = found || one == comparison.comparator;
  if (!found) {
    refuse("Invalid comparator '" + comparison.comparator + "' in '" + comparison.clause +
           "', not one of '=', '!=', '>', '>=', '<', '<='.");
  }
  const Comparison::Operand& value = comparison.values.front();
  if (value.is_text) {
    refuse("Expected numeric value type for '" + comparison.key + "'. Found '" + value.text + "'");
  }
  Condition condition;
  condition.sql = column + " " + comparison.comparator + " ?";
  condition.numbers.push_back(
      *parse_double(value.text.starts_with('+') ? value.text.substr(1) : value.text));
  return condition;
}

std::string offset_token(std::int64_t offset) {
  return base64("{\"offset\": " + std::to_string(offset) + "}");
}

std::int64_t token_offset(std::string_view token) {
  if (token.empty()) return 0;
  std::int64_t offset = -1;
  if (const auto text = unbase64(token)) {
    try {
      const JsonDocument document(*text);
      const auto member = document.root().member("offset");
      if (!member || !member->read(offset)) offset = -1;
    } catch (const Error&) {
      offset = -1;
    }
  }
  if (offset < 0) {
    refuse("Invalid page token '" + std::string(token) +
           "'. Use the next_page_token of the previous answer, with the same search.");
  }
  return offset;
}

}  // namespace sandbox::tracking
