// Pages of keys and of unfinished uploads.
#include <algorithm>

#include "embedded_store/remote/store.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::remote {
namespace {

constexpr int page_keys_max = 1000;
// The last character of Unicode: what a common prefix stands for comes before prefix + this.
constexpr const char* last_character = "\xF4\x8F\xBF\xBF";

// Names of a page: encoded when the page says so, since XML cannot carry every character.
class Names {
 public:
  explicit Names(const s3::XmlNode& page)
      : is_url_(page.child_text("EncodingType").value_or("") == "url") {}
  [[nodiscard]] std::string of(const s3::XmlNode& node, std::string_view child) const {
    std::string name = node.child_text(child).value_or("");
    if (!is_url_) return name;
    // As forms are encoded: S3 writes a blank as a plus.
    return sandbox::percent_decode(name, true).value_or(name);
  }

 private:
  bool is_url_;
};

ObjectInfo read_entry(const std::string& bucket, const Names& names, const s3::XmlNode& node) {
  ObjectInfo info;
  info.bucket = bucket;
  info.key = names.of(node, "Key");
  info.size = static_cast<std::uint64_t>(
      sandbox::parse_int64(node.child_text("Size").value_or("")).value_or(0));
  info.etag = s3::unquoted(node.child_text("ETag").value_or(""));
  info.modified_ms =
      sandbox::parse_iso8601(node.child_text("LastModified").value_or("")).value_or(0);
  return info;
}

std::string start_after(const ListQuery& query) {
  const bool is_common_prefix = !query.delimiter.empty() && query.after.ends_with(query.delimiter);
  return is_common_prefix ? query.after + last_character : query.after;
}

}  // namespace

ListPage RemoteStore::list(const std::string& bucket, const ListQuery& query) {
  ListPage page;
  if (query.keys_max <= 0) return page;
  std::string text = "list-type=2&encoding-type=url&max-keys=" +
                     std::to_string(std::min(query.keys_max, page_keys_max));
  if (!query.prefix.empty()) text += "&prefix=" + sandbox::percent_encode(query.prefix);
  if (!query.delimiter.empty()) text += "&delimiter=" + sandbox::percent_encode(query.delimiter);
  if (!query.after.empty()) text += "&start-after=" + sandbox::percent_encode(start_after(query));
  const s3::XmlNode result = document_in(client_.ask({.bucket = bucket, .query = text}));
  const Names names(result);
  for (const s3::XmlNode& node : result.children) {
    if (node.name == "Contents") page.objects.push_back(read_entry(bucket, names, node));
    if (node.name == "CommonPrefixes") page.common_prefixes.push_back(names.of(node, "Prefix"));
  }
  page.truncated = result.child_text("IsTruncated").value_or("") == "true";
  if (!page.objects.empty()) page.next_after = page.objects.back().key;
  if (!page.common_prefixes.empty()) {
    page.next_after = std::max(page.next_after, page.common_prefixes.back());
  }
  if (page.truncated && page.next_after <= query.after) {
    throw Fault("InternalError", "The object store at " + client_.options().endpoint +
                                     " lists the same page of '" + bucket + "' again.");
  }
  return page;
}

std::vector<UploadInfo> RemoteStore::uploads(const std::string& bucket,
                                             const std::string& prefix,
                                             const std::string& key_after,
                                             const std::string& id_after,
                                             int uploads_max) {
  std::string text = "uploads=&encoding-type=url&max-uploads=" +
                     std::to_string(std::clamp(uploads_max, 1, page_keys_max));
  if (!prefix.empty()) text += "&prefix=" + sandbox::percent_encode(prefix);
  if (!key_after.empty()) text += "&key-marker=" + sandbox::percent_encode(key_after);
  if (!id_after.empty()) text += "&upload-id-marker=" + sandbox::percent_encode(id_after);
  const s3::XmlNode result = document_in(client_.ask({.bucket = bucket, .query = text}));
  const Names names(result);
  std::vector<UploadInfo> found;
  for (const s3::XmlNode& node : result.children) {
    if (node.name != "Upload") continue;
    UploadInfo upload;
    upload.bucket = bucket;
    upload.key = names.of(node, "Key");
    upload.id = node.child_text("UploadId").value_or("");
    upload.started_ms =
        sandbox::parse_iso8601(node.child_text("Initiated").value_or("")).value_or(0);
    // Some servers take no notice of the prefix here.
    if (upload.key.starts_with(prefix)) found.push_back(std::move(upload));
  }
  return found;
}

ObjectStore::Usage RemoteStore::usage(const std::string& bucket) {
  Usage usage;
  ListQuery query;
  for (;;) {
    const ListPage page = list(bucket, query);
    for (const ObjectInfo& object : page.objects) {
      ++usage.objects;
      usage.bytes += object.size;
    }
    if (!page.truncated) return usage;
    query.after = page.next_after;
  }
}

}  // namespace store::remote
