#include "sandbox/artifacts/download.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace sandbox::artifacts {
namespace {

struct Range {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // one past the last byte
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// One "a-b", "a-" or "-n" of a Range; nullopt for what says nothing.
std::optional<Range> parse_range(std::string_view text, std::uint64_t size) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = trim(text.substr(0, dash));
  const std::string_view last = trim(text.substr(dash + 1));
  const auto from = parse_int64(first);
  const auto to = parse_int64(last);
  if ((!first.empty() && (!from || *from < 0)) || (!last.empty() && (!to || *to < 0)) ||
      (first.empty() && last.empty())) {
    return std::nullopt;
  }
  if (first.empty()) return Range{size - std::min(size, static_cast<std::uint64_t>(*to)), size};
  Range range{static_cast<std::uint64_t>(*from), size};
  if (!last.empty()) range.end = std::min(size, static_cast<std::uint64_t>(*to) + 1);
  return range;
}

std::vector<Range> parse_ranges(std::string_view header, std::uint64_t size) {
  const std::size_t equals = header.find('=');
  if (equals == std::string_view::npos) refuse("Malformed range header.");
  if (!equal_ignoring_case(trim(header.substr(0, equals)), "bytes")) {
    refuse("Only support bytes range");
  }
  std::vector<Range> ranges;
  for (const std::string& part : split(header.substr(equals + 1), ',')) {
    if (const auto range = parse_range(trim(part), size)) ranges.push_back(*range);
  }
  if (ranges.empty()) refuse("Range header: range must be requested");
  return ranges;
}

// Whether an If-None-Match list names the etag; weak marks do not matter when reading.
bool names_etag(std::string_view list, std::string_view etag) {
  if (trim(list) == "*") return true;
  for (const std::string& part : split(list, ',')) {
    std::string_view one = trim(part);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag) return true;
  }
  return false;
}

bool is_unchanged(const http::Request& request, std::string_view etag, std::int64_t modified_ms) {
  if (const auto list = request.headers.find("if-none-match")) return names_etag(*list, etag);
  const auto since = request.headers.find("if-modified-since");
  const auto time = since ? parse_http_date(*since) : std::nullopt;
  return time && modified_ms / 1000 <= *time / 1000;
}

// The Range that counts: none for HEAD, and none when If-Range speaks of another version.
std::optional<std::string_view> wanted_range(const http::Request& request,
                                             std::string_view etag,
                                             std::string_view modified) {
  if (request.method == "HEAD") return std::nullopt;
  const auto condition = request.headers.find("if-range");
  if (condition && *condition != etag && *condition != modified) return std::nullopt;
  return request.headers.find("range");
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string header_value(std::string_view text) {
  if (is_token(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string content_disposition(std::string_view file_name) {
  std::string ascii;
  for (const char c : file_name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 32 && byte < 127) ascii += c;
  }
  if (ascii == file_name) return "attachment; filename=" + header_value(ascii);
  if (ascii.empty()) ascii = "download";
  return "attachment; filename=" + header_value(ascii) + "; filename*=UTF-8''" +
         percent_encode(file_name, "!#$&+^`|");
}

http::Response download(const http::Request& request, std::unique_ptr<store::ObjectReader> reader) {
  const store::ObjectInfo& info = reader->info();
  const std::string etag = "\"" + info.etag + "\"";
  const std::string modified = http_date(info.modified_ms);
  http::Response response;
  response.headers.set("ETag", etag);
  response.headers.set("Last-Modified", modified);
  response.headers.set("Accept-Ranges", "bytes");
  if (is_unchanged(request, etag, info.modified_ms)) {
    response.status = 304;
    return response;
  }
  response.headers.set("Content-Type", content_type_of(info.key));
  response.headers.set(
      "Content-Disposition",
      content_disposition(std::string_view(info.key).substr(info.key.rfind('/') + 1)));
  response.headers.set("X-Content-Type-Options", "nosniff");
  Range range{0, info.size};
  if (const auto wanted = wanted_range(request, etag, modified)) {
    const std::vector<Range> ranges = parse_ranges(*wanted, info.size);
    for (const Range& one : ranges) {
      if (one.first >= info.size) {
        response = http::Response::text(416, "");
        response.headers.set("Content-Range", "bytes */" + std::to_string(info.size));
        return response;
      }
      if (one.first >= one.end) refuse("Range header: start must be less than end");
    }
    if (ranges.size() == 1) {
      range = ranges.front();
      response.status = 206;
      response.headers.set("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                                std::to_string(range.end - 1) + "/" +
                                                std::to_string(info.size));
    }
  }
  if (request.method == "HEAD") {
    response.head_length = info.size;
    return response;
  }
  response.content_length = range.end - range.first;
  // Shared because std::function wants its target copyable; the copies live and die with the
  // answer.
  response.stream = [shared = std::shared_ptr<store::ObjectReader>(std::move(reader)),
                     range](const http::Sink& sink) {
    if (range.end > range.first) shared->read(range.first, range.end - range.first, sink);
  };
  return response;
}

}  // namespace sandbox::artifacts
