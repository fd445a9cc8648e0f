// The head of an HTTP request and the first lines of chunks: accepted or refused, and the same
// however the bytes arrive.
#include <stdexcept>

#include "sandbox/http/framing.h"
#include "tests/fuzz/fuzz.h"

using namespace sandbox::http;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

std::size_t scan_in_pieces(std::string_view input, std::size_t piece, const HeadLimits& limits) {
  HeadScanner scanner;
  for (std::size_t seen = 0; seen < input.size();) {
    seen = std::min(input.size(), seen + piece);
    if (const std::size_t found = scanner.scan(input.substr(0, seen), limits)) return found;
  }
  return 0;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {"GET /api/2.0/mlflow/runs/get?run_id=a%20b HTTP/1.1\r\nHost: x\r\n\r\n",
          "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
          "PUT /y HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
          "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
          "\r\nGET /%zz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
          "1f;name=value",
          "FFFFFFFFFFFFFFFFF"};
}

void fuzz_one(std::string_view input) {
  HeadLimits limits;
  limits.bytes_max = 512;
  limits.headers_max = 8;
  parse_chunk_size(input);
  const std::size_t length = HeadScanner().scan(input, limits);
  if (length > input.size()) throw std::logic_error("a head longer than the input");
  const std::size_t in_pieces = scan_in_pieces(input, 1, limits);
  const auto is_accepted = [&](std::size_t bytes) {
    return bytes != 0 && std::holds_alternative<Head>(parse_head(input.substr(0, bytes), limits));
  };
  if (is_accepted(length) != is_accepted(in_pieces)) {
    throw std::logic_error("accepted in one way of arriving and refused in another");
  }
}
