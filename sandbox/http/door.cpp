#include "sandbox/http/door.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include <httplib.h>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace sandbox::http {
namespace {

// The library wants to read a request before it writes an answer. The real one was read strictly
// elsewhere and handled already, so it is fed the shortest there is.
constexpr std::string_view get_request = "GET / HTTP/1.1\r\n\r\n";
constexpr std::string_view head_request = "HEAD / HTTP/1.1\r\n\r\n";

// Pieces up to this size wait for what follows them, so that a head and a small body are one
// packet.
constexpr std::size_t held_bytes_max = 16 * 1024;

// The library's view of a connection. The members are not marked `override` because the library's
// versions differ in which of them they declare.
class AnswerStream final : public httplib::Stream {
 public:
  AnswerStream(Connection& connection, std::string_view request)
      : connection_(connection), request_(request) {}

  using httplib::Stream::write;
  ssize_t read(char* out, size_t max) {
    const std::string_view piece = request_.substr(0, max);
    std::copy(piece.begin(), piece.end(), out);
    request_.remove_prefix(piece.size());
    return static_cast<ssize_t>(piece.size());
  }
  ssize_t write(const char* bytes, size_t size) {
    if (connection_.is_broken()) return -1;
    if (held_.size() + size <= held_bytes_max) {
      held_.append(bytes, size);
    } else if (!connection_.send(std::exchange(held_, {}), {bytes, size})) {
      return -1;
    }
    return static_cast<ssize_t>(size);
  }
  bool flush() { return connection_.send(std::exchange(held_, {})); }

  bool is_readable() const { return true; }
  bool is_writable() const { return true; }
  bool wait_readable() const { return true; }
  bool wait_writable() const { return true; }
  bool is_peer_alive() const { return !connection_.is_broken(); }
  time_t duration() const { return 0; }
  // The library may put the socket into a select(), which cannot hold numbers above 1,023.
  socket_t socket() const { return INVALID_SOCKET; }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const {}

 private:
  Connection& connection_;
  std::string_view request_;
  std::string held_;
};

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// Fields that the door writes itself.
bool is_framing(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") ||
         equal_ignoring_case(name, "Transfer-Encoding") ||
         equal_ignoring_case(name, "Connection") || equal_ignoring_case(name, "Keep-Alive");
}

bool is_sendable(const Response& response) {
  const auto& fields = response.headers.all();
  return response.status >= 200 && response.status <= 599 &&
         std::all_of(fields.begin(), fields.end(), [](const auto& field) {
           return !field.first.empty() && is_one_line(field.first) && is_one_line(field.second);
         });
}

// Runs Response::stream and keeps it to the length it announced.
class Streamer {
 public:
  Streamer(const Response& response, AnswerStream& stream, const Exchange& exchange)
      : response_(response), stream_(stream), exchange_(exchange) {}

  // What the library calls for the body: everything is written in one call.
  bool write_all(httplib::DataSink& sink) {
    // A stream of unknown length may take its time (events): its head does not wait for it.
    if (!response_.content_length && !stream_.flush()) return false;
    try {
      response_.stream([&](std::string_view piece) { write(sink, piece); });
    } catch (const std::exception& failure) {
      if (!is_gone_) report(failure.what());
      return false;
    } catch (...) {
      if (!is_gone_) report("an exception of no known kind");
      return false;
    }
    if (is_gone_) return false;
    if (response_.content_length && written_ != *response_.content_length) {
      report("fewer bytes than the announced length");
      return false;
    }
    return true;
  }

 private:
  void write(httplib::DataSink& sink, std::string_view piece) {
    if (piece.empty()) return;
    if (response_.content_length && piece.size() > *response_.content_length - written_) {
      throw std::length_error("more bytes than the announced length");
    }
    if (is_gone_ || !sink.write(piece.data(), piece.size()) || !stream_.flush()) {
      is_gone_ = true;
      throw Error(Code::bad_request, "The client went away before the end of the answer.");
    }
    written_ += piece.size();
  }
  void report(const char* reason) const {
    log::error("answer cut off", {{"request_id", exchange_.id}, {"reason", reason}});
  }

  const Response& response_;
  AnswerStream& stream_;
  const Exchange& exchange_;
  std::uint64_t written_ = 0;
  bool is_gone_ = false;
};

}  // namespace

