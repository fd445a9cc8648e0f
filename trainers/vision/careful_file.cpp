#include "trainers/vision/careful_file.h"

#include <memory>
#include <string>
#include <system_error>

#include <zlib.h>

#include "sandbox/base/error.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 18;

[[noreturn]] void not_written(const fs::path& file) {
  throw Error(Code::resource_exhausted, file.string() + " cannot be written. Is the disk full?");
}

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};

}  // namespace

CarefulFile::CarefulFile(const fs::path& file) : file_(file), part_(file.string() + ".part") {
  std::error_code failure;
  fs::create_directories(file.parent_path(), failure);
  out_.open(part_, std::ios::binary);
}

std::function<std::size_t(const void*, std::size_t)> CarefulFile::sink() {
  return [this](const void* bytes, std::size_t count) {
    out_.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
    return count;
  };
}

void CarefulFile::end() {
  out_.close();
  std::error_code failure;
  if (out_) {
    fs::rename(part_, file_, failure);
    if (!failure) return;
  }
  fs::remove(part_, failure);
  not_written(file_);
}

void write_compressed(const fs::path& from, const fs::path& file) {
  std::ifstream in(from, std::ios::binary);
  if (!in) throw Error(Code::invalid_state, from.string() + " cannot be read.");
  const fs::path part = file.string() + ".part";
  std::unique_ptr<gzFile_s, CloseGzip> out(gzopen(part.c_str(), "wb"));
  bool is_whole = out != nullptr;
  std::string piece(piece_bytes, '\0');
  while (is_whole &&
         (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)) {
    const auto count = static_cast<unsigned>(in.gcount());
    is_whole = gzwrite(out.get(), piece.data(), count) == static_cast<int>(count);
  }
  is_whole = is_whole && gzclose(out.release()) == Z_OK;
  std::error_code failure;
  if (is_whole) fs::rename(part, file, failure);
  if (is_whole && !failure) return;
  fs::remove(part, failure);
  not_written(file);
}

}  // namespace trainers::vision
