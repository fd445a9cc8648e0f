#include "embedded_store/s3/payload.h"

#include <algorithm>
#include <cstring>

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace {

using sandbox::http::Request;
using store::Fault;
using store::s3::Authorization;
using store::s3::Payload;
using store::s3::PayloadKind;

// A body that hands out a few bytes at a time and may end before its time.
class TextBody final : public sandbox::http::BodyReader {
 public:
  TextBody(std::string text, std::size_t announced) : text_(std::move(text)), length_(announced) {}
  std::size_t read(char* out, std::size_t max) override {
    if (at_ == text_.size() && at_ < length_) {
      throw sandbox::Error(sandbox::Code::bad_request, "The client went away.");
    }
    const std::size_t got = std::min({max, std::size_t{7}, text_.size() - at_});
    std::memcpy(out, text_.data() + at_, got);
    at_ += got;
    return got;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::string text_;
  std::size_t length_;
  std::size_t at_ = 0;
};

struct Upload {
  std::string text = "hello world";
  std::size_t missing = 0;  // bytes that never come
  PayloadKind kind = PayloadKind::unsigned_payload;
  std::string sha256 = "";
  std::vector<std::pair<std::string, std::string>> headers = {};

  // The code of the refusal, "" when the body was taken; `out` is what was computed.
  std::string refusal(std::vector<store::Checksum>* out = nullptr) const {
    TextBody body(text, text.size() + missing);
    Request request;
    request.body = &body;
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    Authorization who;
    who.payload = kind;
    who.payload_sha256 = sha256;
    try {
      Payload payload(request, who);
      static_cast<void>(payload.content_length());
      static_cast<void>(payload.text());
      if (out) *out = payload.checksums();
    } catch (const Fault& fault) {
      return fault.code();
    }
    return "";
  }
};

std::string base64_of(sandbox::DigestKind kind, std::string_view text) {
  return sandbox::base64(sandbox::digest(kind, text));
}

}  // namespace

TEST_CASE("a body is held against its hash", "[s3]") {
  const std::string good = sandbox::sha256_hex("hello world");
  CHECK(Upload{.kind = PayloadKind::hashed, .sha256 = good}.refusal() == "");
  CHECK(Upload{.text = "hello worle", .kind = PayloadKind::hashed, .sha256 = good}.refusal() ==
        "XAmzContentSHA256Mismatch");
}

TEST_CASE("a body that ends early is incomplete", "[s3]") {
  CHECK(Upload{.missing = 1}.refusal() == "IncompleteBody");
}

TEST_CASE("every checksum header is verified and kept", "[s3]") {
  for (const auto& kind : store::s3::checksum_kinds()) {
    const std::string name(kind.header);
    const std::string good = base64_of(kind.digest, "hello world");
    std::vector<store::Checksum> computed;
    CHECK(Upload{.headers = {{name, good}}}.refusal(&computed) == "");
    REQUIRE(computed.size() == 1);
    CHECK(computed[0].algorithm == kind.name);
    CHECK(computed[0].value == good);
    CHECK(Upload{.headers = {{name, base64_of(kind.digest, "other")}}}.refusal() == "BadDigest");
    CHECK(Upload{.headers = {{name, "AAA="}}}.refusal() == "InvalidRequest");
  }
}

TEST_CASE("a SHA256 checksum comes with the payload hash", "[s3]") {
  std::vector<store::Checksum> computed;
  const std::string value = base64_of(sandbox::DigestKind::sha256, "hello world");
  CHECK(Upload{.kind = PayloadKind::hashed,
               .sha256 = sandbox::sha256_hex("hello world"),
               .headers = {{"x-amz-checksum-sha256", value}}}
            .refusal(&computed) == "");
  REQUIRE(computed.size() == 1);
  CHECK(computed[0].value == value);
}

TEST_CASE("a trailing checksum is verified", "[s3]") {
  const std::string good = base64_of(sandbox::DigestKind::crc32, "hello world");
  const auto upload = [&](const std::string& trailer) {
    return Upload{.text = "b\r\nhello world\r\n0\r\n" + trailer + "\r\n",
                  .kind = PayloadKind::chunks_unsigned_trailer,
                  .headers = {{"x-amz-trailer", "x-amz-checksum-crc32"},
                              {"x-amz-decoded-content-length", "11"}}};
  };
  std::vector<store::Checksum> computed;
  CHECK(upload("x-amz-checksum-crc32:" + good + "\r\n").refusal(&computed) == "");
  CHECK(computed.at(0).value == good);
  CHECK(upload("x-amz-checksum-crc32:AAAAAA==\r\n").refusal() == "BadDigest");
  CHECK(upload("x-amz-checksum-crc32:AAA\r\n").refusal() == "InvalidRequest");
  CHECK(upload("").refusal() == "MalformedTrailerError");
}

TEST_CASE("the decoded length counts", "[s3]") {
  const auto upload = [](const std::string& length) {
    return Upload{.text = "b\r\nhello world\r\n0\r\n\r\n",
                  .kind = PayloadKind::chunks_unsigned_trailer,
                  .headers = {{"x-amz-decoded-content-length", length}}};
  };
  CHECK(upload("11").refusal() == "");
  CHECK(upload("10").refusal() == "IncompleteBody");
  CHECK(upload("12").refusal() == "IncompleteBody");
  CHECK(upload("many").refusal() == "InvalidArgument");
  CHECK(upload("5368709121").refusal() == "EntityTooLarge");
  Upload none = upload("11");
  none.headers.clear();
  CHECK(none.refusal() == "MissingContentLength");
}

TEST_CASE("Content-MD5 is verified", "[s3]") {
  const std::string good = base64_of(sandbox::DigestKind::md5, "hello world");
  CHECK(Upload{.headers = {{"Content-MD5", good}}}.refusal() == "");
  CHECK(Upload{.headers = {{"Content-MD5", base64_of(sandbox::DigestKind::md5, "")}}}.refusal() ==
        "BadDigest");
  CHECK(Upload{.headers = {{"Content-MD5", "not base64"}}}.refusal() == "InvalidDigest");
}

TEST_CASE("promises that contradict each other are refused", "[s3]") {
  CHECK(Upload{.headers = {{"x-amz-checksum-crc32", "AAAAAA=="},
                           {"x-amz-checksum-crc32c", "AAAAAA=="}}}
            .refusal() == "InvalidRequest");
  CHECK(Upload{.headers = {{"x-amz-checksum-crc32", "AAAAAA=="},
                           {"x-amz-sdk-checksum-algorithm", "SHA1"}}}
            .refusal() == "InvalidRequest");
  CHECK(Upload{.headers = {{"x-amz-trailer", "x-amz-checksum-crc32"}}}.refusal() ==
        "InvalidRequest");
}

TEST_CASE("request XML has a limit", "[s3]") {
  CHECK(Upload{.text = std::string(1024 * 1024 + 1, ' ')}.refusal() == "MalformedXML");
}
