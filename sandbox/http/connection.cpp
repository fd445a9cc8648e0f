#include "sandbox/http/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sandbox/base/env.h"
#include "sandbox/base/error.h"

namespace sandbox::http {
namespace {

constexpr std::size_t buffer_bytes = 16 * 1024;
constexpr std::size_t tls_record_bytes = 16 * 1024;
// What has to move before a peer is given its whole patience again.
constexpr std::size_t moved_bytes_min = 512;
constexpr std::size_t idle_capacity_max = 4 * 1024;
constexpr std::size_t chunk_line_bytes_max = 1024;
// Extensions and trailers carry nothing for us; more of them than this is an attack.
constexpr std::size_t overhead_bytes_max = 16 * 1024;
constexpr std::size_t discard_bytes_max = 64 * 1024;
constexpr int discard_patience_ms = 50;

[[noreturn]] void fail(const char* message) {
  throw Error(Code::bad_request, message);
}

}  // namespace

Descriptor::~Descriptor() {
  close();
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = other.release();
  }
  return *this;
}

void Descriptor::close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

int Descriptor::release() {
  const int number = number_;
  number_ = -1;
  return number;
}

void Connection::set_patience(int milliseconds) {
  patience_ms_ = milliseconds;
  patience_left_ns_ = std::int64_t{milliseconds} * 1'000'000;
  moved_ = 0;
}

void Connection::consume(std::size_t bytes) {
  consumed_ += bytes;
  if (consumed_ < input_.size()) return;
  consumed_ = 0;
  input_.clear();
  // A parked connection should cost little.
  if (input_.capacity() > idle_capacity_max) input_ = std::string();
}

Connection::Arrival Connection::receive_now(std::span<char> scratch) {
  // What comes after the last answer is thrown away, so it need not be understood.
  if (tls_ && !is_shut_) return receive_decrypted_now(scratch);
  const ssize_t got = ::recv(socket(), scratch.data(), scratch.size(), 0);
  if (got > 0) {
    drop_consumed();
    input_.append(scratch.data(), static_cast<std::size_t>(got));
    return Arrival::bytes;
  }
  const bool is_nothing = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return is_nothing ? Arrival::nothing : Arrival::ended;
}

// Takes whole records until the stream holds none back, because the socket tells only of bytes that
// are still its own.
Connection::Arrival Connection::receive_decrypted_now(std::span<char> scratch) {
  std::size_t total = 0;
  do {
    const TlsStream::Moved moved = tls_->read(scratch.data(), scratch.size());
    if (moved.outcome == TlsStream::Outcome::ended || moved.outcome == TlsStream::Outcome::failed) {
      return total > 0 ? Arrival::bytes : Arrival::ended;
    }
    if (moved.outcome != TlsStream::Outcome::done) break;
    drop_consumed();
    input_.append(scratch.data(), moved.bytes);
    total += moved.bytes;
  } while (tls_->has_pending());
  return total > 0 ? Arrival::bytes : Arrival::nothing;
}

void Connection::take_pending() {
  if (!tls_ || !tls_->has_pending()) return;
  std::array<char, buffer_bytes> scratch;  // NOLINT: filled before use
  receive_decrypted_now(scratch);
}

Connection::Greeting Connection::greet() {
  char first = 0;
  if (::recv(socket(), &first, 1, MSG_PEEK) == 1 && !has_greeted_ && !begins_tls(first)) {
    tls_.reset();
    return Greeting::plain;
  }
  for (;;) {
    switch (tls_->shake_hands()) {
      case TlsStream::Outcome::done: return Greeting::done;
      case TlsStream::Outcome::wants_read: has_greeted_ = true; return Greeting::unfinished;
      case TlsStream::Outcome::wants_write:
        if (wait_until(POLLOUT)) break;
        [[fallthrough]];
      default: is_broken_ = true; return Greeting::failed;
    }
  }
}

// Before more is appended, so that the buffer does not grow with what went through it.
void Connection::drop_consumed() {
  input_.erase(0, consumed_);
  consumed_ = 0;
}

