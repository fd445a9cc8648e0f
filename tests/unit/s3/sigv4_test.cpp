// Signatures against the worked examples of the Amazon S3 API Reference ("Authenticating
// Requests").
#include "embedded_store/s3/sigv4.h"

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/hash.h"
#include "tests/support/fake_env.h"

namespace {

using sandbox::FakeEnv;
using sandbox::Secret;
using sandbox::http::Request;
using store::Fault;
using store::s3::Authenticator;
using store::s3::Authorization;
using store::s3::ChunkSigner;
using store::s3::PayloadKind;
using store::s3::S3Options;

constexpr std::int64_t example_ms = 1'369'353'600'000;  // 2013-05-24T00:00:00Z
constexpr std::string_view empty_sha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view scope = "20130524/us-east-1/s3/aws4_request";
constexpr std::string_view example_secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

S3Options options() {
  S3Options options;
  options.access_keys = {
      {"AKIAIOSFODNN7EXAMPLE", Secret(std::string(example_secret)), false},
      {"read/only", Secret("another"), true},
  };
  return options;
}

Request request(std::string method, const std::string& target) {
  Request request;
  request.method = std::move(method);
  request.target = target;
  const std::size_t mark = target.find('?');
  request.raw_path = target.substr(0, mark);
  request.path = request.raw_path;
  if (mark != std::string::npos) request.raw_query = target.substr(mark + 1);
  request.headers.add("Host", "examplebucket.s3.amazonaws.com");
  return request;
}

void sign_with(Request& request, std::string_view names, std::string_view signature) {
  request.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/" +
                                           std::string(scope) +
                                           ",SignedHeaders=" + std::string(names) +
                                           ",Signature=" + std::string(signature));
}

// A GET without a body, as the examples sign it.
Request plain_get(const std::string& target, std::string_view signature) {
  Request get = request("GET", target);
  get.headers.add("x-amz-content-sha256", std::string(empty_sha256));
  get.headers.add("x-amz-date", "20130524T000000Z");
  sign_with(get, "host;x-amz-content-sha256;x-amz-date", signature);
  return get;
}

struct Verifier {
  FakeEnv env;
  S3Options settings = options();
  Authenticator authenticator{env, settings};

  Verifier() { env.now = example_ms; }
  Authorization operator()(const Request& request) { return authenticator.authenticate(request); }
  // The code of the refusal, "" when there is none.
  std::string refusal(const Request& request) {
    try {
      authenticator.authenticate(request);
    } catch (const Fault& fault) {
      return fault.code();
    }
    return "";
  }
};

const std::string presigned =
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
    "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
    "X-Amz-SignedHeaders=host&X-Amz-Signature="
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

}  // namespace

