// Buckets and objects.
#include <algorithm>
#include <span>

#include "embedded_store/remote/store.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::remote {
namespace {

constexpr std::size_t delete_keys_max = 1000;
constexpr std::size_t piece_bytes_max = std::size_t{1} << 20;

// Reads ranges of the object as it was when it was opened; where a connection breaks off, another
// one goes on.
class Reader final : public ObjectReader {
 public:
  Reader(Client& client, ObjectInfo info) : client_(client), info_(std::move(info)) {}
  [[nodiscard]] const ObjectInfo& info() const override { return info_; }

  void read(std::uint64_t offset,
            std::uint64_t length,
            const std::function<void(std::string_view)>& sink) override {
    if (offset > info_.size || length > info_.size - offset) {
      throw Fault("InvalidRange", "The requested range is not satisfiable");
    }
    std::uint64_t left = length;
    const auto take = [&](std::string_view piece) {
      if (piece.size() > left) throw overlong();
      left -= piece.size();
      for (; piece.size() > piece_bytes_max; piece.remove_prefix(piece_bytes_max)) {
        sink(piece.substr(0, piece_bytes_max));
      }
      sink(piece);
    };
    while (left > 0) {
      const std::uint64_t before = left;
      try {
        get(offset + (length - left), left, take);
      } catch (const Fault& fault) {
        const bool goes_on = fault.code() == "ServiceUnavailable" && left < before;
        if (!goes_on) throw;
        continue;
      }
      if (left == before) throw overlong();
    }
  }

 private:
  static Fault overlong() {
    return Fault("InternalError", "The object store sent another number of bytes than was asked.");
  }

