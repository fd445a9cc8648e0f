// Names as clusters take them: DNS labels of RFC 1123, image references, quantities.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sandbox::cluster_export {

inline constexpr std::size_t dns_label_max = 63;

// At most `max` lower-case letters, digits and '-', a letter or digit at both ends.
bool is_dns_label(std::string_view text, std::size_t max = dns_label_max);
// Labels with dots between, at most 253 characters.
bool is_host_name(std::string_view text);
// registry/name:tag or @sha256:…, with a tag that is not "latest": what is pinned.
bool is_pinned_image(std::string_view text);
// A quantity of storage: 5Gi, 512Mi.
bool is_quantity(std::string_view text);
// A name that PostgreSQL takes without quotes, at most 63 characters.
bool is_sql_name(std::string_view text);
// S3's rules for new buckets.
bool is_bucket_name(std::string_view text);

// The nearest DNS label: lower case, '-' for what is not allowed. Where that cuts the text or
// leaves nothing, six digits of its SHA-256 tell it from others.
std::string dns_label(std::string_view text, std::size_t max = dns_label_max);
// One label for each text, in their order, no two the same: where several become one label, those
// that were changed get digits of their SHA-256. Which one a text gets does not hang on the order.
std::vector<std::string> dns_labels(const std::vector<std::string>& texts,
                                    std::size_t max = dns_label_max);

// Eight digits of the text's SHA-256, for names that change with what they stand for.
std::string short_digest(std::string_view text);

}  // namespace sandbox::cluster_export
