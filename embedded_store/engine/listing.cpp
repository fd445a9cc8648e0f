// Listing objects. Common prefixes are jumped over by one seek each, never walked.
#include <algorithm>

#include "embedded_store/engine/store.h"

namespace store::engine {
namespace {

constexpr int page_entries_max = 1'000;

// The common prefix a key is rolled up into; empty when it stands for itself.
std::string_view common_prefix(std::string_view key, const ListQuery& query) {
  if (query.delimiter.empty() || !key.starts_with(query.prefix)) return {};
  const auto at = key.find(query.delimiter, query.prefix.size());
  return at == std::string_view::npos ? std::string_view{}
                                      : key.substr(0, at + query.delimiter.size());
}

}  // namespace

ListPage Store::list(const std::string& bucket, const ListQuery& query) {
  const std::string keys = objects_prefix(bucket_id(bucket));
  ListPage page;
  const int entries_max = std::min(query.keys_max, page_entries_max);
  if (entries_max <= 0) return page;

  Cursor cursor = rocks_.cursor(keys + query.prefix);
  if (!query.after.empty()) {
    // An entry greater than `after` is greater than the common prefix `after` lies in.
    const auto jumped = common_prefix(query.after, query);
    cursor.seek(keys + (jumped.empty() ? query.after + '\0' : successor(jumped)));
  }
  int entries = 0;
  while (cursor.valid()) {
    const std::string_view key = cursor.key().substr(keys.size());
    if (entries == entries_max) {
      page.truncated = true;
      break;
    }
    ++entries;
    page.next_after = key;
    if (const auto rolled_up = common_prefix(key, query); !rolled_up.empty()) {
      page.next_after.resize(rolled_up.size());
      page.common_prefixes.push_back(page.next_after);
      cursor.seek(keys + successor(page.next_after));
    } else {
      page.objects.push_back(info_of(bucket, page.next_after, decode_object(cursor.value())));
      cursor.next();
    }
  }
  if (!page.truncated) page.next_after.clear();
  return page;
}

}  // namespace store::engine