  void get(std::uint64_t offset,
           std::uint64_t length,
           const std::function<void(std::string_view)>& take) {
    Ask ask{.bucket = info_.bucket, .key = info_.key, .sink = take};
    if (length != info_.size) {
      ask.headers.emplace_back(
          "range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1));
    }
    ask.headers.emplace_back("if-match", s3::quoted(info_.etag));
    try {
      client_.ask(ask);
    } catch (const Fault& fault) {
      if (fault.code() != "PreconditionFailed") throw;
      throw Fault("PreconditionFailed",
                  "The object '" + info_.key + "' was replaced while it was read. Read it again.");
    }
  }

  Client& client_;
  ObjectInfo info_;
};

void remove_group(Client& client, const std::string& bucket, std::span<const std::string> keys) {
  s3::XmlWriter xml("Delete");
  xml.element("Quiet", true);
  for (const std::string& key : keys) {
    xml.begin("Object");
    xml.element("Key", key);
    xml.end();
  }
  const std::string body = xml.finish();
  const auto md5 = sandbox::digest(sandbox::DigestKind::md5, body);
  const Answer answer = client.ask(
      {.method = "POST",
       .bucket = bucket,
       .query = "delete=",
       .headers = {{"content-md5", sandbox::base64(md5)}, {"content-type", "application/xml"}},
       .body = body});
  const s3::XmlNode result = document_in(answer);
  if (const s3::XmlNode* error = result.child("Error")) {
    throw Fault(error->child_text("Code").value_or("InternalError"),
                "The object '" + error->child_text("Key").value_or("") +
                    "' was not deleted: " + error->child_text("Message").value_or("no reason"));
  }
}

}  // namespace

HeaderList write_headers(const ObjectHeaders& headers, const WriteConditions& conditions) {
  HeaderList out{{"content-type", headers.content_type}};
  for (const auto& [name, value] : headers.standard) out.emplace_back(name, value);
  for (const auto& [name, value] : headers.user) out.emplace_back("x-amz-meta-" + name, value);
  if (!headers.tags.empty()) {
    std::string tags;
    for (const auto& [name, value] : headers.tags) {
      if (!tags.empty()) tags += '&';
      tags += sandbox::percent_encode(name) + "=" + sandbox::percent_encode(value);
    }
    out.emplace_back("x-amz-tagging", tags);
  }
  if (conditions.if_none_match) out.emplace_back("if-none-match", "*");
  if (conditions.if_match) {
    out.emplace_back("if-match",
                     *conditions.if_match == "*" ? "*" : s3::quoted(*conditions.if_match));
  }
  return out;
}

ObjectInfo read_info(const std::string& bucket,
                     const std::string& key,
                     const sandbox::http::Headers& headers) {
  sandbox::http::Request as_sent;
  as_sent.headers = headers;
  ObjectInfo info;
  info.bucket = bucket;
  info.key = key;
  info.version_id = headers.get("x-amz-version-id", "null");
  info.size =
      static_cast<std::uint64_t>(sandbox::parse_int64(headers.get("content-length")).value_or(0));
  info.etag = s3::unquoted(headers.get("etag"));
  info.modified_ms = sandbox::parse_http_date(headers.get("last-modified")).value_or(0);
  if (const std::size_t dash = info.etag.rfind('-'); dash != std::string::npos) {
    info.parts = static_cast<int>(sandbox::parse_int64(info.etag.substr(dash + 1)).value_or(0));
  }
  info.headers = s3::read_object_headers(as_sent);
  return info;
}

void RemoteStore::create_bucket(const std::string& bucket, const std::string& region) {
  std::string body;
  if (region != "us-east-1" && !region.empty()) {
    s3::XmlWriter xml("CreateBucketConfiguration");
    xml.element("LocationConstraint", region);
    body = xml.finish();
  }
  client_.ask({.method = "PUT", .bucket = bucket, .body = body});
}

std::optional<BucketInfo> RemoteStore::find_bucket(const std::string& bucket) {
  const auto answer = client_.find({.method = "HEAD", .bucket = bucket});
  if (!answer) return std::nullopt;
  return BucketInfo{
      bucket, 0, std::string(answer->headers.get("x-amz-bucket-region", client_.options().region))};
}

std::vector<BucketInfo> RemoteStore::buckets() {
  const s3::XmlNode result = document_in(client_.ask({}));
  std::vector<BucketInfo> found;
  if (const s3::XmlNode* list = result.child("Buckets")) {
    for (const s3::XmlNode& one : list->children) {
      found.push_back(
          {one.child_text("Name").value_or(""),
           sandbox::parse_iso8601(one.child_text("CreationDate").value_or("")).value_or(0),
           client_.options().region});
    }
  }
  return found;
}

void RemoteStore::delete_bucket(const std::string& bucket) {
  client_.ask({.method = "DELETE", .bucket = bucket});
}

std::unique_ptr<ObjectWriter> RemoteStore::begin_put(const std::string& bucket,
                                                     const std::string& key,
                                                     const ObjectHeaders& headers) {
  return put_writer(*this, bucket, key, headers);
}

std::optional<ObjectInfo> RemoteStore::find(const std::string& bucket, const std::string& key) {
  const auto answer = client_.find({.method = "HEAD", .bucket = bucket, .key = key});
  if (answer) return read_info(bucket, key, answer->headers);
  if (!find_bucket(bucket)) {
    throw Fault("NoSuchBucket", "The object store at " + client_.options().endpoint +
                                    " has no bucket '" + bucket + "'. Make it there.");
  }
  return std::nullopt;
}

std::unique_ptr<ObjectReader> RemoteStore::open(const std::string& bucket, const std::string& key) {
  auto info = find(bucket, key);
  if (!info) return nullptr;
  return std::make_unique<Reader>(client_, *std::move(info));
}

std::map<std::string, std::string> RemoteStore::tags(const std::string& bucket,
                                                     const std::string& key) {
  std::map<std::string, std::string> tags;
  std::optional<Answer> answer;
  try {
    answer = client_.find({.bucket = bucket, .key = key, .query = "tagging"});
  } catch (const Fault& fault) {
    // R2 and others keep none.
    if (fault.code() != "NotImplemented" && fault.code() != "MethodNotAllowed") throw;
  }
  if (!answer) return tags;
  const s3::XmlNode document = document_in(*answer);
  if (const s3::XmlNode* set = document.child("TagSet")) {
    for (const s3::XmlNode& tag : set->children) {
      tags[tag.child_text("Key").value_or("")] = tag.child_text("Value").value_or("");
    }
  }
  return tags;
}

bool RemoteStore::remove(const std::string& bucket, const std::string& key) {
  const bool was_there = find(bucket, key).has_value();
  if (was_there) client_.ask({.method = "DELETE", .bucket = bucket, .key = key});
  return was_there;
}

void RemoteStore::remove_all(const std::string& bucket, const std::vector<std::string>& keys) {
  for (std::size_t begin = 0; begin < keys.size(); begin += delete_keys_max) {
    const std::size_t count = std::min(delete_keys_max, keys.size() - begin);
    remove_group(client_, bucket, std::span(keys).subspan(begin, count));
  }
}

}  // namespace store::remote

namespace store {

std::unique_ptr<ObjectStore> open_remote_store(sandbox::Env& env, RemoteStoreOptions options) {
  return std::make_unique<remote::RemoteStore>(env, std::move(options));
}

}  // namespace store
