#include "sandbox/run_archive/tar.h"

#include <array>
#include <exception>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

#include "sandbox/base/error.h"

namespace sandbox::run_archive {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr int file_mode = 0644;

}  // namespace

struct TarWriter::State {
  explicit State(std::function<void(std::string_view)> to) : sink(std::move(to)) {}
  ~State() {
    // Freeing closes an archive that was not, which would look like a whole one to who reads it.
    is_cut_off = true;
    archive_write_free(archive);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // The library is C: what the sink throws passes around it.
  static la_ssize_t take(struct archive*, void* self, const void* bytes, std::size_t count) {
    auto& state = *static_cast<State*>(self);
    if (state.is_cut_off) return static_cast<la_ssize_t>(count);
    try {
      state.sink({static_cast<const char*>(bytes), count});
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      state.failure = std::current_exception();
      return -1;
    }
  }

  // A warning is about names in another encoding, which are kept as they are.
  void check(int result) const {
    if (failure) std::rethrow_exception(failure);
    if (result >= ARCHIVE_WARN) return;
    const char* reason = archive_error_string(archive);
    throw Error(Code::internal_error, std::string("The archive cannot be written: ") +
                                          (reason == nullptr ? "unknown" : reason) + ".");
  }

  std::function<void(std::string_view)> sink;
  struct archive* archive = archive_write_new();
  std::exception_ptr failure;
  bool is_cut_off = false;
};

TarWriter::TarWriter(std::function<void(std::string_view)> sink)
    : state_(std::make_unique<State>(std::move(sink))) {
  archive_write_set_format_pax_restricted(state_->archive);
  archive_write_set_bytes_per_block(state_->archive, static_cast<int>(piece_bytes));
  archive_write_set_bytes_in_last_block(state_->archive, 1);
  state_->check(archive_write_open(state_->archive, state_.get(), nullptr, State::take, nullptr));
}

TarWriter::~TarWriter() = default;

void TarWriter::begin(const std::string& name, std::uint64_t bytes, std::int64_t modified_ms) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_copy_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), file_mode);
  archive_entry_set_mtime(entry.get(), modified_ms / 1000, 0);
  state_->check(archive_write_header(state_->archive, entry.get()));
}

void TarWriter::write(std::string_view piece) {
  while (!piece.empty()) {
    const la_ssize_t count = archive_write_data(state_->archive, piece.data(), piece.size());
    state_->check(count < 0 ? static_cast<int>(count) : ARCHIVE_OK);
    if (count == 0) throw Error(Code::internal_error, "A file grew while it was archived.");
    piece.remove_prefix(static_cast<std::size_t>(count));
  }
}

void TarWriter::add(const std::string& name, std::string_view content, std::int64_t modified_ms) {
  begin(name, content.size(), modified_ms);
  write(content);
}

void TarWriter::end() {
  state_->check(archive_write_close(state_->archive));
}

struct TarReader::State {
  explicit State(std::function<std::size_t(char*, std::size_t)> from)
      : source(std::move(from)), piece(piece_bytes, '\0') {}
  ~State() { archive_read_free(archive); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static la_ssize_t give(struct archive* archive, void* self, const void** bytes) {
    auto& state = *static_cast<State*>(self);
    try {
      const std::size_t count = state.source(state.piece.data(), state.piece.size());
      *bytes = state.piece.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      state.failure = std::current_exception();
      archive_set_error(archive, ARCHIVE_FATAL, "the source failed");
      return ARCHIVE_FATAL;
    }
  }

  void check(int result) const {
    if (failure) std::rethrow_exception(failure);
    if (result >= ARCHIVE_WARN) return;
    const char* reason = archive_error_string(archive);
    throw Error(Code::invalid_parameter_value,
                std::string("This is no run that `run export` wrote, or it is cut off: ") +
                    (reason == nullptr ? "unknown" : reason) + ".");
  }

  std::function<std::size_t(char*, std::size_t)> source;
  std::string piece;
  struct archive* archive = archive_read_new();
  std::exception_ptr failure;
};

TarReader::TarReader(std::function<std::size_t(char*, std::size_t)> source)
    : state_(std::make_unique<State>(std::move(source))) {
  archive_read_support_format_tar(state_->archive);
  state_->check(archive_read_open(state_->archive, state_.get(), nullptr, State::give, nullptr));
}

TarReader::~TarReader() = default;

std::optional<TarReader::Entry> TarReader::next() {
  while (true) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(state_->archive, &entry);
    if (result == ARCHIVE_EOF) return std::nullopt;
    state_->check(result);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
      continue;
    }
    const char* name = archive_entry_pathname(entry);
    return Entry{name == nullptr ? "" : name,
                 static_cast<std::uint64_t>(archive_entry_size(entry))};
  }
}

std::size_t TarReader::read(char* out, std::size_t max) {
  const la_ssize_t count = archive_read_data(state_->archive, out, max);
  if (count < 0) state_->check(static_cast<int>(count));
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

}  // namespace sandbox::run_archive
