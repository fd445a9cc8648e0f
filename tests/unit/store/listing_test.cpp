#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

std::vector<std::string> keys_of(const ListPage& page) {
  std::vector<std::string> keys;
  for (const auto& object : page.objects) keys.push_back(object.key);
  return keys;
}

using Keys = std::vector<std::string>;

// All entries by pages of `size`, in the order they came; prefixes in brackets.
Keys page_through(ObjectStore& store, ListQuery query, int size) {
  Keys entries;
  query.keys_max = size;
  while (true) {
    const auto page = store.list("lab", query);
    CHECK(page.objects.size() + page.common_prefixes.size() <= static_cast<std::size_t>(size));
    std::set<std::string> both;
    for (const auto& object : page.objects) both.insert(object.key);
    for (const auto& prefix : page.common_prefixes) both.insert("[" + prefix + "]");
    entries.insert(entries.end(), both.begin(), both.end());
    if (!page.truncated) {
      CHECK(page.next_after.empty());
      return entries;
    }
    query.after = page.next_after;
  }
}

}  // namespace

TEST_CASE("keys are listed in the order of their bytes", "[store]") {
  Fixture lab;
  const Keys keys = {"b", "a", "a/", "a/b", "a-b", "A", "\xC3\xA9", "z", "a/b/c", "aa"};
  for (const auto& key : keys) put(*lab.store, "lab", key, key);
  const Keys sorted = {"A", "a", "a-b", "a/", "a/b", "a/b/c", "aa", "b", "z", "\xC3\xA9"};
  const auto page = lab.store->list("lab", {});
  CHECK(keys_of(page) == sorted);
  CHECK_FALSE(page.truncated);
  CHECK(page.objects[1].size == 1);
  CHECK(page.objects[1].etag == md5_hex("a"));
}

TEST_CASE("a prefix and a delimiter roll keys up", "[store]") {
  Fixture lab;
  for (const std::string key :
       {"1/a.txt", "1/model/MLmodel", "1/model/data/x", "1/plots/p.png", "10/a", "2/b", "top"}) {
    put(*lab.store, "lab", key, "x");
  }
  ListQuery query;
  query.delimiter = "/";
  auto page = lab.store->list("lab", query);
  CHECK(keys_of(page) == Keys{"top"});
  CHECK(page.common_prefixes == Keys{"1/", "10/", "2/"});
  query.prefix = "1/";
  page = lab.store->list("lab", query);
  CHECK(keys_of(page) == Keys{"1/a.txt"});
  CHECK(page.common_prefixes == Keys{"1/model/", "1/plots/"});
  query.prefix = "1";
  page = lab.store->list("lab", query);
  CHECK(page.common_prefixes == Keys{"1/", "10/"});
  query.prefix = "1/";
  query.delimiter = "";
  CHECK(lab.store->list("lab", query).objects.size() == 4);
  query.prefix = "none";
  CHECK(lab.store->list("lab", query).objects.empty());
  query = {};
  query.delimiter = "model/";
  page = lab.store->list("lab", query);
  CHECK(page.common_prefixes == Keys{"1/model/"});
  CHECK(page.objects.size() == 5);
}

TEST_CASE("a listing goes on after a key or after a common prefix", "[store]") {
  Fixture lab;
  for (const std::string key : {"a", "d/1", "d/2", "d0", "e"}) put(*lab.store, "lab", key, "x");
  ListQuery query;
  query.after = "a";
  CHECK(keys_of(lab.store->list("lab", query)) == Keys{"d/1", "d/2", "d0", "e"});
  query.after = "d/1";
  CHECK(keys_of(lab.store->list("lab", query)) == Keys{"d/2", "d0", "e"});
  query.after = "zzz";
  CHECK(lab.store->list("lab", query).objects.empty());
  query.delimiter = "/";
  query.after = "d/";
  auto page = lab.store->list("lab", query);
  CHECK(keys_of(page) == Keys{"d0", "e"});
  CHECK(page.common_prefixes.empty());
  query.after = "a";
  CHECK(lab.store->list("lab", query).common_prefixes == Keys{"d/"});
  query = {};
  query.prefix = "d";
  query.after = "b";
  CHECK(keys_of(lab.store->list("lab", query)) == Keys{"d/1", "d/2", "d0"});
  query.after = "x";
  CHECK(lab.store->list("lab", query).objects.empty());
  query = {};
  query.keys_max = 0;
  CHECK(lab.store->list("lab", query).objects.empty());
  CHECK_FALSE(lab.store->list("lab", query).truncated);
}

TEST_CASE("pages of any size add up to the same listing", "[store]") {
  Fixture lab;
  Keys all;
  Keys rolled_up;
  for (int run = 0; run < 20; ++run) {
    const auto prefix = "run-" + std::to_string(100 + run);
    all.push_back(prefix);
    rolled_up.push_back(prefix);
    rolled_up.push_back("[" + prefix + "/]");
    for (int file = 0; file < 7; ++file) all.push_back(prefix + "/" + std::to_string(file));
  }
  all.emplace_back("\xF4\x8F\xBF\xBF/x");
  rolled_up.emplace_back("[\xF4\x8F\xBF\xBF/]");
  for (const auto& key : all) put(*lab.store, "lab", key, "x");
  put(*lab.store, "lab", "other", "x");
  lab.store->remove("lab", "other");
  lab.store->create_bucket("neighbour", "");
  put(*lab.store, "neighbour", "not here", "x");
  auto sorted = [](Keys keys) {
    std::sort(keys.begin(), keys.end());
    return keys;
  };
  for (const int size : {1, 2, 3, 7, 100, 1'000}) {
    CHECK(page_through(*lab.store, {}, size) == all);
    ListQuery query;
    query.delimiter = "/";
    CHECK(sorted(page_through(*lab.store, query, size)) == sorted(rolled_up));
  }
}

TEST_CASE("common prefixes are jumped over and never walked", "[store]") {
  Fixture lab;
  constexpr int prefixes = 20;
  constexpr int keys = 150;
  for (int i = 0; i < prefixes * keys; ++i) {
    put(*lab.store, "lab", "p" + std::to_string(100 + i / keys) + "/" + std::to_string(10'000 + i),
        "");
  }
  auto time_of = [&](const ListQuery& query) {
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      CHECK_FALSE(lab.store->list("lab", query).next_after == "never");
      best = std::min(best, std::chrono::nanoseconds(std::chrono::steady_clock::now() - start));
    }
    return best;
  };
  ListQuery rolled_up;
  rolled_up.delimiter = "/";
  CHECK(lab.store->list("lab", rolled_up).common_prefixes.size() == prefixes);
  // Walking all 3,000 keys would take longer than a page of 1,000.
  CHECK(time_of(rolled_up) * 3 < time_of({}));
}