TEST_CASE("the GET example is accepted", "[s3]") {
  Request get = request("GET", "/test.txt");
  get.headers.add("Range", "bytes=0-9");
  get.headers.add("x-amz-content-sha256", std::string(empty_sha256));
  get.headers.add("x-amz-date", "20130524T000000Z");
  sign_with(get, "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  const Authorization who = Verifier()(get);
  CHECK(who.access_key == "AKIAIOSFODNN7EXAMPLE");
  CHECK(who.payload == PayloadKind::hashed);
  CHECK(who.payload_sha256 == empty_sha256);
  CHECK_FALSE(who.read_only);
}

TEST_CASE("the PUT example with an escaped key is accepted", "[s3]") {
  Request put = request("PUT", "/test%24file.text");
  put.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  put.headers.add("x-amz-date", "20130524T000000Z");
  put.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  put.headers.add("x-amz-content-sha256",
                  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  sign_with(put, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(Verifier()(put).payload == PayloadKind::hashed);
}

TEST_CASE("the examples with query parameters are accepted", "[s3]") {
  Verifier verify;
  CHECK(verify.refusal(plain_get(
            "/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")) ==
        "");
  CHECK(verify.refusal(
            plain_get("/?max-keys=2&prefix=J",
                      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")) == "");
  CHECK(verify.refusal(
            plain_get("/?prefix=J&max-keys=2",
                      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")) == "");
}

TEST_CASE("the presigned example is accepted until it expires", "[s3]") {
  Verifier verify;
  CHECK(verify(request("GET", presigned)).payload == PayloadKind::unsigned_payload);
  verify.env.now = example_ms + 86'400'000;
  CHECK(verify.refusal(request("GET", presigned)) == "");
  verify.env.now += 1;
  CHECK(verify.refusal(request("GET", presigned)) == "AccessDenied");
  verify.env.now = example_ms - 16 * 60'000;
  CHECK(verify.refusal(request("GET", presigned)) == "AccessDenied");
}

TEST_CASE("a presigned URL is bound to its method and parameters", "[s3]") {
  Verifier verify;
  CHECK(verify.refusal(request("HEAD", presigned)) == "SignatureDoesNotMatch");
  CHECK(verify.refusal(request("GET", presigned + "&partNumber=1")) == "SignatureDoesNotMatch");
  Request with_header = request("GET", presigned);
  with_header.headers.add("x-amz-meta-added", "on the way");
  CHECK(verify.refusal(with_header) == "AccessDenied");
  std::string far = presigned;
  far.replace(far.find("86400"), 5, "604801");
  CHECK(verify.refusal(request("GET", far)) == "AuthorizationQueryParametersError");
  far.replace(far.find("604801"), 6, "soon");
  CHECK(verify.refusal(request("GET", far)) == "AuthorizationQueryParametersError");
}

TEST_CASE("a chunked upload is signed chunk by chunk", "[s3]") {
  Request put = request("PUT", "/examplebucket/chunkObject.txt");
  put.headers.set("Host", "s3.amazonaws.com");
  put.headers.add("x-amz-date", "20130524T000000Z");
  put.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  put.headers.add("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  put.headers.add("Content-Encoding", "aws-chunked");
  put.headers.add("x-amz-decoded-content-length", "66560");
  put.headers.add("Content-Length", "66824");
  sign_with(put,
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  Authorization who = Verifier()(put);
  CHECK(who.payload == PayloadKind::chunks_signed);
  CHECK(who.chunks.sign_chunk(sandbox::sha256_hex(std::string(65536, 'a'))) ==
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
  CHECK(who.chunks.sign_chunk(sandbox::sha256_hex(std::string(1024, 'a'))) ==
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
  CHECK(who.chunks.sign_chunk(empty_sha256) ==
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
}

TEST_CASE("trailers are signed after the last chunk", "[s3]") {
  ChunkSigner signer(store::s3::derive_signing_key(example_secret, "20130524", "us-east-1"),
                     "20130524T000000Z", std::string(scope),
                     "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  CHECK(signer.sign_chunk(sandbox::sha256_hex(std::string(65536, 'a'))) ==
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2");
  CHECK(signer.sign_chunk(sandbox::sha256_hex(std::string(1024, 'a'))) ==
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7");
  CHECK(signer.sign_chunk(empty_sha256) ==
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
  CHECK(signer.sign_trailer("x-amz-checksum-crc32c:sOO8/Q==\n") ==
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
}

TEST_CASE("a request that is not signed well is refused by name", "[s3]") {
  Verifier verify;
  const std::string good = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
  CHECK(verify.refusal(request("GET", "/?lifecycle")) == "AccessDenied");
  CHECK(verify.refusal(plain_get("/?lifecycle", std::string(64, '0'))) == "SignatureDoesNotMatch");
  CHECK(verify.refusal(plain_get("/?lifecycle", "short")) == "SignatureDoesNotMatch");

  Request other = plain_get("/?lifecycle", good);
  std::string header(other.headers.get("Authorization"));
  other.headers.set("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=");
  CHECK(verify.refusal(other) == "InvalidRequest");

  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = header;
    changed.replace(changed.find(from), from.size(), to);
    other.headers.set("Authorization", changed);
    return verify.refusal(other);
  };
  CHECK(with("AKIAIOSFODNN7EXAMPLE", "AKIAUNKNOWN") == "InvalidAccessKeyId");
  CHECK(with("us-east-1", "eu-west-3") == "AuthorizationHeaderMalformed");
  CHECK(with("/s3/", "/sts/") == "AuthorizationHeaderMalformed");
  CHECK(with("20130524/", "20130523/") == "AuthorizationHeaderMalformed");
  CHECK(with("aws4_request", "aws5_request") == "AuthorizationHeaderMalformed");
  CHECK(with(",Signature=", ",Sig=") == "AuthorizationHeaderMalformed");
  CHECK(with("host;", "") == "AccessDenied");
  // Lenient regions reach the signature, which then differs.
  CHECK(with("us-east-1", "minio") == "SignatureDoesNotMatch");

  Request unsigned_header = plain_get("/?lifecycle", good);
  unsigned_header.headers.add("x-amz-meta-added", "on the way");
  CHECK(verify.refusal(unsigned_header) == "AccessDenied");
  Request token = plain_get("/?lifecycle", good);
  token.headers.add("x-amz-security-token", "session");
  CHECK(verify.refusal(token) == "InvalidToken");
  Request no_hash = plain_get("/?lifecycle", good);
  no_hash.headers.remove("x-amz-content-sha256");
  CHECK(verify.refusal(no_hash) == "InvalidRequest");
}

TEST_CASE("a clock a quarter of an hour apart is refused", "[s3]") {
  Verifier verify;
  const Request get =
      plain_get("/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  for (const std::int64_t minutes : {-15, 15}) {
    verify.env.now = example_ms + minutes * 60'000;
    CHECK(verify.refusal(get) == "");
    verify.env.now += minutes < 0 ? -1 : 1;
    CHECK(verify.refusal(get) == "RequestTimeTooSkewed");
  }
}

TEST_CASE("a wrong region is answered with the right one", "[s3]") {
  Verifier verify;
  Request get = plain_get("/", "0");
  get.headers.set("Authorization",
                  "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/eu-west-3/s3/"
                  "aws4_request, SignedHeaders=host, Signature=0");
  try {
    verify(get);
    FAIL("accepted");
  } catch (const Fault& fault) {
    CHECK(fault.details ==
          std::vector<std::pair<std::string, std::string>>{{"Region", "us-east-1"}});
  }
}

TEST_CASE("the canonical path keeps what is not an escape", "[s3]") {
  using store::s3::canonical_uri;
  CHECK(canonical_uri("/a//b/../c/./d") == "/a//b/../c/./d");
  CHECK(canonical_uri("/a+b") == "/a%2Bb");
  CHECK(canonical_uri("/a%2bb%20c") == "/a%2Bb%20c");
  CHECK(canonical_uri("/%7Euser/%41") == "/~user/A");
  CHECK(canonical_uri("/%E2%82%AC") == "/%E2%82%AC");
}

TEST_CASE("the canonical query is sorted and complete", "[s3]") {
  using store::s3::canonical_query;
  CHECK(canonical_query("") == "");
  CHECK(canonical_query("acl") == "acl=");
  CHECK(canonical_query("b=2&a=1&a=0&X-Amz-Signature=x") == "a=0&a=1&b=2");
  CHECK(canonical_query("prefix=a/b%20c&x=a+b") == "prefix=a%2Fb%20c&x=a%2Bb");
}

TEST_CASE("header values are trimmed, folded and joined", "[s3]") {
  Request get = request("GET", "/");
  get.headers.add("X-Amz-Meta-A", "  one   two ");
  get.headers.add("x-amz-meta-a", "three");
  CHECK(store::s3::canonical_request(get, {"host", "x-amz-meta-a"}, "UNSIGNED-PAYLOAD") ==
        "GET\n/\n\nhost:examplebucket.s3.amazonaws.com\nx-amz-meta-a:one two,three\n\n"
        "host;x-amz-meta-a\nUNSIGNED-PAYLOAD");
}
