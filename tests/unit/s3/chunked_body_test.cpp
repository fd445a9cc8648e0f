#include "embedded_store/s3/chunked_body.h"

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/hash.h"

namespace {

using store::Fault;
using store::s3::ChunkDecoder;
using store::s3::ChunkSigner;
using store::s3::PayloadKind;

ChunkSigner signer() {
  return {"key", "20130524T000000Z", "scope", "seed"};
}

struct Decoded {
  std::string data;
  std::string crc32;
};

// Feeds `body` in pieces of `piece` bytes.
Decoded decode(PayloadKind kind, std::string_view body, std::size_t piece) {
  ChunkDecoder decoder(kind, signer());
  Decoded out;
  for (std::size_t i = 0; i < body.size(); i += piece) {
    decoder.feed(body.substr(i, piece), [&](std::string_view data) { out.data += data; });
  }
  decoder.finish();
  out.crc32 = decoder.trailer("x-amz-checksum-crc32").value_or("");
  return out;
}

std::string refusal(PayloadKind kind, std::string_view body) {
  try {
    decode(kind, body, body.size());
  } catch (const Fault& fault) {
    return fault.code();
  }
  return "";
}

std::string signed_chunk(ChunkSigner& with, std::string_view size, std::string_view data) {
  std::string chunk(size);
  chunk += ";chunk-signature=" + with.sign_chunk(sandbox::sha256_hex(data)) + "\r\n";
  return data.empty() ? chunk : chunk + std::string(data) + "\r\n";
}

const std::string unsigned_body =
    "5\r\nhello\r\n1\r\n \r\n00A\r\n0123\r\n6789\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";

std::string signed_body() {
  ChunkSigner with = signer();
  std::string body = signed_chunk(with, "5", "hello");
  body += signed_chunk(with, "6", " world");
  return body + signed_chunk(with, "0", "") + "\r\n";
}

// `separator` stands between the trailer and its signature.
std::string signed_trailer_body(std::string_view separator) {
  ChunkSigner with = signer();
  std::string body = signed_chunk(with, "5", "hello");
  body += signed_chunk(with, "0", "");
  body += "x-amz-checksum-crc32:AAAAAA==" + std::string(separator);
  return body + "x-amz-trailer-signature:" + with.sign_trailer("x-amz-checksum-crc32:AAAAAA==\n") +
         "\r\n\r\n";
}

}  // namespace

TEST_CASE("unsigned chunks with a trailer decode wherever they are split", "[s3]") {
  for (std::size_t piece = 1; piece <= unsigned_body.size(); ++piece) {
    const Decoded out = decode(PayloadKind::chunks_unsigned_trailer, unsigned_body, piece);
    CHECK(out.data == "hello 0123\r\n6789");
    CHECK(out.crc32 == "AAAAAA==");
  }
}

TEST_CASE("signed chunks decode wherever they are split", "[s3]") {
  const std::string body = signed_body();
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    CHECK(decode(PayloadKind::chunks_signed, body, piece).data == "hello world");
  }
}

TEST_CASE("a signed trailer decodes as the SDKs and as minio-go write it", "[s3]") {
  for (const std::string_view separator : {"\r\n", "\n\r\n"}) {
    const std::string body = signed_trailer_body(separator);
    for (std::size_t piece = 1; piece <= body.size(); ++piece) {
      const Decoded out = decode(PayloadKind::chunks_signed_trailer, body, piece);
      CHECK(out.data == "hello");
      CHECK(out.crc32 == "AAAAAA==");
    }
  }
}

TEST_CASE("an empty body is one last chunk", "[s3]") {
  CHECK(decode(PayloadKind::chunks_unsigned_trailer, "0\r\n\r\n", 1).data.empty());
}

TEST_CASE("a changed byte breaks the signature of its chunk", "[s3]") {
  std::string body = signed_body();
  body.replace(body.find("world"), 5, "worle");
  CHECK(refusal(PayloadKind::chunks_signed, body) == "SignatureDoesNotMatch");
  std::string trailer = signed_trailer_body("\r\n");
  trailer.replace(trailer.find("AAAAAA=="), 8, "BAAAAA==");
  CHECK(refusal(PayloadKind::chunks_signed_trailer, trailer) == "SignatureDoesNotMatch");
  // Chunks cannot change places either.
  ChunkSigner with = signer();
  const std::string first = signed_chunk(with, "1", "a");
  const std::string second = signed_chunk(with, "1", "b");
  CHECK(refusal(PayloadKind::chunks_signed, second + first) == "SignatureDoesNotMatch");
}

TEST_CASE("every cut of a body is incomplete", "[s3]") {
  const std::string body = signed_trailer_body("\r\n");
  for (std::size_t size = 0; size < body.size(); ++size) {
    CHECK(refusal(PayloadKind::chunks_signed_trailer, body.substr(0, size)) == "IncompleteBody");
  }
}

TEST_CASE("broken framing is refused", "[s3]") {
  const auto kind = PayloadKind::chunks_unsigned_trailer;
  CHECK(refusal(kind, "x\r\n") == "InvalidRequest");
  CHECK(refusal(kind, "-1\r\n") == "InvalidRequest");
  CHECK(refusal(kind, "\r\n") == "InvalidRequest");
  CHECK(refusal(kind, "11111111111111111\r\n") == "InvalidRequest");
  CHECK(refusal(kind, "1\r\nab\r\n0\r\n\r\n") == "InvalidRequest");
  CHECK(refusal(kind, "0\r\n\r\nmore") == "InvalidRequest");
  CHECK(refusal(kind, std::string(5000, '1')) == "InvalidRequest");
  CHECK(refusal(kind, "0\r\nno colon\r\n\r\n") == "MalformedTrailerError");
  // Signed chunks need their signatures.
  CHECK(refusal(PayloadKind::chunks_signed, "1\r\na\r\n0\r\n\r\n") == "InvalidRequest");
  // No trailers where none were announced.
  ChunkSigner with = signer();
  CHECK(refusal(PayloadKind::chunks_signed, signed_chunk(with, "0", "") + "a:b\r\n\r\n") ==
        "MalformedTrailerError");
}
