// The server's side of TLS: OpenSSL behind one door. Nothing here waits; who owns the socket does.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace sandbox {

// One connection's encryption over a non-blocking socket that outlives it. One thread at a time.
class TlsStream {
 public:
  enum class Outcome {
    done,
    wants_read,   // call again when the socket is readable
    wants_write,  // call again when the socket is writable
    ended,        // the peer closed
    failed,       // nothing can be read or written any more
  };
  struct Moved {
    Outcome outcome = Outcome::done;
    std::size_t bytes = 0;
  };

  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream();

  // One step of the handshake.
  Outcome shake_hands();
  [[nodiscard]] bool is_open() const { return is_open_; }
  // `done` with at least one byte.
  Moved read(char* out, std::size_t max);
  Moved write(std::string_view bytes);
  // Decrypted bytes wait inside, of which the socket will not tell.
  [[nodiscard]] bool has_pending() const;
  // Tells the peer that nothing more comes.
  void say_goodbye();

 private:
  friend class TlsContext;
  struct Session;
  explicit TlsStream(std::unique_ptr<Session> session);
  Outcome outcome_of(int result);

  std::unique_ptr<Session> session_;
  bool is_open_ = false;
  bool is_failed_ = false;
  bool has_said_goodbye_ = false;
};

// A certificate and its key. Safe from every thread.
class TlsContext {
 public:
  // Throws Error(invalid_parameter_value) saying which file is wrong and how.
  TlsContext(std::string certificate_file, std::string key_file);
  ~TlsContext();

  // Reads both files again, for connections that come from now on. Throws like the constructor and
  // then goes on with what there was.
  void reload();
  std::unique_ptr<TlsStream> open(int socket);

 private:
  struct Context;
  const std::string certificate_file_;
  const std::string key_file_;
  std::mutex mutex_;  // guards context_
  std::unique_ptr<Context> context_;
};

// Whether the first byte of a connection begins a TLS handshake.
inline bool begins_tls(char first) {
  return first == 0x16;
}

// The certificate signs itself, so clients have to be told to trust it.
bool is_self_signed(const std::string& certificate_file);
// The name or address under which a client of this machine can check the certificate: `wanted` when
// the certificate is good for it, else localhost, else the first name in it.
std::string name_in_certificate(const std::string& certificate_file, const std::string& wanted);

}  // namespace sandbox
