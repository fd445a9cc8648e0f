// ListObjects, ListObjectsV2, ListObjectVersions.
#include <algorithm>

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

using sandbox::http::Response;

constexpr int keys_max = 1000;

ListQuery read_query(const Context& context, std::string after) {
  ListQuery query;
  query.prefix = context.query.get("prefix");
  query.delimiter = context.query.get("delimiter");
  query.after = std::move(after);
  query.keys_max = read_page_size(context.query, "max-keys", keys_max);
  return query;
}

// A page of nothing is not truncated, whatever the bucket holds.
ListPage read_page(const Context& context, const ListQuery& query) {
  return query.keys_max == 0 ? ListPage{} : context.store.list(context.bucket, query);
}

// The greatest name of the page, as clients know it.
std::string last_name(const ListPage& page) {
  std::string last;
  if (!page.objects.empty()) last = page.objects.back().key;
  if (!page.common_prefixes.empty()) last = std::max(last, page.common_prefixes.back());
  return last;
}

void write_object(XmlWriter& xml,
                  const ObjectInfo& info,
                  const NameEncoding& encode,
                  bool with_owner) {
  xml.element("Key", encode(info.key));
  xml.element("LastModified", sandbox::iso8601_ms(info.modified_ms));
  xml.element("ETag", quoted(info.etag));
  for (const Checksum& checksum : info.checksums) {
    xml.element("ChecksumAlgorithm", checksum.algorithm);
    if (!checksum.type.empty()) xml.element("ChecksumType", checksum.type);
  }
  xml.element("Size", info.size);
  xml.element("StorageClass", storage_class(info.headers));
  if (with_owner) write_owner(xml, "Owner");
}

void write_contents(XmlWriter& xml,
                    const ListPage& page,
                    const NameEncoding& encode,
                    bool with_owner) {
  for (const ObjectInfo& info : page.objects) {
    xml.begin("Contents");
    write_object(xml, info, encode, with_owner);
    xml.end();
  }
}

void write_common_prefixes(XmlWriter& xml, const ListPage& page, const NameEncoding& encode) {
  for (const std::string& prefix : page.common_prefixes) {
    xml.begin("CommonPrefixes");
    xml.element("Prefix", encode(prefix));
    xml.end();
  }
}

void write_query(XmlWriter& xml,
                 const Context& context,
                 const ListQuery& query,
                 const NameEncoding& encode) {
  xml.element("Name", context.bucket);
  xml.element("Prefix", encode(query.prefix));
  if (!query.delimiter.empty()) xml.element("Delimiter", encode(query.delimiter));
  xml.element("MaxKeys", query.keys_max);
  encode.write(xml);
}

}  // namespace

Response list_objects(Context& context) {
  const NameEncoding encode(context.query);
  const ListQuery query = read_query(context, std::string(context.query.get("marker")));
  const ListPage page = read_page(context, query);
  XmlWriter xml("ListBucketResult");
  write_query(xml, context, query, encode);
  xml.element("Marker", encode(query.after));
  xml.element("IsTruncated", page.truncated);
  // Without a delimiter the last key is the marker of the next page, and S3 does not repeat it.
  if (page.truncated && !query.delimiter.empty()) {
    xml.element("NextMarker", encode(last_name(page)));
  }
  write_contents(xml, page, encode, true);
  write_common_prefixes(xml, page, encode);
  return xml_response(xml);
}

Response list_objects_v2(Context& context) {
  const NameEncoding encode(context.query);
  const auto token = read_token(context.query, "continuation-token");
  const auto start_after = context.query.find("start-after");
  const ListQuery query =
      read_query(context, token ? *token : std::string(start_after.value_or("")));
  const ListPage page = read_page(context, query);
  XmlWriter xml("ListBucketResult");
  write_query(xml, context, query, encode);
  xml.element("KeyCount",
              static_cast<std::uint64_t>(page.objects.size() + page.common_prefixes.size()));
  xml.element("IsTruncated", page.truncated);
  if (token) xml.element("ContinuationToken", context.query.get("continuation-token"));
  if (page.truncated) xml.element("NextContinuationToken", make_token(page.next_after));
  if (start_after) xml.element("StartAfter", encode(*start_after));
  write_contents(xml, page, encode, context.query.get("fetch-owner") == "true");
  write_common_prefixes(xml, page, encode);
  return xml_response(xml);
}

// No bucket here was ever versioned: every object is its own only version, named "null".
Response list_object_versions(Context& context) {
  const NameEncoding encode(context.query);
  const ListQuery query = read_query(context, std::string(context.query.get("key-marker")));
  if (context.query.has("version-id-marker") && query.after.empty()) {
    throw fault("InvalidArgument", "A version-id marker cannot be specified without a key marker.",
                {{"ArgumentName", "version-id-marker"}});
  }
  const ListPage page = read_page(context, query);
  XmlWriter xml("ListVersionsResult");
  write_query(xml, context, query, encode);
  xml.element("KeyMarker", encode(query.after));
  xml.element("VersionIdMarker", context.query.get("version-id-marker"));
  xml.element("IsTruncated", page.truncated);
  if (page.truncated) {
    const std::string last = last_name(page);
    xml.element("NextKeyMarker", encode(last));
    const bool ends_on_key = !page.objects.empty() && page.objects.back().key == last;
    if (ends_on_key) xml.element("NextVersionIdMarker", "null");
  }
  for (const ObjectInfo& info : page.objects) {
    xml.begin("Version");
    xml.element("VersionId", "null");
    xml.element("IsLatest", true);
    write_object(xml, info, encode, true);
    xml.end();
  }
  write_common_prefixes(xml, page, encode);
  return xml_response(xml);
}

}  // namespace store::s3