void Connection::fill() {
  drop_consumed();
  const std::size_t before = input_.size();
  input_.resize(before + buffer_bytes);
  std::size_t got = 0;
  try {
    got = receive_from_socket(input_.data() + before, buffer_bytes);
  } catch (...) {
    input_.resize(before);
    throw;
  }
  input_.resize(before + got);
}

std::size_t Connection::receive(char* out, std::size_t max) {
  if (input().empty()) {
    // Large pieces go straight to the caller; small ones are worth a buffer.
    if (max >= buffer_bytes / 4) return receive_from_socket(out, max);
    fill();
  }
  const std::string_view piece = input().substr(0, max);
  std::copy(piece.begin(), piece.end(), out);
  consume(piece.size());
  return piece.size();
}

std::size_t Connection::receive_from_socket(char* out, std::size_t max) {
  while (tls_) {
    const TlsStream::Moved moved = tls_->read(out, max);
    if (moved.outcome == TlsStream::Outcome::done) {
      count_moved(moved.bytes);
      return moved.bytes;
    }
    if (moved.outcome == TlsStream::Outcome::ended) {
      fail("The client went away before the end of its request.");
    }
    if (moved.outcome == TlsStream::Outcome::failed) {
      is_broken_ = true;
      fail("The connection broke before the end of the request.");
    }
    const bool reads = moved.outcome == TlsStream::Outcome::wants_read;
    if (!wait_until(reads ? POLLIN : POLLOUT)) {
      fail("The rest of the request body did not come in time.");
    }
  }
  for (;;) {
    const ssize_t got = ::recv(socket(), out, max, 0);
    if (got > 0) {
      count_moved(static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
    if (got == 0) fail("The client went away before the end of its request.");
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      is_broken_ = true;
      fail("The connection broke before the end of the request.");
    }
    if (!wait_until(POLLIN)) fail("The rest of the request body did not come in time.");
  }
}

bool Connection::send_encrypted(std::string_view bytes) {
  while (!is_broken_ && !bytes.empty()) {
    const TlsStream::Moved moved = tls_->write(bytes);
    switch (moved.outcome) {
      case TlsStream::Outcome::done:
        bytes.remove_prefix(moved.bytes);
        count_moved(moved.bytes);
        break;
      case TlsStream::Outcome::wants_write: is_broken_ = !wait_until(POLLOUT); break;
      case TlsStream::Outcome::wants_read: is_broken_ = !wait_until(POLLIN); break;
      default: is_broken_ = true;
    }
  }
  return !is_broken_;
}

bool Connection::send(std::string_view first, std::string_view second) {
  if (tls_) {
    if (second.empty() || first.size() + second.size() > tls_record_bytes) {
      return send_encrypted(first) && send_encrypted(second);
    }
    // One record instead of two.
    return send_encrypted(std::string(first).append(second));
  }
  while (!is_broken_ && !(first.empty() && second.empty())) {
    std::array<iovec, 2> pieces{{{const_cast<char*>(first.data()), first.size()},
                                 {const_cast<char*>(second.data()), second.size()}}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = ::sendmsg(socket(), &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      const auto bytes = static_cast<std::size_t>(sent);
      const std::size_t of_first = std::min(bytes, first.size());
      first.remove_prefix(of_first);
      second.remove_prefix(bytes - of_first);
      count_moved(bytes);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      is_broken_ = !wait_until(POLLOUT);
    } else if (errno != EINTR) {
      is_broken_ = true;
    }
  }
  return !is_broken_;
}

void Connection::shut_sending() {
  if (tls_) tls_->say_goodbye();
  is_shut_ = true;
  ::shutdown(socket(), SHUT_WR);
}

bool Connection::wait_until(short events) {
  SystemEnv env;
  while (patience_left_ns_ > 0) {
    pollfd one{socket(), events, 0};
    const std::int64_t began = env.monotonic_ns();
    const int ready = ::poll(&one, 1, static_cast<int>((patience_left_ns_ + 999'999) / 1'000'000));
    patience_left_ns_ -= env.monotonic_ns() - began;
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

void Connection::count_moved(std::size_t bytes) {
  moved_ += bytes;
  if (moved_ >= moved_bytes_min) set_patience(patience_ms_);
}

Body::Body(Connection& connection, const Head& head)
    : connection_(connection), length_(head.content_length), is_chunked_(head.is_chunked) {
  if (!is_chunked_ && !length_) length_ = 0;
  left_ = length_.value_or(0);
  state_ = is_chunked_ ? State::chunk_line : left_ > 0 ? State::data : State::finished;
  owes_continue_ = head.expects_continue && !is_finished();
}

std::size_t Body::read(char* out, std::size_t max) {
  if (state_ == State::failed) fail("The request body is broken.");
  if (max == 0 || is_finished()) return 0;
  if (owes_continue_) {
    owes_continue_ = false;
    // A client that sent some of the body already does not wait.
    if (connection_.input().empty()) connection_.send("HTTP/1.1 100 Continue\r\n\r\n");
  }
  try {
    return read_data(out, max);
  } catch (...) {
    state_ = State::failed;
    throw;
  }
}

std::size_t Body::read_data(char* out, std::size_t max) {
  while (state_ != State::data && state_ != State::finished) advance();
  if (is_finished()) return 0;
  const std::size_t got =
      connection_.receive(out, static_cast<std::size_t>(std::min<std::uint64_t>(max, left_)));
  left_ -= got;
  if (left_ == 0) state_ = is_chunked_ ? State::chunk_end : State::finished;
  return got;
}

void Body::advance() {
  switch (state_) {
    case State::chunk_end:
      take_line(0);
      state_ = State::chunk_line;
      break;
    case State::chunk_line: begin_chunk(); break;
    case State::trailers: skip_trailers(); break;
    default: break;
  }
}

void Body::begin_chunk() {
  const std::string line = take_line(chunk_line_bytes_max);
  const auto size = parse_chunk_size(line);
  if (!size) fail("The size of a chunk of the request body is malformed.");
  const std::size_t extension = line.find(';');
  if (extension != std::string::npos) overhead_ += line.size() - extension;
  if (overhead_ > overhead_bytes_max) fail("The request body has too many chunk extensions.");
  left_ = *size;
  state_ = left_ > 0 ? State::data : State::trailers;
}

void Body::skip_trailers() {
  const std::string line = take_line(overhead_bytes_max - std::min(overhead_, overhead_bytes_max));
  overhead_ += line.size();
  if (line.empty()) state_ = State::finished;
}

// The text before the next CRLF. A bare CR or LF, a longer line and other control bytes fail.
std::string Body::take_line(std::size_t bytes_max) {
  for (;;) {
    const std::string_view input = connection_.input();
    const std::size_t end = input.substr(0, bytes_max + 1).find_first_of("\r\n");
    if (end == std::string_view::npos && input.size() > bytes_max) {
      fail("A line of the chunked request body is too long.");
    }
    if (end != std::string_view::npos && (input[end] == '\n' || end + 1 < input.size())) {
      if (input.substr(end, 2) != "\r\n") fail("The chunked request body holds a bare CR or LF.");
      std::string line(input.substr(0, end));
      connection_.consume(end + 2);
      return line;
    }
    connection_.fill();
  }
}

bool Body::discard_rest() {
  if (is_finished()) return true;
  if (state_ == State::failed || connection_.is_broken()) return false;
  // A client that waits for the 100 may send its body or not: nobody can tell what comes next.
  if (owes_continue_ && connection_.input().empty()) return false;
  if (!is_chunked_ && left_ > discard_bytes_max) return false;
  owes_continue_ = false;
  connection_.set_patience(discard_patience_ms);
  std::array<char, 8 * 1024> dropped;  // NOLINT: filled before use
  try {
    for (std::size_t total = 0; total <= discard_bytes_max;) {
      const std::size_t got = read(dropped.data(), dropped.size());
      if (got == 0) break;
      total += got;
    }
  } catch (const Error&) {
    return false;
  }
  return is_finished();
}

}  // namespace sandbox::http
