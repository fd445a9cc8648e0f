#include "embedded_store/s3/payload.h"

#include <algorithm>
#include <memory>

#include "embedded_store/s3/chunked_body.h"
#include "embedded_store/s3/errors.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

constexpr std::size_t piece_bytes_max = 256 * 1024;

void check_checksum_value(const ChecksumKind& kind, std::string_view value) {
  const auto raw = sandbox::unbase64(value);
  if (raw && raw->size() == kind.bytes) return;
  throw fault("InvalidRequest", "Value for " + std::string(kind.header) + " header is invalid.");
}

}  // namespace

Payload::Payload(sandbox::http::Request& request,
                 const Authorization& authorization,
                 ChecksumOf checksum_of)
    : request_(request),
      authorization_(authorization),
      is_chunked_(authorization.payload != PayloadKind::hashed &&
                  authorization.payload != PayloadKind::unsigned_payload) {
  if (is_chunked_) {
    if (const auto text = request.headers.find("x-amz-decoded-content-length")) {
      const auto number = sandbox::parse_int64(*text);
      if (!number || *number < 0) {
        throw fault("InvalidArgument", "x-amz-decoded-content-length is not a size in bytes.");
      }
      length_ = static_cast<std::uint64_t>(*number);
    }
  } else {
    length_ = request.body->length();
  }
  if (const auto text = request.headers.find("content-md5")) {
    const auto raw = sandbox::unbase64(*text);
    if (!raw || raw->size() != 16) throw fault("InvalidDigest");
    md5_ = *raw;
  }
  if (checksum_of == ChecksumOf::body) read_checksum_headers();
}

