#include "embedded_store/s3/service.h"

#include <algorithm>
#include <array>
#include <exception>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

using sandbox::http::Request;
using sandbox::http::Response;

constexpr std::size_t key_bytes_max = 1024;

// Probes of compose files and Helm charts written for MinIO; they carry no signature.
bool is_health_probe(const Request& request) {
  constexpr std::array<std::string_view, 3> paths{"/minio/health/live", "/minio/health/ready",
                                                  "/minio/health/cluster"};
  if (request.method != "GET" && request.method != "HEAD") return false;
  for (const std::string_view path : paths) {
    if (request.raw_path == path) return true;
  }
  return false;
}

std::string host_without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool is_port = colon != std::string_view::npos &&
                       host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return sandbox::lower(is_port ? host.substr(0, colon) : host);
}

void check_key(const std::string& key) {
  if (key.size() > key_bytes_max) {
    throw fault("KeyTooLongError", {{"Size", std::to_string(key.size())},
                                    {"MaxSizeAllowed", std::to_string(key_bytes_max)}});
  }
  if (!sandbox::is_valid_utf8(key) || key.find('\0') != std::string::npos) {
    throw fault("InvalidURI");
  }
}

// Some SDKs move x-amz- headers of a presigned request into its URL. They mean the same there, and
// they are signed like all of it; to ignore one could turn a copy into an empty object.
void take_headers_from_query(Request& request, const sandbox::http::Query& query) {
  constexpr std::array<std::string_view, 8> of_the_signature{
      "x-amz-algorithm", "x-amz-content-sha256", "x-amz-credential", "x-amz-date",
      "x-amz-expires",   "x-amz-security-token", "x-amz-signature",  "x-amz-signedheaders"};
  for (const auto& [name, value] : query.all()) {
    std::string header = sandbox::lower(name);
    if (!header.starts_with("x-amz-") || request.headers.find(header)) continue;
    if (std::find(of_the_signature.begin(), of_the_signature.end(), header) !=
        of_the_signature.end()) {
      continue;
    }
    // These values go out as headers of a GET one day.
    const auto is_control = [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    };
    if (std::any_of(value.begin(), value.end(), is_control) ||
        std::any_of(header.begin(), header.end(), is_control)) {
      throw fault("InvalidArgument", "A header value must not hold control characters.",
                  {{"ArgumentName", name}});
    }
    request.headers.add(std::move(header), value);
  }
}

}  // namespace

std::string bucket_in_host(const Request& request, std::string_view domain) {
  const std::string host = host_without_port(request.headers.get("host"));
  for (const std::string& suffix : {".s3." + std::string(domain), "." + std::string(domain)}) {
    if (domain.empty() || !host.ends_with(suffix)) continue;
    const std::string label = host.substr(0, host.size() - suffix.size());
    return label == "s3" ? "" : label;
  }
  return "";
}

Target find_target(const Request& request, std::string_view domain) {
  std::string_view path = request.path;
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string in_host = bucket_in_host(request, domain);
  if (!in_host.empty()) return {in_host, std::string(path)};
  Target target;
  const std::size_t slash = path.find('/');
  target.bucket = path.substr(0, slash);
  if (slash != std::string_view::npos) target.key = path.substr(slash + 1);
  return target;
}

S3Service::S3Service(sandbox::Env& env, ObjectStore& store, S3Options options)
    : env_(env), store_(store), options_(std::move(options)), authenticator_(env, options_) {}

Response S3Service::handle(Request& request) {
  Response response;
  try {
    response = answer(request);
  } catch (const Fault& refusal) {
    if (status_of(refusal.code()) == 500) {
      sandbox::log::error(
          "s3 request failed",
          {{"request_id", request.id}, {"code", refusal.code()}, {"cause", refusal.what()}});
      response = error_response(fault("InternalError"), request);
    } else {
      response = error_response(refusal, request);
    }
  } catch (const sandbox::Error& error) {
    sandbox::log::error("s3 request failed", {{"request_id", request.id}, {"cause", error.what()}});
    response = error_response(translate(error), request);
  } catch (const std::exception& error) {
    sandbox::log::error("s3 request failed", {{"request_id", request.id}, {"cause", error.what()}});
    response = error_response(fault("InternalError"), request);
  }
  response.headers.set("x-amz-request-id", request.id);
  return response;
}

Response S3Service::answer(Request& request) {
  if (is_health_probe(request)) return {};
  const Target target = find_target(request, options_.domain);
  const Scope scope = target.bucket.empty() ? Scope::service
                      : target.key.empty()  ? Scope::bucket
                                            : Scope::object;
  const auto query = sandbox::http::Query::parse(request.raw_query, false);
  Authorization authorization;
  if (request.method != "OPTIONS") authorization = authenticator_.authenticate(request);

  take_headers_from_query(request, query);
  const Operation& operation = find_operation(request, query, scope);
  if (authorization.read_only && operation.access == Access::write) {
    throw fault("AccessDenied",
                "User: " + authorization.access_key + " is not authorized to perform: s3:" +
                    std::string(operation.name) + " because its access key is read-only.");
  }
  check_key(target.key);
  const bool needs_bucket = scope != Scope::service && operation.access != Access::anyone &&
                            operation.name != "CreateBucket";
  if (needs_bucket && !store_.find_bucket(target.bucket)) {
    throw fault("NoSuchBucket", {{"BucketName", target.bucket}});
  }
  Context context{env_,      store_,        options_,      request,   query,
                  operation, authorization, target.bucket, target.key};
  return operation.handler(context);
}

}  // namespace store::s3
