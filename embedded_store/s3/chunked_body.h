// The aws-chunked framing: "size[;chunk-signature=…]\r\n data \r\n" …, a chunk of size 0, trailers.
// The decoder is fed with bytes split anywhere and hands on the data as it comes; data is to be
// believed only after finish() returned.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embedded_store/s3/sigv4.h"
#include "sandbox/base/hash.h"

namespace store::s3 {

class ChunkDecoder {
 public:
  using Sink = std::function<void(std::string_view)>;

  // `kind` is one of the three chunk kinds; `signer` starts at the seed signature of the head.
  ChunkDecoder(PayloadKind kind, ChunkSigner signer);
  // Throws Fault SignatureDoesNotMatch, InvalidRequest (broken framing), MalformedTrailerError.
  void feed(std::string_view bytes, const Sink& sink);
  // The body is over. Throws Fault IncompleteBody when the framing is not.
  void finish() const;
  // A trailer's value by its lower-case name.
  [[nodiscard]] std::optional<std::string> trailer(std::string_view name) const;

 private:
  enum class State { chunk_head, data, data_end, trailers, done };

  void end_line();
  void read_chunk_head(std::string_view line);
  void read_trailer(std::string_view line);
  void end_chunk();
  void end_trailers();

  bool is_signed_;
  bool has_trailers_;
  ChunkSigner signer_;
  State state_ = State::chunk_head;
  std::string line_;
  std::uint64_t left_ = 0;  // bytes of the current chunk that have not come yet
  std::string chunk_signature_;
  std::optional<sandbox::Digest> chunk_sha256_;
  std::vector<std::pair<std::string, std::string>> trailers_;
  std::string trailer_signature_;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace store::s3
