#include "embedded_store/s3/listing.h"

#include <algorithm>
#include <limits>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

// The one owner of everything; the form is that of a canonical user id.
constexpr std::string_view owner_id =
    "6d6c6f70732d73616e64626f782d6f776e6572000000000000000000000000ff";
constexpr std::string_view owner_name = "mlops-sandbox";

Fault invalid_argument(std::string_view name, std::string_view value, const std::string& message) {
  return fault("InvalidArgument", message,
               {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(value)}});
}

}  // namespace

int read_page_size(const sandbox::http::Query& query, std::string_view name, int most) {
  const auto text = query.find(name);
  if (!text || text->empty()) return most;
  const auto number = sandbox::parse_int64(*text);
  if (!number || *number < 0 || *number > std::numeric_limits<std::int32_t>::max()) {
    throw invalid_argument(
        name, *text, "Provided " + std::string(name) + " not an integer or within integer range");
  }
  return static_cast<int>(std::min<std::int64_t>(*number, most));
}

std::optional<std::string> read_token(const sandbox::http::Query& query, std::string_view name) {
  const auto token = query.find(name);
  if (!token) return std::nullopt;
  auto after = sandbox::unbase64(*token);
  if (!after || after->empty()) {
    throw invalid_argument(name, *token, "The continuation token provided is incorrect");
  }
  return after;
}

std::string make_token(std::string_view after) {
  return sandbox::base64(after);
}

NameEncoding::NameEncoding(const sandbox::http::Query& query) : is_url_(false) {
  const auto encoding = query.find("encoding-type");
  if (!encoding) return;
  if (*encoding != "url") {
    throw invalid_argument("encoding-type", *encoding,
                           "Invalid Encoding Method specified in Request");
  }
  is_url_ = true;
}

std::string NameEncoding::operator()(std::string_view name) const {
  return is_url_ ? sandbox::percent_encode(name, "/") : std::string(name);
}

void NameEncoding::write(XmlWriter& xml) const {
  if (is_url_) xml.element("EncodingType", "url");
}

void write_owner(XmlWriter& xml, std::string_view element, std::string_view attributes) {
  xml.begin(element, attributes);
  xml.element("ID", owner_id);
  xml.element("DisplayName", owner_name);
  xml.end();
}

sandbox::http::Response xml_response(XmlWriter& xml) {
  return sandbox::http::Response::text(200, xml.finish(), "application/xml");
}

}  // namespace store::s3
