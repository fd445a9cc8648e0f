// GetObjectTagging and GetObjectAttributes.
#include "embedded_store/s3/checksums.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/object_lookup.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

constexpr int parts_max = 1000;

// One page of the parts, as the x-amz-max-parts and x-amz-part-number-marker headers ask.
void write_parts(const Context& context, const std::vector<PartInfo>& parts, XmlWriter& xml) {
  sandbox::http::Query page;
  for (const std::string_view name : {"x-amz-max-parts", "x-amz-part-number-marker"}) {
    page.add(std::string(name), std::string(context.request.headers.get(name)));
  }
  const int page_size = read_page_size(page, "x-amz-max-parts", parts_max);
  const bool has_marker = !page.get("x-amz-part-number-marker").empty();
  const int marker = has_marker ? read_page_size(page, "x-amz-part-number-marker", 10'000) : 0;
  xml.begin("ObjectParts");
  xml.element("PartsCount", static_cast<std::uint64_t>(parts.size()));
  xml.element("PartNumberMarker", marker);
  xml.element("MaxParts", page_size);
  int written = 0;
  int last = 0;
  bool is_truncated = false;
  for (const PartInfo& part : parts) {
    // S3 lists parts only where they have checksums to show.
    if (part.number <= marker || part.checksums.empty()) continue;
    if (written++ == page_size) {
      is_truncated = true;
      break;
    }
    last = part.number;
    xml.begin("Part");
    xml.element("PartNumber", part.number);
    xml.element("Size", part.size);
    write_checksum_elements(part.checksums, xml, ChecksumTypeElement::left_out);
    xml.end();
  }
  if (last > 0) xml.element("NextPartNumberMarker", last);
  xml.element("IsTruncated", is_truncated);
  xml.end();
}

}  // namespace

using sandbox::http::Response;

Response get_object_tagging(Context& context) {
  const ObjectInfo info = get_info(context);
  XmlWriter xml("Tagging");
  xml.begin("TagSet");
  for (const auto& [name, value] : info.headers.tags) {
    xml.begin("Tag");
    xml.element("Key", name);
    xml.element("Value", value);
    xml.end();
  }
  return xml_response(xml);
}

Response get_object_attributes(Context& context) {
  const auto reader = open_object(context);
  const ObjectInfo& info = reader->info();
  const auto header = context.request.headers.find("x-amz-object-attributes");
  if (!header) {
    throw fault("InvalidRequest",
                "The x-amz-object-attributes header specifying the attributes to be retrieved is "
                "either missing or empty");
  }
  bool wants_etag = false, wants_checksum = false, wants_parts = false, wants_class = false,
       wants_size = false;
  for (const std::string& name : sandbox::split(*header, ',')) {
    const std::string_view wanted = sandbox::trim(name);
    bool* flag = wanted == "ETag"           ? &wants_etag
                 : wanted == "Checksum"     ? &wants_checksum
                 : wanted == "ObjectParts"  ? &wants_parts
                 : wanted == "StorageClass" ? &wants_class
                 : wanted == "ObjectSize"   ? &wants_size
                                            : nullptr;
    if (!flag) throw fault("InvalidArgument", "Invalid attribute name specified.");
    *flag = true;
  }
  XmlWriter xml("GetObjectAttributesResponse");
  if (wants_etag) xml.element("ETag", info.etag);
  if (wants_checksum && !info.checksums.empty()) {
    xml.begin("Checksum");
    write_checksum_elements(info.checksums, xml);
    xml.end();
  }
  if (wants_parts && info.parts > 0) write_parts(context, reader->parts(), xml);
  if (wants_class) xml.element("StorageClass", storage_class(info.headers));
  if (wants_size) xml.element("ObjectSize", info.size);
  Response response = xml_response(xml);
  response.headers.add("Last-Modified", sandbox::http_date(info.modified_ms));
  return response;
}

}  // namespace store::s3
