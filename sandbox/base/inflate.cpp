#include "sandbox/base/inflate.h"

#include <array>

#include <zlib.h>

#include "sandbox/base/error.h"

namespace sandbox {
namespace {

class Inflater {
 public:
  explicit Inflater(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) {
      throw Error(Code::internal_error, "The decompression could not be started.");
    }
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // False for broken or unfinished data.
  bool run(std::string_view bytes, std::size_t bytes_max, std::string& out) {
    // zlib reads only, but its type has no const.
    stream_.next_in = const_cast<Bytef*>(  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        reinterpret_cast<const Bytef*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, 64 * 1024> piece{};
    int result = Z_OK;
    while (result == Z_OK || result == Z_STREAM_END) {
      if (result == Z_STREAM_END) {
        if (stream_.avail_in == 0) return true;
        if (inflateReset(&stream_) != Z_OK) return false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      result = ::inflate(&stream_, Z_NO_FLUSH);
      out.append(piece.data(), piece.size() - stream_.avail_out);
      if (out.size() > bytes_max) {
        throw Error(Code::bad_request, "The decompressed body is larger than the allowed " +
                                           std::to_string(bytes_max) + " bytes.");
      }
    }
    return false;
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::string inflate(std::string_view bytes, Compression compression, std::size_t bytes_max) {
  constexpr int gzip_frame = 16 + MAX_WBITS;
  constexpr int zlib_frame = MAX_WBITS;
  constexpr int no_frame = -MAX_WBITS;
  std::string out;
  if (compression == Compression::gzip) {
    if (Inflater(gzip_frame).run(bytes, bytes_max, out)) return out;
    throw Error(Code::bad_request, "Failed to decompress gzip payload");
  }
  if (Inflater(zlib_frame).run(bytes, bytes_max, out)) return out;
  out.clear();
  if (Inflater(no_frame).run(bytes, bytes_max, out)) return out;
  throw Error(Code::bad_request, "Failed to decompress deflate payload");
}

}  // namespace sandbox
