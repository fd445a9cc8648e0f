// CompleteMultipartUpload.
#include <map>
#include <optional>

#include "embedded_store/s3/checksums.h"
#include "embedded_store/s3/conditions.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/payload.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

// 10,000 parts with a SHA-256 each do not fit into the limit of the other requests.
constexpr std::size_t complete_bytes_max = 4 * 1024 * 1024;
constexpr std::size_t parts_max = 10'000;

std::vector<CompletedPart> read_parts(std::string_view body) {
  const XmlNode root = parse_xml(body, "CompleteMultipartUpload");
  std::vector<CompletedPart> parts;
  for (const XmlNode& one : root.children) {
    if (one.name != "Part") continue;
    const auto number =
        sandbox::parse_int64(sandbox::trim(one.child_text("PartNumber").value_or("")));
    const auto etag = one.child_text("ETag");
    if (!number || !etag) throw fault("MalformedXML");
    if (*number < 1 || *number > static_cast<std::int64_t>(parts_max)) {
      throw fault("InvalidArgument",
                  "Part number must be an integer between 1 and 10000, inclusive",
                  {{"ArgumentName", "partNumber"}, {"ArgumentValue", std::to_string(*number)}});
    }
    CompletedPart part{static_cast<int>(*number), unquoted(*etag), {}};
    for (const ChecksumKind& kind : checksum_kinds()) {
      if (const auto value = one.child_text(kind.element)) {
        part.checksums.push_back(
            {std::string(kind.name), std::string(sandbox::trim(*value)), "FULL_OBJECT"});
      }
    }
    if (!parts.empty() && parts.back().number >= part.number) throw fault("InvalidPartOrder");
    parts.push_back(std::move(part));
  }
  if (parts.empty() || parts.size() > parts_max) throw fault("MalformedXML");
  return parts;
}

std::map<int, PartInfo> stored_parts(ObjectStore& store, const UploadInfo& upload) {
  constexpr int page_size = 1000;
  std::map<int, PartInfo> parts;
  int after = 0;
  while (true) {
    const auto page = store.parts(upload, after, page_size);
    for (const PartInfo& part : page) parts[part.number] = part;
    if (page.size() < static_cast<std::size_t>(page_size)) return parts;
    after = page.back().number;
  }
}

const Checksum* find_checksum(const std::vector<Checksum>& checksums, std::string_view algorithm) {
  for (const Checksum& one : checksums) {
    if (one.algorithm == algorithm) return &one;
  }
  return nullptr;
}

Fault invalid_part(const UploadInfo& upload, const CompletedPart& part) {
  return fault(
      "InvalidPart",
      {{"UploadId", upload.id}, {"PartNumber", std::to_string(part.number)}, {"ETag", part.etag}});
}

// The stored part behind each listed one, checked against what the client says of it.
std::vector<PartInfo> match_parts(const UploadInfo& upload,
                                  const std::vector<CompletedPart>& listed,
                                  const std::map<int, PartInfo>& stored) {
  std::vector<PartInfo> matched;
  matched.reserve(listed.size());
  for (const CompletedPart& part : listed) {
    const auto found = stored.find(part.number);
    if (found == stored.end() || found->second.etag != part.etag) throw invalid_part(upload, part);
    for (const Checksum& said : part.checksums) {
      const Checksum* known = find_checksum(found->second.checksums, said.algorithm);
      if (known && known->value != said.value) throw invalid_part(upload, part);
    }
    matched.push_back(found->second);
  }
  return matched;
}

std::vector<Checksum> object_checksums(const UploadInfo& upload,
                                       const std::vector<PartInfo>& parts) {
  const ChecksumKind* kind = find_checksum_by_name(upload.checksum_algorithm);
  if (!kind) return {};
  std::vector<PartChecksum> pieces;
  for (const PartInfo& part : parts) {
    const Checksum* known = find_checksum(part.checksums, kind->name);
    const auto raw = known ? sandbox::unbase64(known->value) : std::nullopt;
    // Every part of this upload was stored with one.
    if (!raw) throw fault("InternalError", "a part has lost its checksum");
    pieces.push_back({*raw, part.size});
  }
  const bool is_full = upload.checksum_type == "FULL_OBJECT";
  return {{std::string(kind->name),
           is_full ? full_object_checksum(*kind, pieces) : composite_checksum(*kind, pieces),
           upload.checksum_type}};
}

// What the client says of the whole object: its size, its checksum, the checksum's type.
void check_promises(const sandbox::http::Request& request,
                    const UploadInfo& upload,
                    const std::vector<PartInfo>& parts,
                    const std::vector<Checksum>& checksums) {
  if (const auto text = request.headers.find("x-amz-mp-object-size")) {
    std::uint64_t size = 0;
    for (const PartInfo& part : parts) size += part.size;
    if (*text != std::to_string(size)) {
      throw fault("InvalidRequest",
                  "The provided 'x-amz-mp-object-size' header value " + std::string(*text) +
                      " does not match what was computed: " + std::to_string(size));
    }
  }
  const std::string_view type = request.headers.get("x-amz-checksum-type");
  if (!type.empty() && type != upload.checksum_type) {
    throw fault("InvalidRequest",
                "The upload was not created with the checksum type " + std::string(type) + ".");
  }
  for (const ChecksumKind& kind : checksum_kinds()) {
    const auto promised = request.headers.find(kind.header);
    if (!promised) continue;
    const Checksum* computed = find_checksum(checksums, kind.name);
    if (!computed) {
      throw fault("InvalidRequest", "The upload was not created with the checksum algorithm " +
                                        std::string(kind.name) + ".");
    }
    // A COMPOSITE value may come without its number of parts.
    const std::string_view bare =
        std::string_view(computed->value).substr(0, computed->value.find('-'));
    if (*promised != computed->value && *promised != bare) {
      throw fault("BadDigest", "The " + std::string(kind.name) +
                                   " you specified did not match the calculated checksum.");
    }
  }
}

}  // namespace

sandbox::http::Response complete_multipart_upload(Context& context) {
  const UploadInfo upload =
      context.store.upload(context.bucket, context.key, std::string(context.query.get("uploadId")));
  const WriteConditions conditions = read_write_conditions(context.request);
  Payload payload(context.request, context.authorization, ChecksumOf::object);
  const std::vector<CompletedPart> listed = read_parts(payload.text(complete_bytes_max));
  const std::vector<PartInfo> parts =
      match_parts(upload, listed, stored_parts(context.store, upload));
  const std::vector<Checksum> checksums = object_checksums(upload, parts);
  check_promises(context.request, upload, parts, checksums);
  const ObjectInfo info = context.store.complete_upload(upload, listed, checksums, conditions);

  XmlWriter xml("CompleteMultipartUploadResult");
  xml.element("Location", std::string(context.request.secure ? "https://" : "http://") +
                              std::string(context.request.headers.get("host")) +
                              context.request.raw_path);
  xml.element("Bucket", context.bucket);
  xml.element("Key", context.key);
  xml.element("ETag", quoted(info.etag));
  write_checksum_elements(info.checksums, xml);
  return xml_response(xml);
}

}  // namespace store::s3
