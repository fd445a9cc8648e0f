#include "embedded_store/s3/object_lookup.h"

#include "embedded_store/s3/conditions.h"
#include "embedded_store/s3/errors.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

void check_version(std::string_view version, const std::string& key) {
  if (version == "null") return;
  if (version.empty()) throw fault("InvalidArgument", "Version id cannot be the empty string");
  throw fault("NoSuchVersion", {{"Key", key}, {"VersionId", std::string(version)}});
}

}  // namespace

ObjectInfo get_info(const Context& context) {
  if (const auto version = context.query.find("versionId")) check_version(*version, context.key);
  auto info = context.store.find(context.bucket, context.key);
  if (!info) throw fault("NoSuchKey", {{"Key", context.key}});
  return std::move(*info);
}

std::unique_ptr<ObjectReader> open_object(const Context& context) {
  if (const auto version = context.query.find("versionId")) check_version(*version, context.key);
  auto reader = context.store.open(context.bucket, context.key);
  if (!reader) throw fault("NoSuchKey", {{"Key", context.key}});
  return reader;
}

std::unique_ptr<ObjectReader> open_copy_source(const Context& context) {
  std::string_view header = context.request.headers.get("x-amz-copy-source");
  std::string_view version = "null";
  constexpr std::string_view version_marker = "?versionId=";
  if (const std::size_t at = header.find(version_marker); at != std::string_view::npos) {
    version = header.substr(at + version_marker.size());
    header = header.substr(0, at);
  }
  const std::string path = sandbox::percent_decode(header).value_or(std::string(header));
  std::string_view rest = path;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
    throw fault("InvalidArgument",
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", std::string(header)}});
  }
  const std::string bucket(rest.substr(0, slash));
  const std::string key(rest.substr(slash + 1));
  check_version(version, key);
  if (!context.store.find_bucket(bucket)) throw fault("NoSuchBucket", {{"BucketName", bucket}});
  auto reader = context.store.open(bucket, key);
  if (!reader) throw fault("NoSuchKey", {{"Key", key}});
  check_copy_source_conditions(context.request, reader->info());
  return reader;
}

}  // namespace store::s3
