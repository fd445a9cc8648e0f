// A client that says exactly what a test wants, byte by byte, and reads what comes back.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/base/text.h"

namespace wire {

// Waits are long, because a busy machine is not a failure; nothing should ever come near this.
constexpr int patience_ms = 20'000;

struct Reply {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
  bool is_whole = false;  // the body came to its announced end

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
};

class Client {
 public:
  explicit Client(int port, bool is_ipv6 = false, int receive_buffer = 0) {
    socket_ = ::socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    v6.sin6_addr = in6addr_loopback;
    const auto* address =
        is_ipv6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
    is_connected_ = ::connect(socket_, address, is_ipv6 ? sizeof v6 : sizeof v4) == 0;
  }
  ~Client() { close(); }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        is_connected_(other.is_connected_),
        input_(std::move(other.input_)) {}
  Client& operator=(Client&&) = delete;

  [[nodiscard]] bool is_connected() const { return is_connected_; }
  [[nodiscard]] int socket() const { return socket_; }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void shut_sending() const { ::shutdown(socket_, SHUT_WR); }

  // False when the server took no more.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      pollfd one{socket_, POLLOUT, 0};
      if (::poll(&one, 1, patience_ms) <= 0) return false;
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // More input; false at the end of the stream, on a reset, or when nothing comes.
  bool fill(int wait_ms = patience_ms) {
    pollfd one{socket_, POLLIN, 0};
    if (::poll(&one, 1, wait_ms) <= 0) {
      timed_out_ = wait_ms == patience_ms;
      return false;
    }
    char buffer[64 * 1024];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  // The next reply; `is_head` says that it answers HEAD and has no body. nullopt when the
  // connection ends before its head does.
  std::optional<Reply> reply(bool is_head = false) {
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return std::nullopt;
    }
    Reply reply;
    const std::string head = input_.substr(0, end);
    input_.erase(0, end + 4);
    if (!head.starts_with("HTTP/1.1 ")) return std::nullopt;
    reply.status = std::atoi(head.c_str() + 9);
    for (std::size_t at = head.find("\r\n"); at != std::string::npos;) {
      const std::size_t next = head.find("\r\n", at + 2);
      const std::string line =
          head.substr(at + 2, next == std::string::npos ? next : next - at - 2);
      const std::size_t colon = line.find(':');
      if (colon == std::string::npos) return std::nullopt;
      reply.fields[sandbox::lower(line.substr(0, colon))] = sandbox::trim(line.substr(colon + 1));
      at = next;
    }
    const bool has_body =
        !is_head && reply.status >= 200 && reply.status != 204 && reply.status != 304;
    if (!has_body) {
      reply.is_whole = true;
    } else if (reply.field("transfer-encoding") == "chunked") {
      read_chunks(reply);
    } else if (reply.fields.count("content-length") != 0) {
      const auto length =
          static_cast<std::size_t>(std::atoll(reply.field("content-length").c_str()));
      reply.is_whole = read_bytes(length, reply.body);
    } else {
      while (fill()) {
      }
      reply.body = std::exchange(input_, {});
      reply.is_whole = !timed_out_;
    }
    return reply;
  }

  // True when the server ends the connection and says nothing before that.
  bool is_closed() { return is_closed_after_anything() && input_.empty(); }
  bool is_closed_after_anything() {
    while (fill()) {
    }
    return !timed_out_;
  }

 private:
  bool read_bytes(std::size_t count, std::string& out) {
    while (input_.size() < count) {
      if (!fill()) return false;
    }
    out += input_.substr(0, count);
    input_.erase(0, count);
    return true;
  }
  void read_chunks(Reply& reply) {
    for (;;) {
      std::size_t end = 0;
      while ((end = input_.find("\r\n")) == std::string::npos) {
        if (!fill()) return;
      }
      const auto size = static_cast<std::size_t>(std::strtoull(input_.c_str(), nullptr, 16));
      input_.erase(0, end + 2);
      std::string crlf;
      if (!read_bytes(size, reply.body) || !read_bytes(2, crlf) || crlf != "\r\n") return;
      if (size == 0) {
        reply.is_whole = true;
        return;
      }
    }
  }

  int socket_ = -1;
  bool is_connected_ = false;
  bool timed_out_ = false;
  std::string input_;
};

// Waits for something another thread brings about.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < patience_ms / 5; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

inline std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: lab\r\n" + fields + "\r\n";
}

inline std::string post(const std::string& target,
                        const std::string& body,
                        const std::string& fields = "") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: lab\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         fields + "\r\n" + body;
}

}  // namespace wire
