#include "sandbox/http/framing.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "sandbox/base/text.h"

namespace sandbox::http {
namespace {

constexpr std::size_t method_bytes_max = 32;

// Ends the parse below; caught in parse_head and nowhere else.
struct Refused {
  Refusal refusal;
};

[[noreturn]] void refuse(int status, std::string reason) {
  throw Refused{Refusal{status, std::move(reason)}};
}
[[noreturn]] void refuse(std::string reason) {
  refuse(400, std::move(reason));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
  });
}

// What a field value may hold: tab, visible ASCII, space, and bytes above ASCII.
bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

bool is_host(std::string_view text) {
  constexpr std::string_view others = "-._~%!$&'()*+,;=:[]";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
  });
}

std::string_view trim_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The text before the next CRLF, which is taken off `rest` together with it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

// "http://host/path" names the host twice; both must agree. Answers the part after the authority.
std::string_view strip_authority(std::string_view target, std::string& authority) {
  const std::size_t scheme_end = target.find("://");
  const std::string scheme = lower(target.substr(0, scheme_end));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    refuse("The request target must be a path that begins with '/'.");
  }
  target.remove_prefix(scheme_end + 3);
  const std::size_t path = std::min(target.find_first_of("/?"), target.size());
  authority = target.substr(0, path);
  if (authority.empty()) refuse("The request target names no host.");
  return target.substr(path);
}

void parse_target(std::string_view target, Request& request, std::string& authority) {
  const bool is_clean = std::all_of(target.begin(), target.end(),
                                    [](char c) { return c > 0x20 && c < 0x7F && c != '#'; });
  if (target.empty() || !is_clean) {
    refuse("The request target holds a character that must be percent-encoded.");
  }
  request.target = target;
  if (target == "*" && request.method == "OPTIONS") {
    request.raw_path = request.path = "*";
    return;
  }
  if (target.front() != '/') target = strip_authority(target, authority);
  const std::size_t question = target.find('?');
  request.raw_path = target.substr(0, question);
  if (request.raw_path.empty()) request.raw_path = "/";
  if (question != std::string_view::npos) request.raw_query = target.substr(question + 1);
  auto path = percent_decode(request.raw_path);
  if (!path) refuse("The request path has a broken percent escape.");
  request.path = std::move(*path);
  request.query = Query::parse(request.raw_query);
}

void parse_version(std::string_view version, Head& head) {
  if (version == "HTTP/1.1") return;
  if (version == "HTTP/1.0") {
    head.is_http_1_0 = true;
    head.keep_alive = false;
    return;
  }
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7])) {
    refuse(505, "This server speaks HTTP/1.1 and HTTP/1.0.");
  }
  refuse("The request line does not end in an HTTP version.");
}

void parse_request_line(std::string_view line,
                        const HeadLimits& limits,
                        Head& head,
                        std::string& authority) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last) {
    refuse("The request line is not a method, a target and a version with one space between.");
  }
  const std::string_view method = line.substr(0, first);
  if (!is_token(method) || method.size() > method_bytes_max) refuse("The method is malformed.");
  head.request.method = method;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.size() > limits.bytes_max / 2) refuse(414, "The request target is too long.");
  // The version goes first: a request of another version has other rules for its target.
  parse_version(line.substr(last + 1), head);
  parse_target(target, head.request, authority);
}

std::uint64_t parse_content_length(std::string_view text) {
  std::uint64_t value = 0;
  const bool is_digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!is_digits || failure != std::errc() || end != text.data() + text.size() || value > most) {
    refuse("The Content-Length is not a number of bytes.");
  }
  return value;
}

void parse_transfer_encoding(std::string_view text, Head& head) {
  if (head.is_http_1_0) refuse("HTTP/1.0 has no Transfer-Encoding.");
  const std::vector<std::string> codings = split(text, ',');
  for (const std::string& one : codings) {
    const std::string coding = lower(trim_blanks(one));
    if (!is_token(coding)) refuse("The Transfer-Encoding is malformed.");
    if (coding != "chunked") refuse(501, "The only transfer coding this server knows is chunked.");
  }
  if (codings.size() != 1) refuse("The body is chunked more than once.");
  head.is_chunked = true;
}

void parse_connection(std::string_view text, Head& head) {
  for (const std::string& option : split(text, ',')) {
    if (equal_ignoring_case(trim_blanks(option), "close")) head.keep_alive = false;
  }
}

