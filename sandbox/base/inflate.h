// Undoes the compressions of HTTP bodies. Pure.
#pragma once

#include <string>
#include <string_view>

namespace sandbox {

enum class Compression { gzip, deflate };

// gzip with any number of members; deflate with zlib's frame or without it, as some clients send.
// Throws Error(bad_request) for broken data and for more than `bytes_max` bytes of text, so that a
// small body cannot fill the memory.
std::string inflate(std::string_view bytes, Compression compression, std::size_t bytes_max);

}  // namespace sandbox
