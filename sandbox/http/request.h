// What a handler sees of HTTP: plain structs, no library type. The door (http/server.h) fills a
// Request, calls the handler on a worker thread, and sends the Response.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::http {

// Header fields in the order they came. Names compare without case; values are trimmed.
class Headers {
 public:
  void add(std::string name, std::string value);
  // Replaces every field of that name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  // The first field of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::string_view get(std::string_view name, std::string_view otherwise = "") const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Decoded name=value pairs in the order they came; a name without '=' has an empty value.
class Query {
 public:
  Query() = default;
  // Splits at '&' and '=', decodes %XX; '+' becomes a space when `plus_is_space`. A broken escape
  // is kept as it is.
  static Query parse(std::string_view text, bool plus_is_space = true);
  void add(std::string name, std::string value);
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] std::string_view get(std::string_view name, std::string_view otherwise = "") const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const {
    return pairs_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// A request body as it arrives, framing removed. Read by the handler's thread only.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Up to `max` bytes into `out`; 0 at the end of the body. Throws Error(bad_request) when the
  // client goes away, stalls past the deadline, or breaks the framing before the end. The first
  // call sends `100 Continue` when the client waits for one.
  virtual std::size_t read(char* out, std::size_t max) = 0;
  // Content-Length when the client gave one; nullopt for a chunked body.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
};

// The whole body as text. Throws Error(invalid_parameter_value) past `body_bytes_max`, which
// clients do not retry, and what BodyReader::read throws.
std::string read_all(BodyReader& body, std::size_t body_bytes_max);

struct Request {
  std::string id;         // one per request, also sent back as x-request-id and logged
  std::string method;     // upper case as sent
  std::string target;     // exactly as sent, query included
  std::string raw_path;   // the target before '?', still percent-encoded
  std::string path;       // raw_path decoded once (a broken escape was refused by the door)
  std::string raw_query;  // the target after the first '?', undecoded
  Query query;            // raw_query decoded, '+' is a space
  Headers headers;
  std::string remote_address;  // the peer's IP address, never taken from a header
  bool secure = false;         // came over TLS
  std::string user;            // who logged in; "" where nobody has to
  std::vector<std::pair<std::string, std::string>> path_parameters;  // filled by the router
  BodyReader* body = nullptr;                                        // never null inside a handler

  // The value a pattern's {name} matched, decoded; "" when the pattern has no such name.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
};

// Sends one piece of a streamed body; throws when the client is gone.
using Sink = std::function<void(std::string_view piece)>;

// The token of `Authorization: Bearer <token>`; "" for none.
std::string_view bearer(const Request& request);

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // When set, `body` is unused and this writes the body after the head went out. With
  // `content_length` it must write exactly that many bytes (fewer closes the connection); without,
  // the answer is chunked.
  std::function<void(const Sink& sink)> stream;
  std::optional<std::uint64_t> content_length;
  // HEAD answers: what Content-Length says while no body is sent.
  std::optional<std::uint64_t> head_length;

  static Response text(int status, std::string body, std::string content_type = "text/plain");
  static Response json(int status, std::string body);
};

using Handler = std::function<Response(Request&)>;

}  // namespace sandbox::http
