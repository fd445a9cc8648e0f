// ListMultipartUploads.
#include <algorithm>

#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

constexpr int uploads_max = 1000;

struct Question {
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::string id_marker;
  int page_size = uploads_max;
};

struct Page {
  std::vector<UploadInfo> uploads;
  std::vector<std::string> common_prefixes;
  bool is_truncated = false;
  std::string next_key;
  std::string next_id;

  [[nodiscard]] int size() const {
    return static_cast<int>(uploads.size() + common_prefixes.size());
  }
};

// The common prefix an upload's key falls under; "" when it stands for itself.
std::string group_of(const std::string& key, const Question& question) {
  if (question.delimiter.empty()) return "";
  const std::size_t at = key.find(question.delimiter, question.prefix.size());
  return at == std::string::npos ? "" : key.substr(0, at + question.delimiter.size());
}

// Adds one upload; false when the page has no room for it.
bool add(Page& page, const UploadInfo& upload, const Question& question) {
  const std::string group = group_of(upload.key, question);
  if (!group.empty()) {
    const bool is_known = group <= question.key_marker ||
                          (!page.common_prefixes.empty() && page.common_prefixes.back() == group);
    if (is_known) return true;
  }
  if (page.size() == question.page_size) {
    page.is_truncated = true;
    return false;
  }
  if (!group.empty()) {
    page.common_prefixes.push_back(group);
    page.next_key = group;
    page.next_id.clear();
  } else {
    page.uploads.push_back(upload);
    page.next_key = upload.key;
    page.next_id = upload.id;
  }
  return true;
}

Page read_page(Context& context, const Question& question) {
  Page page;
  if (question.page_size == 0) return page;
  std::string key_after = question.key_marker;
  std::string id_after = question.id_marker;
  // Without an upload id the marker stands for all uploads of its key; this is the next possible
  // key.
  if (!key_after.empty() && id_after.empty()) key_after += '\0';
  while (true) {
    const auto uploads =
        context.store.uploads(context.bucket, question.prefix, key_after, id_after, uploads_max);
    for (const UploadInfo& upload : uploads) {
      if (!add(page, upload, question)) return page;
    }
    if (uploads.size() < static_cast<std::size_t>(uploads_max)) return page;
    key_after = uploads.back().key;
    id_after = uploads.back().id;
  }
}

void write_upload(XmlWriter& xml, const UploadInfo& upload, const NameEncoding& encode) {
  xml.begin("Upload");
  xml.element("Key", encode(upload.key));
  xml.element("UploadId", upload.id);
  write_owner(xml, "Initiator");
  write_owner(xml, "Owner");
  xml.element("StorageClass", storage_class(upload.headers));
  xml.element("Initiated", sandbox::iso8601_ms(upload.started_ms));
  if (!upload.checksum_algorithm.empty()) {
    xml.element("ChecksumAlgorithm", upload.checksum_algorithm);
    xml.element("ChecksumType", upload.checksum_type);
  }
  xml.end();
}

}  // namespace

sandbox::http::Response list_multipart_uploads(Context& context) {
  const NameEncoding encode(context.query);
  Question question;
  question.prefix = context.query.get("prefix");
  question.delimiter = context.query.get("delimiter");
  question.key_marker = context.query.get("key-marker");
  // An upload id alone means nothing to S3.
  if (!question.key_marker.empty()) question.id_marker = context.query.get("upload-id-marker");
  question.page_size = read_page_size(context.query, "max-uploads", uploads_max);
  const Page page = read_page(context, question);

  XmlWriter xml("ListMultipartUploadsResult");
  xml.element("Bucket", context.bucket);
  xml.element("KeyMarker", encode(question.key_marker));
  xml.element("UploadIdMarker", question.id_marker);
  if (page.is_truncated) {
    xml.element("NextKeyMarker", encode(page.next_key));
    xml.element("NextUploadIdMarker", page.next_id);
  }
  xml.element("Prefix", encode(question.prefix));
  if (!question.delimiter.empty()) xml.element("Delimiter", encode(question.delimiter));
  encode.write(xml);
  xml.element("MaxUploads", question.page_size);
  xml.element("IsTruncated", page.is_truncated);
  for (const UploadInfo& upload : page.uploads) write_upload(xml, upload, encode);
  for (const std::string& prefix : page.common_prefixes) {
    xml.begin("CommonPrefixes");
    xml.element("Prefix", encode(prefix));
    xml.end();
  }
  return xml_response(xml);
}

}  // namespace store::s3
