// One accepted connection: its non-blocking socket, the bytes that came but are not used yet, and
// how long it may keep a thread waiting. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sandbox/base/tls.h"
#include "sandbox/http/framing.h"
#include "sandbox/http/request.h"

namespace sandbox::http {

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  void close();

 private:
  int release();

  int number_;
};

class Connection {
 public:
  Connection(Descriptor socket, std::string peer)
      : socket_(std::move(socket)), peer_(std::move(peer)) {}

  // Everything that moves from now on is encrypted, after a handshake.
  void encrypt(std::unique_ptr<TlsStream> tls) { tls_ = std::move(tls); }
  [[nodiscard]] bool is_encrypted() const { return tls_ != nullptr; }
  // True once bytes of requests can come; always without TLS.
  [[nodiscard]] bool is_open() const { return !tls_ || tls_->is_open(); }
  enum class Greeting { done, unfinished, plain, failed };
  // One step of the handshake, which waits only to send its own part. `plain`: the client speaks
  // without TLS; nothing of that was read, and encryption is off.
  Greeting greet();

  [[nodiscard]] int socket() const { return socket_.number(); }
  [[nodiscard]] const std::string& peer() const { return peer_; }

  // A wait for the peer lasts at most this long in all; every few hundred bytes that move start the
  // count again, so neither silence nor a dribble holds a thread.
  void set_patience(int milliseconds);

  // What was received and not consumed.
  [[nodiscard]] std::string_view input() const {
    return std::string_view(input_).substr(consumed_);
  }
  void consume(std::size_t bytes);

  enum class Arrival { bytes, nothing, ended };
  // Takes what has arrived into input() without waiting, at most one `scratch` of it.
  Arrival receive_now(std::span<char> scratch);
  // Moves what was decrypted already into input(): no event will tell of it.
  void take_pending();
  // Waits for at least one more byte of input(). Throws Error(bad_request) when none comes.
  void fill();
  // Takes at least one and up to `max` bytes, from input() first. Throws like fill().
  std::size_t receive(char* out, std::size_t max);

  // Sends both pieces whole, as one packet where they fit. False when the peer went away or took
  // nothing for too long; so is every send after that.
  bool send(std::string_view first, std::string_view second = {});
  [[nodiscard]] bool is_broken() const { return is_broken_; }

  // No more answers; the peer sees the end of the stream.
  void shut_sending();

 private:
  void drop_consumed();
  bool wait_until(short events);
  void count_moved(std::size_t bytes);
  std::size_t receive_from_socket(char* out, std::size_t max);
  Arrival receive_decrypted_now(std::span<char> scratch);
  bool send_encrypted(std::string_view bytes);

  Descriptor socket_;
  std::unique_ptr<TlsStream> tls_;  // goes away before its socket
  bool is_shut_ = false;
  bool has_greeted_ = false;  // a part of the handshake was read
  std::string peer_;
  std::string input_;
  std::size_t consumed_ = 0;
  int patience_ms_ = 0;
  std::int64_t patience_left_ns_ = 0;
  std::size_t moved_ = 0;
  bool is_broken_ = false;
};

// The body of the request whose head was just taken from the connection.
class Body final : public BodyReader {
 public:
  Body(Connection& connection, const Head& head);

  std::size_t read(char* out, std::size_t max) override;
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }

  // The next request, if any, begins here.
  [[nodiscard]] bool is_finished() const { return state_ == State::finished; }
  // Drops the rest when it is small and already on its way. Answers is_finished().
  bool discard_rest();

 private:
  enum class State { data, chunk_line, chunk_end, trailers, finished, failed };

  std::size_t read_data(char* out, std::size_t max);
  std::string take_line(std::size_t bytes_max);
  void begin_chunk();
  void skip_trailers();
  void advance();

  Connection& connection_;
  std::optional<std::uint64_t> length_;
  State state_ = State::data;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  bool is_chunked_ = false;
  bool owes_continue_ = false;
  std::size_t overhead_ = 0;  // chunk extensions and trailers so far
};

}  // namespace sandbox::http
