#include "trainers/download.h"

#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/http/caller.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr int attempts_max = 5;
constexpr int redirects_max = 5;
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
constexpr auto pause = std::chrono::seconds(1);

struct Stopped {};  // ends a call from inside its sink

std::uint64_t size_of(const fs::path& file) {
  std::error_code failure;
  const auto size = fs::file_size(file, failure);
  return failure ? 0 : size;
}

// What a request for the bytes from `have` on came to.
struct Attempt {
  int status = 0;
  std::string reason;
  std::string location;
};

Attempt fetch_rest(sandbox::http::Caller& caller,
                   const Download& what,
                   const std::string& url,
                   const fs::path& part) {
  std::uint64_t have = size_of(part);
  const std::uint64_t begin = have;
  std::ofstream out(part, std::ios::binary | std::ios::app);
  sandbox::http::Call call;
  call.url = url;
  call.use_proxy = true;
  if (begin > 0) call.headers.emplace_back("Range", "bytes=" + std::to_string(begin) + "-");
  call.sink = [&](std::string_view piece) {
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (!out) {
      throw Error(Code::resource_exhausted,
                  part.string() + " cannot be written. Is the disk full?");
    }
    have += piece.size();
    if (what.progress) what.progress(have, 0);
    if (what.is_stopping && what.is_stopping()) throw Stopped{};
  };
  const sandbox::http::CallAnswer answer = caller.call(call);
  out.close();
  // A server that does not know ranges sent the whole file after what was there.
  if (answer.status == 200 && begin > 0) {
    const fs::path whole = part.string() + ".whole";
    std::ifstream in(part, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(begin));
    std::ofstream(whole, std::ios::binary) << in.rdbuf();
    fs::rename(whole, part);
  }
  return {answer.status, answer.reason, std::string(answer.headers.get("location"))};
}

[[noreturn]] void refuse(const Download& what, const std::string& why) {
  throw Error(Code::invalid_state, what.url + " cannot be downloaded: " + why +
                                       ". Where there is no " +
                                       "way to it, get the file elsewhere, put it at " +
                                       what.file.string() + " and start again.");
}

void check_digest(const Download& what, const fs::path& part) {
  if (what.digest.empty()) return;
  const std::string found = digest_of_file(what.kind, part);
  if (found == what.digest) return;
  fs::remove(part);
  throw Error(Code::invalid_state, "What came from " + what.url +
                                       " is not the file it should be: " + "its digest is " +
                                       found + " and has to be " + what.digest +
                                       ". It was removed; try again or use another source.");
}

}  // namespace

std::string digest_of_file(sandbox::DigestKind kind, const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(Code::invalid_state, file.string() + " cannot be read.");
  sandbox::Digest digest(kind);
  std::string piece(piece_bytes, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    digest.update({piece.data(), static_cast<std::size_t>(in.gcount())});
  }
  return sandbox::hex(digest.finish());
}

void download(const Download& what) {
  const fs::path part = what.file.string() + ".part";
  fs::create_directories(what.file.parent_path());
  sandbox::http::Caller caller;
  std::string url = what.url;
  int redirects = 0;
  for (int attempt = 1;; ++attempt) {
    Attempt came;
    try {
      came = fetch_rest(caller, what, url, part);
    } catch (const Stopped&) {
      refuse(what, "it was stopped; what came is kept");
    }
    // 416: everything was there already.
    if (came.status == 200 || came.status == 206 || came.status == 416) break;
    if (came.status >= 300 && came.status < 400 && came.location.starts_with("http") &&
        ++redirects <= redirects_max) {
      url = came.location;
      --attempt;
      continue;
    }
    if (came.status >= 400 && came.status < 500) {
      refuse(what, "the server answers with status " + std::to_string(came.status));
    }
    if (attempt == attempts_max) {
      refuse(what, came.status == 0
                       ? came.reason
                       : "the server answers with status " + std::to_string(came.status));
    }
    std::this_thread::sleep_for(pause);
  }
  check_digest(what, part);
  fs::rename(part, what.file);
}

}  // namespace trainers
