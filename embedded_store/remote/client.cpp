#include "embedded_store/remote/client.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/http/outgoing.h"

namespace store::remote {
namespace {

using sandbox::http::Call;
using sandbox::http::CallFailure;

constexpr std::size_t answer_bytes_max = std::size_t{16} << 20;  // of a page with 1,000 long names
constexpr std::int64_t pause_ms_max = 5'000;

// What a server says of itself in a refusal.
struct Refusal {
  std::string code;
  std::string message;
  std::string region;
};

std::optional<Refusal> read_refusal(const std::string& body) {
  try {
    const s3::XmlNode error = s3::parse_xml(sandbox::trim(body), "Error");
    return Refusal{error.child_text("Code").value_or(""), error.child_text("Message").value_or(""),
                   error.child_text("Region").value_or("")};
  } catch (const Fault&) {
    return std::nullopt;
  }
}

std::string code_of_status(int status, const Ask& ask) {
  switch (status) {
    case 301:
    case 307: return "PermanentRedirect";
    case 401:
    case 403: return "AccessDenied";
    case 404: return ask.key.empty() ? "NoSuchBucket" : "NoSuchKey";
    case 409: return "ConditionalRequestConflict";
    case 412: return "PreconditionFailed";
    case 416: return "InvalidRange";
    case 429:
    case 503: return "SlowDown";
    case 507: return "InsufficientStorage";
    default: return status >= 500 ? "InternalError" : "InvalidRequest";
  }
}

bool is_worth_repeating(const Answer& answer) {
  switch (answer.failure) {
    case CallFailure::unreachable:
    case CallFailure::stalled:
    case CallFailure::broken: return true;
    case CallFailure::none: break;
    default: return false;
  }
  constexpr std::array statuses{429, 500, 502, 503, 504};
  if (std::find(statuses.begin(), statuses.end(), answer.status) != statuses.end()) return true;
  if (answer.status != 400 && answer.status != 409) return false;
  const auto refusal = read_refusal(answer.body);
  return refusal && (refusal->code == "RequestTimeout" || refusal->code == "OperationAborted");
}

bool is_success(const Answer& answer) {
  return answer.status >= 200 && answer.status < 300;
}

// The codes with which servers say that they are full.
bool is_full(std::string_view code) {
  constexpr std::array<std::string_view, 6> codes{"InsufficientStorage",
                                                  "XMinioStorageFull",
                                                  "QuotaExceeded",
                                                  "StorageFull",
                                                  "XMinioAdminBucketQuotaExceeded",
                                                  "InsufficientCapacity"};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string without_standard_port(std::string host, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.erase(host.size() - port.size());
  return host;
}

}  // namespace

Address address_of(const RemoteStoreOptions& options,
                   const std::string& bucket,
                   const std::string& key) {
  const std::string& endpoint = options.endpoint;
  const std::size_t begin = endpoint.find("://");
  const std::string scheme = sandbox::lower(endpoint.substr(0, begin));
  if (begin == std::string::npos || (scheme != "http" && scheme != "https") ||
      sandbox::http::url_host(endpoint).empty() ||
      endpoint.find_first_of("@?# \r\n") != std::string::npos) {
    throw Fault("InvalidArgument",
                "The address of an object store must look like https://host or http://host:9000, "
                "without a user name.");
  }
  const std::size_t slash = endpoint.find('/', begin + 3);
  Address address;
  address.host = without_standard_port(endpoint.substr(begin + 3, slash - begin - 3), scheme);
  if (slash != std::string::npos) address.path = endpoint.substr(slash);
  while (address.path.ends_with('/')) address.path.pop_back();
  if (options.bucket_in_host && !bucket.empty()) {
    address.host = bucket + "." + address.host;
  } else if (!bucket.empty()) {
    address.path += "/" + sandbox::percent_encode(bucket);
  }
  if (!key.empty()) address.path += "/" + sandbox::percent_encode(key, "/");
  if (address.path.empty()) address.path = "/";
  address.scheme_and_host = scheme + "://" + address.host;
  return address;
}

s3::XmlNode document_in(const Answer& answer) {
  try {
    return s3::parse_xml(sandbox::trim(answer.body), "");
  } catch (const Fault&) {
    throw Fault("ServiceUnavailable",
                "The object store answered with something that is not of the S3 protocol. See "
                "whether its address is right.");
  }
}

Client::Client(sandbox::Env& env, RemoteStoreOptions options)
    : env_(env),
      options_(std::move(options)),
      signer_{{options_.access_key, options_.secret_key}, options_.session_token, options_.region} {
  address_of(options_, "", "");
}

Answer Client::attempt(const Ask& ask, bool& has_taken) {
  const Address address = address_of(options_, ask.bucket, ask.key);
  sandbox::http::Request request;
  request.method = ask.method;
  request.raw_path = address.path;
  request.raw_query = ask.query;
  request.headers.add("host", address.host);
  for (const auto& [name, value] : ask.headers) request.headers.add(name, value);
  s3::sign(request, signer_, env_.now_ms(),
           ask.source ? ask.source_sha256 : sandbox::sha256_hex(ask.body));
  Call call;
  call.method = ask.method;
  call.url = address.scheme_and_host + address.path + (ask.query.empty() ? "" : "?" + ask.query);
  call.headers = request.headers.all();
  call.body = ask.body;
  call.source = ask.source;
  call.source_bytes = ask.source_bytes;
  if (ask.sink) {
    call.sink = [&](std::string_view piece) {
      has_taken = true;
      ask.sink(piece);
    };
  }
  call.answer_bytes_max = answer_bytes_max;
  call.connect_timeout_ms = options_.connect_timeout_ms;
  call.stall_timeout_ms = options_.stall_timeout_ms;
  call.use_proxy = true;
  call.ca_file = options_.ca_file;
  call.check_certificate = options_.check_certificate;
  Answer answer = caller_.call(call);
  // Some operations begin to answer before they know how it ends, and then tell of a failure inside
  // a 200.
  if (ask.method == "POST" && answer.status == 200) {
    if (const auto refusal = read_refusal(answer.body)) {
      answer.status = s3::status_of(refusal->code);
    }
  }
  return answer;
}

Answer Client::ask(const Ask& ask) {
  std::int64_t pause_ms = options_.first_pause_ms;
  for (int attempt_number = 1;; ++attempt_number) {
    bool has_taken = false;
    if (ask.attempts != nullptr) *ask.attempts = attempt_number;
    Answer answer = attempt(ask, has_taken);
    if (is_success(answer)) return answer;
    if (has_taken || attempt_number >= options_.attempts_max || !is_worth_repeating(answer)) {
      if (answer.status == 0) throw failure_of(answer);
      throw ask.method == "HEAD" ? explained(ask, answer) : fault_of(ask, answer);
    }
    // A part of each pause is left to chance, so that many who failed together do not come back
    // together.
    std::array<std::uint8_t, 1> chance{};
    env_.random_bytes(chance);
    std::this_thread::sleep_for(
        std::chrono::milliseconds(pause_ms / 2 + pause_ms * chance[0] / 512));
    pause_ms = std::min(pause_ms * 2, pause_ms_max);
  }
}

std::optional<Answer> Client::find(const Ask& asked) {
  try {
    return ask(asked);
  } catch (const Fault& fault) {
    if (fault.code() == (asked.key.empty() ? "NoSuchBucket" : "NoSuchKey")) return std::nullopt;
    throw;
  }
}

Fault Client::failure_of(const Answer& answer) const {
  const std::string store = "The object store at " + options_.endpoint;
  switch (answer.failure) {
    case CallFailure::unreachable:
      return Fault("ServiceUnavailable", store + " cannot be reached (" + answer.reason +
                                             "). See whether it runs and the address is right.");
    case CallFailure::certificate:
      return Fault("ServiceUnavailable",
                   store + " cannot be trusted: its certificate does not hold (" + answer.reason +
                       "). Name the authority that signed it with --artifacts-ca-file.");
    case CallFailure::ca_file:
      return Fault("ServiceUnavailable",
                   store + " cannot be asked: the certificates in " + options_.ca_file +
                       " (--artifacts-ca-file, AWS_CA_BUNDLE) cannot be read.");
    case CallFailure::stalled:
      return Fault("ServiceUnavailable",
                   store + " does not answer in time (" + answer.reason + ").");
    default:
      return Fault("ServiceUnavailable", store + " broke off in the middle of a request (" +
                                             answer.reason + "). Try again.");
  }
}

Fault Client::explained(const Ask& ask, const Answer& answer) {
  Fault plain = fault_of(ask, answer);
  const bool is_plain_enough = (answer.status == 404 && !ask.key.empty()) || answer.status == 412;
  if (ask.bucket.empty() || is_plain_enough) return plain;
  bool has_taken = false;
  const Ask again{.bucket = ask.bucket, .query = "list-type=2&max-keys=1"};
  const Answer told = attempt(again, has_taken);
  return told.status >= 300 ? fault_of(again, told) : plain;
}

Fault Client::fault_of(const Ask& ask, const Answer& answer) const {
  const std::string store = "The object store at " + options_.endpoint;
  const auto refusal = read_refusal(answer.body);
  if (!refusal && !answer.body.empty() && answer.status < 500) {
    return Fault("ServiceUnavailable", "What answers at " + options_.endpoint +
                                           " is no S3 server: it says status " +
                                           std::to_string(answer.status) + " in another language.");
  }
  std::string code = refusal ? refusal->code : "";
  if (code.empty()) code = code_of_status(answer.status, ask);
  const std::string said =
      refusal && !refusal->message.empty() ? " It says: " + refusal->message : "";
  std::string region = refusal ? refusal->region : "";
  if (region.empty()) region = answer.headers.get("x-amz-bucket-region");
  if (code == "NoSuchBucket") {
    return Fault(code, store + " has no bucket '" + ask.bucket + "'. Make it there.");
  }
  if (code == "InvalidAccessKeyId") {
    return Fault(code, store + " does not know the access key it was shown.");
  }
  if (code == "SignatureDoesNotMatch") {
    return Fault(code, store +
                           " refuses the signature: the secret key does not belong to the "
                           "access key.");
  }
  if (code == "ExpiredToken" || code == "InvalidToken") {
    return Fault(code, store + " refuses the session token: it has expired or is not its own.");
  }
  if (code == "AccessDenied" || code == "AllAccessDisabled") {
    return Fault("AccessDenied", store + " does not let this access key do that (" + ask.method +
                                     " in the bucket '" + ask.bucket + "')." + said);
  }
  if (code == "RequestTimeTooSkewed") {
    return Fault(code, store + " has another time than this machine. Set the clock.");
  }
  const bool is_elsewhere = code == "PermanentRedirect" || code == "TemporaryRedirect" ||
                            code == "AuthorizationHeaderMalformed" ||
                            code == "IllegalLocationConstraintException";
  if (is_elsewhere && !region.empty() && region != options_.region) {
    return Fault(code, store + " has the bucket '" + ask.bucket + "' in the region " + region +
                           ", not in " + options_.region + ". Say --artifacts-region " + region +
                           ".");
  }
  if (is_full(code)) {
    return Fault("InsufficientStorage", store + " has no room left." + said);
  }
  Fault fault(code, refusal && !refusal->message.empty()
                        ? refusal->message
                        : store + " answered with status " + std::to_string(answer.status) + ".");
  return fault;
}

}  // namespace store::remote

namespace store {

std::string presigned_url(const RemoteStoreOptions& options,
                          std::int64_t now_ms,
                          s3::PresignedRequest request) {
  const remote::Address address = remote::address_of(options, request.bucket, "");
  request.endpoint = address.scheme_and_host + (address.path == "/" ? "" : address.path);
  request.bucket.clear();  // it is in the endpoint now
  request.session_token = options.session_token;
  return s3::presigned_url({options.access_key, options.secret_key}, options.region, now_ms,
                           request);
}

}  // namespace store
