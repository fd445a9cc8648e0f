// What the listings share: page sizes, tokens, encoding-type=url, the one owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "embedded_store/s3/xml.h"
#include "sandbox/http/request.h"

namespace store::s3 {

// A max-… parameter: a number from 0 on, cut to `most`. Throws Fault InvalidArgument.
int read_page_size(const sandbox::http::Query& query, std::string_view name, int most);

// A token as make_token() made it. Throws Fault InvalidArgument for any other, an empty one
// included.
std::optional<std::string> read_token(const sandbox::http::Query& query, std::string_view name);
std::string make_token(std::string_view after);

// Writes names as encoding-type asks: percent-encoded, or as they are.
class NameEncoding {
 public:
  // Throws Fault InvalidArgument for an encoding S3 does not know.
  explicit NameEncoding(const sandbox::http::Query& query);
  [[nodiscard]] std::string operator()(std::string_view name) const;
  // The EncodingType element, when there is an encoding.
  void write(XmlWriter& xml) const;

 private:
  bool is_url_;
};

void write_owner(XmlWriter& xml, std::string_view element, std::string_view attributes = "");

// Finishes the document as an answer with status 200.
sandbox::http::Response xml_response(XmlWriter& xml);

}  // namespace store::s3
