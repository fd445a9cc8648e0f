#include "trainers/s3_copies.h"

#include <chrono>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "embedded_store/remote/remote_store.h"
#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "trainers/s3_file.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr const char* index_name = ".s3-copies";
constexpr const char* lock_name = ".s3-lock";
constexpr auto lock_pause = std::chrono::milliseconds(100);
constexpr std::size_t endpoint_digits = 12;

[[noreturn]] void refuse(const std::string& uri, const std::string& why) {
  throw Error(Code::invalid_parameter_value, uri + " cannot be read: " + why);
}

[[noreturn]] void not_written(const fs::path& file) {
  throw Error(Code::resource_exhausted, file.string() + " cannot be written. Is the disk full?");
}

void check_stop(const S3Copies& what) {
  if (what.is_stopping && what.is_stopping()) {
    throw Error(Code::invalid_state, "Stopped while loading " + what.uri + "; what came is kept.");
  }
}

// A name that stays below the folder and makes one file there.
bool is_safe(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) return false;
  for (const std::string& part : sandbox::split(name, '/')) {
    if (part.empty() || part == "." || part == ".." || part.starts_with(".s3-")) return false;
  }
  return true;
}

// One process at a time writes into a folder; the others find its copies.
class FolderLock {
 public:
  FolderLock(const fs::path& folder, const S3Copies& what) {
    const fs::path file = folder / lock_name;
    file_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) not_written(file);
    while (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      check_stop(what);
      std::this_thread::sleep_for(lock_pause);
    }
  }
  ~FolderLock() { close(file_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

// What was copied: a line "etag size name" for each, percent-encoded. Lines are added while copies
// come, so that nothing is loaded again after a kill; the last one of a name counts.
class Index {
 public:
  explicit Index(const fs::path& folder) : file_(folder / index_name) {
    std::ifstream in(file_);
    std::string etag;
    std::string size;
    std::string name;
    while (in >> etag >> size >> name) {
      const auto plain = sandbox::percent_decode(name);
      if (plain) copies_[*plain] = etag + " " + size;
    }
    in.close();
    out_.open(file_, std::ios::app);
  }

  [[nodiscard]] bool has(const std::string& name, const store::ObjectInfo& object) const {
    const auto found = copies_.find(name);
    return found != copies_.end() && found->second == state_of(object);
  }
  void add(const std::string& name, const store::ObjectInfo& object) {
    copies_[name] = state_of(object);
    out_ << line(name) << std::flush;
    if (!out_) not_written(file_);
  }
  // Names that are not among those.
  [[nodiscard]] std::vector<std::string> others(const std::set<std::string>& names) const {
    std::vector<std::string> others;
    for (const auto& [name, state] : copies_) {
      if (!names.contains(name)) others.push_back(name);
    }
    return others;
  }
  void remove(const std::string& name) { copies_.erase(name); }
  void rewrite() {
    out_.close();
    const fs::path part = file_.string() + ".part";
    std::ofstream whole(part);
    for (const auto& [name, state] : copies_) whole << line(name);
    whole.close();
    std::error_code failure;
    if (whole) fs::rename(part, file_, failure);
    if (!whole || failure) not_written(file_);
  }

 private:
  static std::string state_of(const store::ObjectInfo& object) {
    return sandbox::percent_encode(object.etag) + " " + std::to_string(object.size);
  }
  [[nodiscard]] std::string line(const std::string& name) const {
    return copies_.at(name) + " " + sandbox::percent_encode(name) + "\n";
  }

  fs::path file_;
  std::ofstream out_;
  std::map<std::string, std::string> copies_;
};

class Copying {
 public:
  Copying(const S3Copies& what, store::ObjectStore& store, std::string bucket, fs::path folder)
      : what_(what), store_(store), bucket_(std::move(bucket)), folder_(std::move(folder)) {
    std::error_code failure;
    fs::create_directories(folder_, failure);
    if (failure) not_written(folder_);
    lock_.emplace(folder_, what_);
    index_.emplace(folder_);
  }

  // Has a copy of the object under that name.
  void take(const std::string& name, const store::ObjectInfo& object) {
    check_stop(what_);
    names_.insert(name);
    std::error_code failure;
    const fs::path file = folder_ / name;
    const bool is_there = index_->has(name, object) && fs::file_size(file, failure) == object.size;
    if (!is_there || failure) load(name, object, file);
    if (what_.progress) what_.progress(names_.size(), bytes_);
  }

  // All below a prefix that ends in a slash, or is none. Answers how many there are.
  std::size_t take_all(const std::string& prefix) {
    store::ListQuery query;
    query.prefix = prefix;
    while (true) {
      const store::ListPage page = store_.list(bucket_, query);
      for (const store::ObjectInfo& object : page.objects) {
        const std::string name = object.key.substr(prefix.size());
        if (!is_safe(name) || (what_.is_wanted && !what_.is_wanted(name))) continue;
        take(name, object);
      }
      if (!page.truncated) break;
      query.after = page.next_after;
    }
    for (const std::string& name : index_->others(names_)) {
      std::error_code failure;
      fs::remove(folder_ / name, failure);
      index_->remove(name);
    }
    index_->rewrite();
    return names_.size();
  }

 private:
  void load(const std::string& name, const store::ObjectInfo& object, const fs::path& file) {
    const auto reader = store_.open(bucket_, object.key);
    if (reader == nullptr) return;  // removed since it was listed
    std::error_code failure;
    fs::create_directories(file.parent_path(), failure);
    const fs::path part = file.string() + ".part";
    std::ofstream out(part, std::ios::binary);
    reader->read(0, reader->info().size, [&](std::string_view piece) {
      out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
      if (!out) {
        out.close();
        fs::remove(part, failure);
        not_written(file);
      }
      bytes_ += piece.size();
      if (what_.progress) what_.progress(names_.size(), bytes_);
      check_stop(what_);
    });
    out.close();
    if (out) fs::rename(part, file, failure);
    if (!out || failure) {
      fs::remove(part, failure);
      not_written(file);
    }
    index_->add(name, reader->info());
  }

  const S3Copies& what_;
  store::ObjectStore& store_;
  std::string bucket_;
  fs::path folder_;
  std::optional<FolderLock> lock_;
  std::optional<Index> index_;
  std::set<std::string> names_;
  std::uint64_t bytes_ = 0;
};

fs::path copies_of(const S3Copies& what,
                   store::ObjectStore& store,
                   const std::string& bucket,
                   const std::string& place,
                   const fs::path& root) {
  if (!place.empty() && !place.ends_with('/')) {
    if (const auto object = store.find(bucket, place)) {
      const std::size_t slash = place.rfind('/');
      const std::string folder = slash == std::string::npos ? "" : place.substr(0, slash);
      const std::string name = slash == std::string::npos ? place : place.substr(slash + 1);
      if (!is_safe(name)) refuse(what.uri, "a key with such a name cannot be a file.");
      const fs::path place_of_copy = root / bucket / folder;
      Copying(what, store, bucket, place_of_copy).take(name, *object);
      return place_of_copy / name;
    }
  }
  const std::string prefix = place.empty() || place.ends_with('/') ? place : place + "/";
  const fs::path folder = root / bucket / place;
  if (Copying(what, store, bucket, folder).take_all(prefix) == 0) {
    refuse(what.uri, "there is no such object, and nothing that is wanted below s3://" + bucket +
                         "/" + prefix + ".");
  }
  return folder;
}

}  // namespace

fs::path fetch_s3_copies(sandbox::Env& env, const Variables& environment, const S3Copies& what) {
  const auto [bucket, place] = split_s3_uri(what.uri);
  if (bucket.empty()) refuse(what.uri, "an address is s3://bucket/key or s3://bucket/prefix.");
  if (!place.empty() &&
      !is_safe(place.ends_with('/') ? place.substr(0, place.size() - 1) : place)) {
    refuse(what.uri, "a place with such a name cannot be a folder.");
  }
  const store::RemoteStoreOptions options = s3_options(environment, what.uri);
  const fs::path root =
      what.cache / "s3" / sandbox::sha256_hex(options.endpoint).substr(0, endpoint_digits);
  try {
    const auto store = store::open_remote_store(env, options);
    return copies_of(what, *store, bucket, place, root);
  } catch (const store::Fault& fault) {
    refuse(what.uri, std::string(fault.what()) + " (" + fault.code() + ")");
  }
}

}  // namespace trainers
