// Bodies of S3 requests: XML documents, and the chunk framing with its trailers, fed in pieces.
#include <stdexcept>

#include "embedded_store/s3/chunked_body.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/xml.h"
#include "tests/fuzz/fuzz.h"

using store::Fault;
using namespace store::s3;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

std::string decode(PayloadKind kind, std::string_view body, std::size_t piece) {
  std::string out;
  try {
    ChunkDecoder decoder(kind, {"key", "20130524T000000Z", "scope", "seed"});
    for (std::size_t i = 0; i < body.size(); i += piece) {
      decoder.feed(body.substr(i, piece), [&](std::string_view data) { out += data; });
    }
    decoder.finish();
    out += decoder.trailer("x-amz-checksum-crc32").value_or(" no trailer");
  } catch (const Fault& fault) {
    return "refused";
  }
  return out;
}

void read_chunks(std::string_view body) {
  for (const PayloadKind kind : {PayloadKind::chunks_unsigned_trailer, PayloadKind::chunks_signed,
                                 PayloadKind::chunks_signed_trailer}) {
    if (decode(kind, body, body.size() + 1) != decode(kind, body, 3)) {
      throw std::logic_error("the body reads otherwise in pieces");
    }
  }
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {"<Delete><Object><Key>a &amp; b</Key><VersionId>v</VersionId></Object></Delete>",
          "<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
          "<Quiet>true</Quiet><Object><Key>&#x1F600;</Key></Object></Delete>",
          "<Delete><![CDATA[x]]><a:b c='d'/><!-- c --></Delete>",
          "<!DOCTYPE x [<!ENTITY e \"eee\">]><Delete>&e;</Delete>",
          "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
          "5;chunk-signature=" + std::string(64, 'a') +
              "\r\nhello\r\n0;chunk-signature=" + std::string(64, 'b') + "\r\n\r\n",
          "0\r\n\r\n",
          "ffffffffffffffff\r\n",
          "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-trailer-signature:" + std::string(64, 'c') +
              "\r\n\r\n"};
}

void fuzz_one(std::string_view input) {
  try {
    const XmlNode node = parse_xml(input, "Delete");
    if (node.name != "Delete") throw std::logic_error("another root than asked for: " + node.name);
  } catch (const Fault& refusal) {
    if (refusal.code() != "MalformedXML") throw std::logic_error(refusal.what());
  }
  read_chunks(input);
}