void Payload::read_checksum_headers() {
  const auto take = [&](const ChecksumKind& kind) {
    if (checksum_ && checksum_ != &kind) {
      throw fault("InvalidRequest",
                  "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                  "allowed.");
    }
    checksum_ = &kind;
  };
  for (const ChecksumKind& kind : checksum_kinds()) {
    if (const auto value = request_.headers.find(kind.header)) {
      take(kind);
      check_checksum_value(kind, *value);
      checksum_value_ = *value;
    }
  }
  if (const auto names = request_.headers.find("x-amz-trailer")) {
    for (const std::string& name : sandbox::split(*names, ',')) {
      const ChecksumKind* kind = find_checksum_by_header(sandbox::trim(name));
      if (!kind) continue;
      take(*kind);
      if (!is_chunked_ || authorization_.payload == PayloadKind::chunks_signed) {
        throw fault("InvalidRequest",
                    "The x-amz-trailer header needs a body of the kind "
                    "STREAMING-UNSIGNED-PAYLOAD-TRAILER or "
                    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER.");
      }
      checksum_in_trailer_ = true;
    }
  }
  const auto algorithm = request_.headers.find("x-amz-sdk-checksum-algorithm");
  if (!algorithm) return;
  const ChecksumKind* kind = find_checksum_by_name(*algorithm);
  if (!kind) {
    throw fault("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  if (checksum_ && checksum_ != kind) {
    throw fault("InvalidRequest",
                "Value for x-amz-sdk-checksum-algorithm header is not the algorithm of the "
                "x-amz-checksum- header or trailer.");
  }
}

std::uint64_t Payload::content_length() const {
  if (!length_) throw fault("MissingContentLength");
  if (*length_ > put_bytes_max) {
    throw fault("EntityTooLarge", {{"ProposedSize", std::to_string(*length_)},
                                   {"MaxSizeAllowed", std::to_string(put_bytes_max)}});
  }
  return *length_;
}

bool Payload::is_empty() const {
  return length_ == std::uint64_t{0};
}

void Payload::pipe(const std::function<void(std::string_view)>& sink) {
  std::unique_ptr<ChunkDecoder> decoder;
  if (is_chunked_) {
    decoder = std::make_unique<ChunkDecoder>(authorization_.payload, authorization_.chunks);
  }
  std::optional<sandbox::Digest> sha256;
  if (authorization_.payload == PayloadKind::hashed) sha256.emplace(sandbox::DigestKind::sha256);
  // A SHA256 checksum is the payload hash in other letters; it is not worth computing twice.
  const bool shares_sha256 = sha256 && checksum_ && checksum_->name == "SHA256";
  std::optional<sandbox::Digest> sum;
  if (checksum_ && !shares_sha256) sum.emplace(checksum_->digest);

  std::uint64_t received = 0;
  const auto take = [&](std::string_view piece) {
    received += piece.size();
    if (length_ && received > *length_) {
      throw fault("IncompleteBody", "The request body is longer than the length given for it.");
    }
    if (sha256) sha256->update(piece);
    if (sum) sum->update(piece);
    sink(piece);
  };

  const std::size_t buffer_bytes = static_cast<std::size_t>(
      std::min<std::uint64_t>(length_.value_or(piece_bytes_max) + 1024, piece_bytes_max));
  const auto buffer = std::make_unique<char[]>(buffer_bytes);
  while (true) {
    std::size_t got = 0;
    try {
      got = request_.body->read(buffer.get(), buffer_bytes);
    } catch (const sandbox::Error& error) {
      throw fault("IncompleteBody", error.what());
    }
    if (got == 0) break;
    const std::string_view piece(buffer.get(), got);
    if (decoder) {
      decoder->feed(piece, take);
    } else {
      take(piece);
    }
  }
  if (decoder) decoder->finish();

  if (sha256) {
    const auto raw = sha256->finish();
    payload_sha256_ = sandbox::hex(raw);
    if (shares_sha256) checksums_ = {{"SHA256", sandbox::base64(raw), "FULL_OBJECT"}};
  }
  if (sum) {
    checksums_ = {{std::string(checksum_->name), sandbox::base64(sum->finish()), "FULL_OBJECT"}};
  }
  std::string trailer;
  if (checksum_in_trailer_) {
    const auto value = decoder->trailer(checksum_->header);
    if (!value) throw fault("MalformedTrailerError");
    check_checksum_value(*checksum_, *value);
    trailer = *value;
  }
  check(received, trailer);
}

void Payload::check(std::uint64_t received, std::string_view trailer_checksum) {
  if (length_ && received != *length_) throw fault("IncompleteBody");
  if (authorization_.payload == PayloadKind::hashed &&
      payload_sha256_ != authorization_.payload_sha256) {
    throw fault("XAmzContentSHA256Mismatch",
                {{"ClientComputedContentSHA256", authorization_.payload_sha256},
                 {"S3ComputedContentSHA256", payload_sha256_}});
  }
  for (const std::string_view promised : {std::string_view(checksum_value_), trailer_checksum}) {
    if (!promised.empty() && promised != checksums_.front().value) {
      throw fault("BadDigest", "The " + std::string(checksum_->name) +
                                   " you specified did not match the calculated checksum.");
    }
  }
}

void Payload::check_md5(const std::function<std::string()>& md5_hex) const {
  if (md5_.empty()) return;
  const std::string computed = md5_hex();
  const std::string expected =
      sandbox::hex({reinterpret_cast<const std::uint8_t*>(md5_.data()), md5_.size()});
  if (computed != expected) {
    throw fault("BadDigest", "The Content-MD5 you specified did not match what we received.",
                {{"ExpectedDigest", expected}, {"CalculatedDigest", computed}});
  }
}

std::string Payload::text(std::size_t bytes_max) {
  std::string out;
  pipe([&](std::string_view piece) {
    if (out.size() + piece.size() > bytes_max) throw fault("MalformedXML");
    out += piece;
  });
  check_md5([&] { return sandbox::hex(sandbox::digest(sandbox::DigestKind::md5, out)); });
  return out;
}

}  // namespace store::s3
