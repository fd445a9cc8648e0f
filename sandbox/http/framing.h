// The strict reading of HTTP/1.1 framing: request heads and chunk lines, as pure functions over
// bytes. What is not exactly well-formed is refused and its connection closed, because two readers
// that disagree about where a request ends let one client's bytes become another's request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sandbox/http/request.h"

namespace sandbox::http {

struct HeadLimits {
  std::size_t bytes_max = 64 * 1024;  // the target may take half of it
  std::size_t headers_max = 200;
};

// Finds the end of a head in input that grows; every byte is looked at once.
class HeadScanner {
 public:
  // `input` is everything received since the head began. Answers how many of its bytes parse_head
  // should be given: the whole head, or the part that already shows that it must be refused; 0
  // while more has to come.
  std::size_t scan(std::string_view input, const HeadLimits& limits);

 private:
  std::size_t seen_ = 0;
};

struct Head {
  Request request;  // all but id, remote_address, secure and body
  bool is_http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool is_chunked = false;
  std::optional<std::uint64_t> content_length;
};

// A head that is not accepted: the status and the sentence of the answer. The connection is closed.
struct Refusal {
  int status = 400;
  std::string reason;
};

// One empty line before the request line is allowed, as RFC 9112 asks of servers.
std::variant<Head, Refusal> parse_head(std::string_view bytes, const HeadLimits& limits);

// The size that a chunk's first line (without its CRLF) announces, nullopt when it is malformed.
std::optional<std::uint64_t> parse_chunk_size(std::string_view line);

}  // namespace sandbox::http
