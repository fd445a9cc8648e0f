#include "sandbox/base/tls.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "sandbox/base/error.h"

namespace sandbox {
namespace {

constexpr std::array<unsigned char, 9> http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

[[noreturn]] void refuse(const std::string& message) {
  ERR_clear_error();
  throw Error(Code::invalid_parameter_value, message);
}

void check_readable(const std::string& setting, const std::string& file) {
  if (!std::ifstream(file)) refuse(setting + " " + file + " cannot be read.");
}

Certificate read_certificate(const std::string& file) {
  BIO* input = BIO_new_file(file.c_str(), "r");
  if (input == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  Certificate certificate(PEM_read_bio_X509(input, nullptr, nullptr, nullptr));
  BIO_free(input);
  ERR_clear_error();
  return certificate;
}

// An encrypted key must not make OpenSSL ask a terminal for its password.
int no_password(char* /*out*/, int /*size*/, int /*writes*/, void* /*data*/) {
  return 0;
}

int choose_protocol(SSL* /*session*/,
                    const unsigned char** out,
                    unsigned char* out_size,
                    const unsigned char* offered,
                    unsigned offered_size,
                    void* /*data*/) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, http_1_1.data(),
                            static_cast<unsigned>(http_1_1.size()), offered, offered_size);
  // A client that speaks nothing of ours still gets HTTP/1.1, as without the extension.
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// A BIO over a socket that never raises SIGPIPE, which OpenSSL's own does.
int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int settle(BIO* bio, ssize_t moved, bool is_reading) {
  BIO_clear_retry_flags(bio);
  if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    if (is_reading) {
      BIO_set_retry_read(bio);
    } else {
      BIO_set_retry_write(bio);
    }
  }
  return static_cast<int>(moved);
}

int read_socket(BIO* bio, char* out, int size) {
  return settle(bio, ::recv(socket_of(bio), out, static_cast<std::size_t>(size), 0), true);
}

int write_socket(BIO* bio, const char* bytes, int size) {
  return settle(bio, ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL),
                false);
}

long control_socket(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  // Made once, used by every connection, given back with the process.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

}  // namespace

struct TlsContext::Context {
  Context(const std::string& certificate_file, const std::string& key_file)
      : owned(SSL_CTX_new(TLS_server_method())), context(owned.get()) {
    if (context == nullptr) throw std::runtime_error("OpenSSL could not make a TLS context");
    check_readable("--tls-cert", certificate_file);
    check_readable("--tls-key", key_file);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
      refuse("--tls-cert " + certificate_file + " holds no certificate in PEM form.");
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      const unsigned long reason = ERR_peek_last_error();
      if (ERR_GET_REASON(reason) == X509_R_KEY_VALUES_MISMATCH) {
        refuse("--tls-key " + key_file + " is not the key of the certificate " + certificate_file +
               ".");
      }
      refuse("--tls-key " + key_file +
             " holds no private key in PEM form, or one with a password.");
    }
    if (SSL_CTX_check_private_key(context) != 1) {
      refuse("--tls-key " + key_file + " is not the key of the certificate " + certificate_file +
             ".");
    }
  }

  std::unique_ptr<SSL_CTX, FreeContext> owned;
  SSL_CTX* context;
};

struct TlsStream::Session {
  explicit Session(SSL* made) : session(made) {}
  ~Session() { SSL_free(session); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  SSL* session;
};

TlsContext::TlsContext(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)),
      key_file_(std::move(key_file)),
      context_(std::make_unique<Context>(certificate_file_, key_file_)) {}

TlsContext::~TlsContext() = default;

void TlsContext::reload() {
  auto fresh = std::make_unique<Context>(certificate_file_, key_file_);
  const std::lock_guard lock(mutex_);
  context_.swap(fresh);
}

std::unique_ptr<TlsStream> TlsContext::open(int socket) {
  SSL* session = nullptr;
  {
    const std::lock_guard lock(mutex_);
    session = SSL_new(context_->context);
  }
  BIO* bio = session == nullptr ? nullptr : BIO_new(socket_method());
  if (bio == nullptr) {
    SSL_free(session);
    throw std::runtime_error("OpenSSL could not make a TLS session");
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(session, bio, bio);
  SSL_set_accept_state(session);
  return std::unique_ptr<TlsStream>(new TlsStream(std::make_unique<TlsStream::Session>(session)));
}

TlsStream::TlsStream(std::unique_ptr<Session> session) : session_(std::move(session)) {}

TlsStream::~TlsStream() {
  say_goodbye();
}

TlsStream::Outcome TlsStream::outcome_of(int result) {
  switch (SSL_get_error(session_->session, result)) {
    case SSL_ERROR_NONE: return Outcome::done;
    case SSL_ERROR_WANT_READ: return Outcome::wants_read;
    case SSL_ERROR_WANT_WRITE: return Outcome::wants_write;
    case SSL_ERROR_ZERO_RETURN: return Outcome::ended;
    default: break;
  }
  is_failed_ = true;
  ERR_clear_error();
  return Outcome::failed;
}

TlsStream::Outcome TlsStream::shake_hands() {
  if (is_failed_) return Outcome::failed;
  ERR_clear_error();
  const Outcome outcome = outcome_of(SSL_do_handshake(session_->session));
  is_open_ = outcome == Outcome::done;
  return outcome;
}

TlsStream::Moved TlsStream::read(char* out, std::size_t max) {
  if (is_failed_) return {Outcome::failed};
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(session_->session, out, max, &bytes);
  if (result == 1) return {Outcome::done, bytes};
  return {outcome_of(result)};
}

TlsStream::Moved TlsStream::write(std::string_view bytes) {
  if (is_failed_) return {Outcome::failed};
  if (bytes.empty()) return {};
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(session_->session, bytes.data(), bytes.size(), &written);
  if (result == 1) return {Outcome::done, written};
  return {outcome_of(result)};
}

bool TlsStream::has_pending() const {
  return SSL_pending(session_->session) > 0;
}

void TlsStream::say_goodbye() {
  if (!is_open_ || is_failed_ || std::exchange(has_said_goodbye_, true)) return;
  ERR_clear_error();
  SSL_shutdown(session_->session);
  ERR_clear_error();
}

bool is_self_signed(const std::string& certificate_file) {
  const Certificate certificate = read_certificate(certificate_file);
  return certificate && X509_NAME_cmp(X509_get_subject_name(certificate.get()),
                                      X509_get_issuer_name(certificate.get())) == 0;
}

std::string name_in_certificate(const std::string& certificate_file, const std::string& wanted) {
  const Certificate certificate = read_certificate(certificate_file);
  if (!certificate) return wanted;
  const auto is_good_for = [&](const std::string& name) {
    return X509_check_ip_asc(certificate.get(), name.c_str(), 0) == 1 ||
           X509_check_host(certificate.get(), name.c_str(), name.size(), 0, nullptr) == 1;
  };
  if (is_good_for(wanted)) return wanted;
  if (is_good_for("localhost")) return "localhost";
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr));
  std::string found;
  for (int i = 0; found.empty() && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    found.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                 static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (found.starts_with('*')) found.clear();
  }
  GENERAL_NAMES_free(names);
  return found.empty() ? wanted : found;
}

}  // namespace sandbox
