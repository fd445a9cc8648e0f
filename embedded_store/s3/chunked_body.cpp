#include "embedded_store/s3/chunked_body.h"

#include <algorithm>
#include <charconv>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

constexpr std::size_t line_bytes_max = 4096;
constexpr std::size_t trailer_bytes_max = 16 * 1024;
constexpr std::string_view signature_name = "x-amz-trailer-signature";

Fault broken_framing() {
  return fault("InvalidRequest", "The aws-chunked framing of the request body is not well-formed.");
}

}  // namespace

ChunkDecoder::ChunkDecoder(PayloadKind kind, ChunkSigner signer)
    : is_signed_(kind != PayloadKind::chunks_unsigned_trailer),
      has_trailers_(kind != PayloadKind::chunks_signed),
      signer_(std::move(signer)) {}

void ChunkDecoder::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (state_ == State::data) {
      const std::string_view piece =
          bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      if (chunk_sha256_) chunk_sha256_->update(piece);
      sink(piece);
      left_ -= piece.size();
      bytes.remove_prefix(piece.size());
      if (left_ == 0) end_chunk();
      continue;
    }
    if (state_ == State::done) {
      // minio-go ends an unsigned body with one empty line more than it should.
      if (bytes.find_first_not_of("\r\n") != std::string_view::npos) throw broken_framing();
      return;
    }
    const std::size_t newline = bytes.find('\n');
    line_ += bytes.substr(0, newline);
    if (line_.size() > line_bytes_max) throw broken_framing();
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
    end_line();
  }
}

void ChunkDecoder::end_line() {
  if (line_.ends_with('\r')) line_.pop_back();
  const std::string line = std::move(line_);
  line_.clear();
  switch (state_) {
    case State::chunk_head: read_chunk_head(line); break;
    case State::data_end:
      if (!line.empty()) throw broken_framing();
      state_ = State::chunk_head;
      break;
    case State::trailers: read_trailer(line); break;
    default: break;
  }
}

void ChunkDecoder::read_chunk_head(std::string_view line) {
  const std::size_t semicolon = line.find(';');
  const std::string_view digits = line.substr(0, semicolon);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    throw broken_framing();
  }
  if (is_signed_) {
    constexpr std::string_view name = "chunk-signature=";
    std::string_view extension =
        semicolon == std::string_view::npos ? std::string_view() : line.substr(semicolon + 1);
    if (!extension.starts_with(name)) throw broken_framing();
    chunk_signature_ = extension.substr(name.size());
    chunk_sha256_.emplace(sandbox::DigestKind::sha256);
  }
  state_ = State::data;
  if (left_ == 0) {
    end_chunk();
    state_ = State::trailers;
  }
}

void ChunkDecoder::end_chunk() {
  state_ = State::data_end;
  if (!is_signed_) return;
  const std::string expected = signer_.sign_chunk(sandbox::hex(chunk_sha256_->finish()));
  chunk_sha256_.reset();
  if (!sandbox::equal_in_constant_time(expected, chunk_signature_)) {
    throw fault("SignatureDoesNotMatch",
                "The signature of a chunk of the body does not match its data.");
  }
}

void ChunkDecoder::read_trailer(std::string_view line) {
  if (line.empty()) {
    // minio-go puts an empty line between the trailers and their signature.
    if (is_signed_ && has_trailers_ && trailer_signature_.empty() && !trailers_.empty()) return;
    end_trailers();
    return;
  }
  const std::size_t colon = line.find(':');
  trailer_bytes_ += line.size();
  if (!has_trailers_ || colon == std::string_view::npos || trailer_bytes_ > trailer_bytes_max) {
    throw fault("MalformedTrailerError");
  }
  std::string name = sandbox::lower(sandbox::trim(line.substr(0, colon)));
  std::string value(sandbox::trim(line.substr(colon + 1)));
  if (name == signature_name) {
    trailer_signature_ = std::move(value);
  } else {
    trailers_.emplace_back(std::move(name), std::move(value));
  }
}

void ChunkDecoder::end_trailers() {
  state_ = State::done;
  if (!is_signed_ || !has_trailers_ || (trailers_.empty() && trailer_signature_.empty())) return;
  std::string lines;
  for (const auto& [name, value] : trailers_) lines += name + ":" + value + "\n";
  if (!sandbox::equal_in_constant_time(signer_.sign_trailer(lines), trailer_signature_)) {
    throw fault("SignatureDoesNotMatch", "The signature of the body's trailers does not match.");
  }
}

void ChunkDecoder::finish() const {
  if (state_ != State::done) {
    throw fault("IncompleteBody", "The request body ended before its last chunk.");
  }
}

std::optional<std::string> ChunkDecoder::trailer(std::string_view name) const {
  for (const auto& [key, value] : trailers_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

}  // namespace store::s3
