#include "embedded_store/s3/object_headers.h"

#include <algorithm>
#include <array>

#include "embedded_store/s3/checksums.h"
#include "embedded_store/s3/errors.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

constexpr std::size_t user_metadata_bytes_max = 2048;
constexpr std::size_t tags_max = 10;
constexpr std::size_t tag_key_characters_max = 128;
constexpr std::size_t tag_value_characters_max = 256;
constexpr std::string_view user_prefix = "x-amz-meta-";

constexpr std::array<std::string_view, 7> standard_names{
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
};

// aws-chunked is how the body came, not what the object is.
std::string without_aws_chunked(std::string_view encodings) {
  std::vector<std::string> kept;
  for (const std::string& one : sandbox::split(encodings, ',')) {
    const std::string_view name = sandbox::trim(one);
    if (!name.empty() && !sandbox::equal_ignoring_case(name, "aws-chunked"))
      kept.emplace_back(name);
  }
  return sandbox::join(kept, ",");
}

}  // namespace

ObjectHeaders read_object_headers(const sandbox::http::Request& request) {
  ObjectHeaders headers;
  if (const auto type = request.headers.find("content-type"); type && !type->empty()) {
    headers.content_type = *type;
  }
  for (const std::string_view name : standard_names) {
    const auto value = request.headers.find(name);
    if (!value) continue;
    std::string kept =
        name == "content-encoding" ? without_aws_chunked(*value) : std::string(*value);
    if (!kept.empty()) headers.standard[std::string(name)] = std::move(kept);
  }
  std::size_t user_bytes = 0;
  for (const auto& [name, value] : request.headers.all()) {
    std::string lowered = sandbox::lower(name);
    if (!lowered.starts_with(user_prefix)) continue;
    lowered.erase(0, user_prefix.size());
    if (lowered.empty()) throw fault("InvalidArgument", "A metadata header has no name.");
    auto [entry, is_new] = headers.user.try_emplace(lowered, value);
    if (!is_new) entry->second += "," + value;
    user_bytes += value.size() + (is_new ? lowered.size() : 1);
  }
  if (user_bytes > user_metadata_bytes_max) {
    throw fault("MetadataTooLarge", {{"Size", std::to_string(user_bytes)},
                                     {"MaxSizeAllowed", std::to_string(user_metadata_bytes_max)}});
  }
  if (const auto tagging = request.headers.find("x-amz-tagging")) {
    headers.tags = read_tagging(*tagging);
  }
  return headers;
}

std::map<std::string, std::string> read_tagging(std::string_view header) {
  std::map<std::string, std::string> tags;
  const auto query = sandbox::http::Query::parse(header, true);
  for (const auto& [name, value] : query.all()) {
    if (!tags.emplace(name, value).second) {
      throw fault("InvalidTag", "Cannot provide multiple Tags with the same key");
    }
  }
  check_tags(tags);
  return tags;
}

void check_tags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > tags_max) {
    throw fault("InvalidTag", "Object tags cannot be greater than " + std::to_string(tags_max));
  }
  for (const auto& [name, value] : tags) {
    if (name.empty() || sandbox::utf8_length(name) > tag_key_characters_max) {
      throw fault("InvalidTag", "The TagKey you have provided is invalid");
    }
    if (sandbox::utf8_length(value) > tag_value_characters_max) {
      throw fault("InvalidTag", "The TagValue you have provided is invalid");
    }
  }
}

void refuse_unsupported_headers(const sandbox::http::Request& request) {
  for (const auto& [name, value] : request.headers.all()) {
    const std::string lowered = sandbox::lower(name);
    if (lowered.starts_with("x-amz-server-side-encryption") ||
        lowered.starts_with("x-amz-copy-source-server-side-encryption")) {
      throw fault("NotImplemented",
                  "This server does not encrypt objects, so it refuses the " + lowered +
                      " header rather than ignore it. Leave it out.",
                  {{"Header", lowered}});
    }
    if (lowered.starts_with("x-amz-object-lock-")) {
      throw fault("InvalidRequest", "Bucket is missing Object Lock Configuration");
    }
    if (lowered.starts_with("x-amz-grant-") ||
        (lowered == "x-amz-acl" && value != "private" && value != "bucket-owner-full-control" &&
         value != "bucket-owner-read")) {
      throw fault("AccessControlListNotSupported");
    }
    if (lowered == "x-amz-write-offset-bytes") {
      throw fault("NotImplemented", "Appending to an object is not implemented. Write it anew.",
                  {{"Header", lowered}});
    }
  }
}

void write_object_headers(const ObjectInfo& info,
                          bool with_checksums,
                          sandbox::http::Response& response) {
  auto& headers = response.headers;
  headers.set("ETag", quoted(info.etag));
  headers.set("Last-Modified", sandbox::http_date(info.modified_ms));
  headers.set("Accept-Ranges", "bytes");
  headers.set("Content-Type", info.headers.content_type);
  for (const auto& [name, value] : info.headers.standard) {
    // S3 says nothing of the class every object has unless told otherwise.
    if (name == "x-amz-storage-class" && value == "STANDARD") continue;
    headers.set(name, value);
  }
  for (const auto& [name, value] : info.headers.user) {
    headers.set(std::string(user_prefix) + name, value);
  }
  if (!info.headers.tags.empty()) {
    headers.set("x-amz-tagging-count", std::to_string(info.headers.tags.size()));
  }
  if (with_checksums) write_checksums(info.checksums, response);
}

std::string quoted(std::string_view etag) {
  return "\"" + std::string(etag) + "\"";
}

std::string unquoted(std::string_view etag) {
  etag = sandbox::trim(etag);
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string storage_class(const ObjectHeaders& headers) {
  const auto found = headers.standard.find("x-amz-storage-class");
  return found == headers.standard.end() ? "STANDARD" : found->second;
}

}  // namespace store::s3
