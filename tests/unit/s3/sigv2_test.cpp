// Signature Version 2 in URLs, against the worked example of the Amazon S3 Developer Guide
// ("Signing and Authenticating REST Requests", query string authentication).
#include "embedded_store/s3/sigv2.h"

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"

namespace {

using sandbox::Secret;
using sandbox::http::Query;
using sandbox::http::Request;
using store::Fault;
using store::s3::AccessKey;
using store::s3::string_to_sign_v2;

const AccessKey example{"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                        false};
constexpr std::int64_t example_expires_s = 1'175'139'620;

Request request(const std::string& target) {
  Request request;
  request.method = "GET";
  const std::size_t mark = target.find('?');
  request.raw_path = target.substr(0, mark);
  request.raw_query = mark == std::string::npos ? "" : target.substr(mark + 1);
  return request;
}

std::string refusal(const Request& request,
                    std::int64_t now_s,
                    std::string_view host_bucket = "johnsmith") {
  try {
    check_v2(request, Query::parse(request.raw_query, false), example, now_s * 1000, host_bucket);
    return "";
  } catch (const Fault& fault) {
    return fault.code();
  }
}

const std::string example_target =
    "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&"
    "Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D";

}  // namespace

TEST_CASE("the guide's signed URL is accepted until it expires", "[s3]") {
  CHECK(refusal(request(example_target), example_expires_s) == "");
  CHECK(refusal(request(example_target), example_expires_s + 1) == "AccessDenied");
}

TEST_CASE("what is signed by version 2 cannot be changed", "[s3]") {
  Request put = request(example_target);
  put.method = "PUT";
  CHECK(refusal(put, 0) == "SignatureDoesNotMatch");
  CHECK(refusal(request(example_target), 0, "") == "SignatureDoesNotMatch");
  CHECK(refusal(request(example_target + "&acl"), 0) == "SignatureDoesNotMatch");
  CHECK(refusal(request(example_target + "&x-amz-meta-a=b"), 0) == "SignatureDoesNotMatch");
  CHECK(refusal(request(example_target + "&prefix=unsigned"), 0) == "");
  Request typed = request(example_target);
  typed.headers.add("Content-Type", "text/plain");
  CHECK(refusal(typed, 0) == "SignatureDoesNotMatch");
}

TEST_CASE("a version 2 URL with a part missing is refused", "[s3]") {
  for (const char* target : {"/a?AWSAccessKeyId=A&Signature=b", "/a?AWSAccessKeyId=A&Expires=1",
                             "/a?AWSAccessKeyId=A&Signature=b&Expires=soon",
                             "/a?AWSAccessKeyId=A&Signature=b&Expires=-1"}) {
    CAPTURE(target);
    CHECK(refusal(request(target), 0) == "AccessDenied");
  }
}

TEST_CASE("parameters and headers are signed in order, values decoded", "[s3]") {
  Request get = request(
      "/b/k%20y?response-content-type=text%2Fplain&acl&x-amz-b=2&AWSAccessKeyId=A&Expires=9");
  get.headers.add("X-Amz-A", " one ");
  get.headers.add("x-amz-a", "two");
  CHECK(string_to_sign_v2(get, Query::parse(get.raw_query, false), "") ==
        "GET\n\n\n9\nx-amz-a:one,two\nx-amz-b:2\n/b/k%20y?acl&response-content-type=text/plain");
}
