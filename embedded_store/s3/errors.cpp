#include "embedded_store/s3/errors.h"

#include <algorithm>
#include <array>

#include "embedded_store/s3/xml.h"

namespace store::s3 {
namespace {

struct Row {
  std::string_view code;
  int status;
  std::string_view sentence;
};

// clang-format off
constexpr std::array rows{
    Row{"AccessControlListNotSupported", 400, "Access control lists other than private are not supported here. Leave the ACL out."},
    Row{"AccessDenied", 403, "Access Denied"},
    Row{"AccessForbidden", 403, "CORSResponse: CORS is not enabled for this bucket."},
    Row{"AuthorizationHeaderMalformed", 400, "The authorization header that you provided is not valid."},
    Row{"AuthorizationQueryParametersError", 400, "The query-string authentication parameters are not valid."},
    Row{"BadDigest", 400, "The Content-MD5 or checksum value that you specified did not match what the server received."},
    Row{"BucketAlreadyExists", 409, "The requested bucket name is not available. Select a different name and try again."},
    Row{"BucketAlreadyOwnedByYou", 409, "The bucket that you tried to create already exists, and you own it."},
    Row{"BucketNotEmpty", 409, "The bucket that you tried to delete is not empty."},
    Row{"ConditionalRequestConflict", 409, "A conflicting operation occurred during this request. Try again."},
    Row{"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed object size."},
    Row{"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size."},
    Row{"IllegalLocationConstraintException", 400, "The location constraint is not this server's region."},
    Row{"IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header."},
    Row{"InsufficientStorage", 507, "The server has no room left for this. Free space on its disk and try again."},
    Row{"InternalError", 500, "The server met an error of its own. Its log has the cause under this request id."},
    Row{"InvalidAccessKeyId", 403, "The access key ID that you provided does not exist in our records."},
    Row{"InvalidArgument", 400, "Invalid Argument"},
    Row{"InvalidBucketName", 400, "The specified bucket is not valid."},
    Row{"InvalidDigest", 400, "The Content-MD5 that you specified is not valid."},
    Row{"InvalidLocationConstraint", 400, "The specified location constraint is not valid."},
    Row{"InvalidPart", 400, "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag."},
    Row{"InvalidPartNumber", 416, "The requested partnumber is not satisfiable"},
    Row{"InvalidPartOrder", 400, "The list of parts was not in ascending order. The parts list must be specified in order by part number."},
    Row{"InvalidRange", 416, "The requested range is not satisfiable"},
    Row{"InvalidRequest", 400, "Invalid Request"},
    Row{"InvalidTag", 400, "The tag provided was not a valid tag."},
    Row{"InvalidToken", 400, "The provided token is malformed or otherwise not valid. This server knows no session tokens."},
    Row{"InvalidURI", 400, "The specified URI couldn't be parsed."},
    Row{"KeyTooLongError", 400, "Your key is too long"},
    Row{"MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema."},
    Row{"MalformedXML", 400, "The XML that you provided was not well formed or did not validate against our published schema."},
    Row{"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size."},
    Row{"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    Row{"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    Row{"NoSuchBucket", 404, "The specified bucket does not exist"},
    Row{"NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
    Row{"NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"},
    Row{"NoSuchKey", 404, "The specified key does not exist."},
    Row{"NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"},
    Row{"NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found"},
    Row{"NoSuchTagSet", 404, "The TagSet does not exist"},
    Row{"NoSuchUpload", 404, "The specified multipart upload does not exist. The upload ID might not be valid, or the multipart upload might have been aborted or completed."},
    Row{"NoSuchVersion", 404, "The specified version does not exist."},
    Row{"NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration"},
    Row{"NotImplemented", 501, "A header or query you provided implies functionality that is not implemented."},
    Row{"ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket"},
    Row{"OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"},
    Row{"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    Row{"ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"},
    Row{"RequestTimeTooSkewed", 403, "The difference between the request time and the server's time is too large."},
    Row{"RequestTimeout", 400, "Your socket connection to the server was not read from or written to within the timeout period."},
    Row{"ServerSideEncryptionConfigurationNotFoundError", 404, "The server side encryption configuration was not found"},
    Row{"ServiceUnavailable", 503, "Service is unable to handle the request right now. Please try again."},
    Row{"SignatureDoesNotMatch", 403, "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
    Row{"SlowDown", 503, "Please reduce your request rate."},
    Row{"TooManyBuckets", 400, "You have attempted to create more buckets than allowed."},
    Row{"XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed."},
};
// clang-format on

static_assert(std::is_sorted(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
  return a.code < b.code;
}));

const Row* find_row(std::string_view code) {
  const auto row = std::lower_bound(rows.begin(), rows.end(), code,
                                    [](const Row& a, std::string_view b) { return a.code < b; });
  return row != rows.end() && row->code == code ? &*row : nullptr;
}

}  // namespace

Fault fault(std::string_view code, Details details) {
  const Row* row = find_row(code);
  return fault(code, std::string(row ? row->sentence : code), std::move(details));
}

Fault fault(std::string_view code, const std::string& message, Details details) {
  Fault result{std::string(code), message};
  result.details = std::move(details);
  return result;
}

int status_of(std::string_view code) {
  const Row* row = find_row(code);
  return row ? row->status : 500;
}

sandbox::http::Response error_response(const Fault& fault, const sandbox::http::Request& request) {
  sandbox::http::Response response;
  response.status = status_of(fault.code());
  response.headers.add("Content-Type", "application/xml");
  if (request.method == "HEAD") {
    response.head_length = 0;
    return response;
  }
  XmlWriter xml("Error", Namespace::none);
  xml.element("Code", fault.code());
  xml.element("Message", fault.what());
  for (const auto& [name, value] : fault.details) xml.element(name, value);
  xml.element("Resource", request.path);
  xml.element("RequestId", request.id);
  response.body = xml.finish();
  return response;
}

Fault translate(const sandbox::Error& error) {
  using sandbox::Code;
  switch (error.code()) {
    case Code::bad_request: return fault("InvalidRequest", error.what());
    case Code::invalid_parameter_value: return fault("InvalidArgument", error.what());
    case Code::unauthenticated:
    case Code::permission_denied: return fault("AccessDenied", error.what());
    case Code::not_found:
    case Code::resource_does_not_exist: return fault("NoSuchKey", error.what());
    case Code::resource_conflict: return fault("ConditionalRequestConflict", error.what());
    case Code::not_implemented: return fault("NotImplemented", error.what());
    case Code::request_limit_exceeded: return fault("SlowDown", error.what());
    case Code::resource_exhausted: return fault("InsufficientStorage");
    case Code::temporarily_unavailable: return fault("ServiceUnavailable", error.what());
    default: return fault("InternalError");
  }
}

}  // namespace store::s3