class Door::Library : public httplib::Server {
 public:
  Library() {
    // Content providers stop at once while this looks like a closed server. No call uses it as a
    // socket: only the library's own listen and stop do.
    svr_sock_ = 0;
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& answer) {
      fill_body_(answer);
      return HandlerResponse::Handled;
    });
    // Runs after the library has added fields of its own taste and before it writes the head.
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& answer) {
      answer.headers.swap(fields_);
    });
  }

  // `fill_body` sets status and body of the answer; `fields` are its header, whole.
  bool write(AnswerStream& stream,
             httplib::Headers fields,
             std::function<void(httplib::Response&)> fill_body) {
    fields_ = std::move(fields);
    fill_body_ = std::move(fill_body);
    const bool is_written = process(stream);
    fill_body_ = nullptr;
    return is_written;
  }

 private:
  template <class Stream>
  bool process(Stream& stream) {
    bool is_closed = false;
    // Since 0.18 the call names both ends of the connection.
    if constexpr (requires { this->process_request(stream, false, is_closed, nullptr); }) {
      return this->process_request(stream, false, is_closed, nullptr);
    } else {
      return this->process_request(stream, std::string(), 0, std::string(), 0, false, is_closed,
                                   nullptr);
    }
  }

  httplib::Headers fields_;
  std::function<void(httplib::Response&)> fill_body_;
};

Door::Door(std::string server_name)
    : server_name_(std::move(server_name)), library_(std::make_unique<Library>()) {}

Door::~Door() = default;

bool Door::send(Connection& connection, const Exchange& exchange, Response response) {
  if (!is_sendable(response)) {
    log::error("answer cannot be sent: its status or a header field is malformed",
               {{"request_id", exchange.id}, {"status", response.status}});
    response = Response::text(500, "The server failed to answer.\n");
  }
  const bool has_no_body = response.status == 204 || response.status == 304;
  const bool sends_stream = response.stream && !has_no_body && !exchange.is_head &&
                            response.content_length != std::uint64_t{0};
  const std::optional<std::uint64_t> length =
      exchange.is_head && response.head_length ? response.head_length
      : response.stream                        ? response.content_length
                                               : std::optional<std::uint64_t>(response.body.size());
  const bool is_unframed = sends_stream && !length && exchange.is_http_1_0;

  httplib::Headers fields;
  for (const auto& [name, value] : response.headers.all()) {
    if (!is_framing(name)) fields.emplace(name, value);
  }
  if (length && !has_no_body) {
    fields.emplace("Content-Length", std::to_string(*length));
  } else if (!has_no_body && !exchange.is_http_1_0) {
    fields.emplace("Transfer-Encoding", "chunked");
  }
  if (!exchange.keep_alive) fields.emplace("Connection", "close");
  const auto add_missing = [&](const char* name, std::string_view value) {
    if (!value.empty() && fields.count(name) == 0) fields.emplace(name, value);
  };
  add_missing("Date", date());
  add_missing("Server", server_name_);
  add_missing("x-request-id", exchange.id);

  AnswerStream stream(connection, exchange.is_head ? head_request : get_request);
  Streamer streamer(response, stream, exchange);
  bool is_whole = true;
  const bool is_written =
      library_->write(stream, std::move(fields), [&](httplib::Response& answer) {
        answer.status = response.status;
        if (!sends_stream) {
          if (!response.stream && !has_no_body) answer.body = std::move(response.body);
        } else if (length) {
          answer.set_content_provider(*length, "", [&](size_t, size_t, httplib::DataSink& sink) {
            return is_whole = streamer.write_all(sink);
          });
        } else {
          const auto write_chunks = [&](size_t, httplib::DataSink& sink) {
            is_whole = streamer.write_all(sink);
            if (is_whole) sink.done();
            return is_whole;
          };
          if (is_unframed) {
            answer.set_content_provider("", write_chunks);
          } else {
            answer.set_chunked_content_provider("", write_chunks);
          }
        }
      });
  return stream.flush() && is_written && is_whole && !is_unframed;
}

const std::string& Door::date() {
  const std::int64_t now_ms = env_.now_ms();
  if (now_ms / 1000 != date_second_) {
    date_second_ = now_ms / 1000;
    date_ = http_date(now_ms);
  }
  return date_;
}

}  // namespace sandbox::http