void parse_expect(std::string_view text, Head& head) {
  if (!equal_ignoring_case(text, "100-continue")) {
    refuse(417, "The only expectation this server knows is 100-continue.");
  }
  head.expects_continue = !head.is_http_1_0;
}

void parse_fields(std::string_view rest, const HeadLimits& limits, Head& head) {
  bool has_transfer_encoding = false;
  for (std::size_t count = 0; !rest.empty(); ++count) {
    if (count == limits.headers_max) refuse(431, "The request has too many header fields.");
    const std::string_view line = take_line(rest);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) refuse("A header field has no colon.");
    const std::string_view name = line.substr(0, colon);
    if (!is_token(name)) refuse("The name of a header field is malformed.");
    const std::string_view value = trim_blanks(line.substr(colon + 1));
    if (!is_field_text(value)) refuse("A header field holds a control character.");
    if (equal_ignoring_case(name, "Content-Length")) {
      if (head.content_length) refuse("The request has more than one Content-Length.");
      head.content_length = parse_content_length(value);
    } else if (equal_ignoring_case(name, "Transfer-Encoding")) {
      if (has_transfer_encoding) refuse("The request has more than one Transfer-Encoding.");
      has_transfer_encoding = true;
      parse_transfer_encoding(value, head);
    } else if (equal_ignoring_case(name, "Connection")) {
      parse_connection(value, head);
    } else if (equal_ignoring_case(name, "Expect")) {
      parse_expect(value, head);
    } else if (equal_ignoring_case(name, "Host")) {
      if (head.request.headers.find("Host")) refuse("The request has more than one Host.");
      if (!is_host(value)) refuse("The Host is malformed.");
    }
    head.request.headers.add(std::string(name), std::string(value));
  }
  if (has_transfer_encoding && head.content_length) {
    refuse("The request has both Content-Length and Transfer-Encoding.");
  }
}

Head parse(std::string_view bytes, const HeadLimits& limits) {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (bytes.size() > limits.bytes_max) {
    const bool is_long_line =
        bytes.substr(0, limits.bytes_max).find("\r\n") == std::string_view::npos;
    if (is_long_line) refuse(414, "The request target is too long.");
    refuse(431, "The request head is too large.");
  }
  if (!bytes.ends_with("\r\n\r\n")) refuse("The request head holds a bare CR, LF or control byte.");
  bytes.remove_suffix(2);
  Head head;
  std::string authority;
  parse_request_line(take_line(bytes), limits, head, authority);
  parse_fields(bytes, limits, head);
  const auto host = head.request.headers.find("Host");
  if (!host && !head.is_http_1_0) refuse("The request has no Host.");
  if (!authority.empty() && host && !equal_ignoring_case(authority, *host)) {
    refuse("The request target and the Host name different hosts.");
  }
  return head;
}

}  // namespace

std::size_t HeadScanner::scan(std::string_view input, const HeadLimits& limits) {
  for (; seen_ < input.size(); ++seen_) {
    const auto byte = static_cast<unsigned char>(input[seen_]);
    const bool after_return = seen_ > 0 && input[seen_ - 1] == '\r';
    const bool is_control = byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n';
    if (is_control || after_return != (byte == '\n')) return seen_ + 1;
    if (byte == '\n' && seen_ >= 3 && input[seen_ - 2] == '\n') return seen_ + 1;
  }
  return input.size() > limits.bytes_max + 2 ? input.size() : 0;
}

std::variant<Head, Refusal> parse_head(std::string_view bytes, const HeadLimits& limits) {
  try {
    return parse(bytes, limits);
  } catch (Refused& refused) {
    return std::move(refused.refusal);
  }
}

std::optional<std::uint64_t> parse_chunk_size(std::string_view line) {
  // Fifteen digits keep every sum of sizes below 2^63.
  constexpr std::size_t digits_max = 15;
  std::uint64_t size = 0;
  const char* const begin = line.data();
  const auto [end, failure] = std::from_chars(begin, begin + line.size(), size, 16);
  const auto digits = static_cast<std::size_t>(end - begin);
  if (failure != std::errc() || digits > digits_max || line.front() == '-') return std::nullopt;
  const std::string_view after = line.substr(digits);
  if (after.empty()) return size;
  const std::string_view extension = trim_blanks(after);
  if (!extension.starts_with(';') || !is_field_text(after)) return std::nullopt;
  return size;
}

}  // namespace sandbox::http
