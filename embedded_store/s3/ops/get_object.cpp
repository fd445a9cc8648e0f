// GetObject and HeadObject.
#include <algorithm>
#include <array>
#include <optional>

#include "embedded_store/s3/conditions.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/object_lookup.h"
#include "embedded_store/s3/ops/handlers.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

using sandbox::http::Response;

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

std::optional<std::uint64_t> read_offset(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const auto number = sandbox::parse_int64(digits);
  return number ? static_cast<std::uint64_t>(*number)
                : static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

// The one range asked for; nullopt when there is none, or one to be ignored (several, other units,
// not well-formed). Throws Fault InvalidRange when it lies outside.
std::optional<ByteRange> read_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!header.starts_with(unit)) return std::nullopt;
  const std::string_view text = sandbox::trim(header.substr(unit.size()));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) {
    return std::nullopt;
  }
  const auto first = read_offset(text.substr(0, dash));
  const auto last = read_offset(text.substr(dash + 1));
  if ((!first && dash != 0) || (!last && dash + 1 != text.size()) || (!first && !last) ||
      (first && last && *first > *last)) {
    return std::nullopt;
  }
  const bool is_suffix = !first;
  if (size == 0 || (is_suffix ? *last == 0 : *first >= size)) {
    throw fault("InvalidRange", {{"RangeRequested", std::string(header)},
                                 {"ActualObjectSize", std::to_string(size)}});
  }
  if (is_suffix) {
    const std::uint64_t length = std::min(*last, size);
    return ByteRange{size - length, length};
  }
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return ByteRange{*first, end - *first + 1};
}

// RFC 9110, 13.1.5: the range counts only while the object is still the one the client has a part
// of.
bool holds_if_range(const sandbox::http::Request& request, const ObjectInfo& info) {
  const auto header = request.headers.find("if-range");
  if (!header) return true;
  if (const auto date = sandbox::parse_http_date(*header)) {
    return info.modified_ms / 1000 == *date / 1000;
  }
  return unquoted(*header) == info.etag;
}

void write_overrides(const Context& context, Response& response) {
  struct Override {
    std::string_view parameter;
    std::string_view header;
  };
  constexpr std::array overrides{
      Override{"response-cache-control", "Cache-Control"},
      Override{"response-content-disposition", "Content-Disposition"},
      Override{"response-content-encoding", "Content-Encoding"},
      Override{"response-content-language", "Content-Language"},
      Override{"response-content-type", "Content-Type"},
      Override{"response-expires", "Expires"},
  };
  for (const Override& one : overrides) {
    const auto value = context.query.find(one.parameter);
    if (!value) continue;
    const bool has_control = std::any_of(value->begin(), value->end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    if (has_control) {
      throw fault("InvalidArgument", "A header value must not hold control characters.",
                  {{"ArgumentName", std::string(one.parameter)}});
    }
    response.headers.set(one.header, std::string(*value));
  }
}

// The part that a partNumber parameter asks for, as a range; an object made in one piece is its own
// part 1. nullopt when there is no such parameter.
std::optional<ByteRange> read_part(const Context& context, const ObjectReader& reader) {
  const auto text = context.query.find("partNumber");
  if (!text) return std::nullopt;
  const auto number = sandbox::parse_int64(*text);
  if (!number || *number < 1 || *number > 10'000) {
    throw fault("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive",
                {{"ArgumentName", "partNumber"}, {"ArgumentValue", std::string(*text)}});
  }
  if (context.request.headers.find("range")) {
    throw fault("InvalidRequest",
                "Cannot specify both Range header and partNumber query parameter");
  }
  const auto parts = reader.parts();
  if (parts.empty() && *number == 1) return ByteRange{0, reader.info().size};
  ByteRange range;
  for (const PartInfo& part : parts) {
    range.length = part.size;
    if (part.number == *number) return range;
    range.offset += part.size;
  }
  throw fault("InvalidPartNumber",
              {{"PartNumberRequested", std::string(*text)},
               {"ActualPartCount", std::to_string(std::max<std::size_t>(parts.size(), 1))}});
}

// The head both share; `range` is filled with what of the object is to be sent.
Response answer_head(const Context& context, const ObjectReader& reader, ByteRange& range) {
  const ObjectInfo& info = reader.info();
  const sandbox::http::Request& request = context.request;
  if (request.headers.find("x-amz-server-side-encryption-customer-algorithm")) {
    throw fault("InvalidRequest", "The encryption parameters are not applicable to this object.");
  }
  Response response;
  if (check_read_conditions(request, info) == Verdict::not_modified) {
    response.status = 304;
    response.headers.add("ETag", quoted(info.etag));
    response.headers.add("Last-Modified", sandbox::http_date(info.modified_ms));
    if (const auto cache = info.headers.standard.find("cache-control");
        cache != info.headers.standard.end()) {
      response.headers.add("Cache-Control", cache->second);
    }
    return response;
  }
  const auto part = read_part(context, reader);
  auto partial = part;
  if (!part && holds_if_range(request, info)) {
    partial = read_range(request.headers.get("range"), info.size);
  }
  range = partial.value_or(ByteRange{0, info.size});
  const bool wants_checksums =
      sandbox::equal_ignoring_case(request.headers.get("x-amz-checksum-mode"), "ENABLED");
  write_object_headers(info, wants_checksums && !partial, response);
  write_overrides(context, response);
  if (part && info.parts > 0) {
    response.headers.set("x-amz-mp-parts-count", std::to_string(info.parts));
  }
  // An empty part has no first byte that Content-Range could name.
  if (partial && range.length > 0) {
    response.status = 206;
    response.headers.set("Content-Range", "bytes " + std::to_string(range.offset) + "-" +
                                              std::to_string(range.offset + range.length - 1) +
                                              "/" + std::to_string(info.size));
  }
  return response;
}

// A 416 names the size, so that the client can ask again.
Response answer_invalid_range(const Context& context,
                              const ObjectInfo& info,
                              const Fault& refusal) {
  Response response = error_response(refusal, context.request);
  response.headers.set("Content-Range", "bytes */" + std::to_string(info.size));
  return response;
}

}  // namespace

Response get_object(Context& context) {
  // Shared because the answer's function must be copyable; it is the only user.
  const std::shared_ptr<ObjectReader> reader = open_object(context);
  ByteRange range;
  try {
    Response response = answer_head(context, *reader, range);
    if (response.status == 304) return response;
    response.content_length = range.length;
    response.stream = [reader, range](const sandbox::http::Sink& sink) {
      reader->read(range.offset, range.length, sink);
    };
    return response;
  } catch (const Fault& refusal) {
    if (refusal.code() != "InvalidRange") throw;
    return answer_invalid_range(context, reader->info(), refusal);
  }
}

Response head_object(Context& context) {
  const auto reader = open_object(context);
  ByteRange range;
  try {
    Response response = answer_head(context, *reader, range);
    if (response.status != 304) response.head_length = range.length;
    return response;
  } catch (const Fault& refusal) {
    if (refusal.code() != "InvalidRange") throw;
    return answer_invalid_range(context, reader->info(), refusal);
  }
}

}  // namespace store::s3
