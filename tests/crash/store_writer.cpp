// The process that store_crash_test kills: writes, overwrites, removes and completes uploads from
// four threads until it dies. Before each change it prints "try KEY MD5", after it "ack KEY MD5";
// the MD5 of a removed object is "-".
//
//   store_crash_writer DIRECTORY SEED [STEP TIMES]   dies when STEP is reached for the TIMESth time
#include <atomic>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

// One write() a line, so that lines of several threads never mix.
void say(const std::string& word, const std::string& key, const std::string& md5) {
  const std::string line = word + " " + key + " " + md5 + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(1);
}

void write_one(ObjectStore& store, const std::string& key, std::minstd_rand& random) {
  const auto seed = random();
  const auto kind = random() % 8;
  if (kind == 0) {
    say("try", key, "-");
    store.remove("lab", key);
    say("ack", key, "-");
    return;
  }
  if (kind <= 2) {
    const auto first = noise(300'000, seed);
    const auto second = noise(seed % 400'000, seed + 1);
    say("try", key, md5_hex(first + second));
    const auto upload = begin_upload(store, "lab", key);
    const auto part1 = send_part(store, upload, 1, first);
    send_part(store, upload, 2, noise(1'000));
    const auto part2 = send_part(store, upload, 2, second);
    send_part(store, upload, 3, noise(270'000));
    store.complete_upload(upload, {part1, part2}, {}, {});
    say("ack", key, md5_hex(first + second));
    return;
  }
  const auto bytes = noise(kind <= 5 ? seed % 20'000 : 260'000 + seed % 600'000, seed);
  say("try", key, md5_hex(bytes));
  put(store, "lab", key, bytes);
  say("ack", key, md5_hex(bytes));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) return 2;
  StoreOptions options;
  options.part_bytes_min = 0;
  options.small_bytes_max = 256 << 10;
  std::atomic<int> left = words.size() > 3 ? std::stoi(words[3]) : 0;
  if (words.size() > 3) {
    options.crash_point = [&](std::string_view step) {
      if (step == words[2] && --left == 0) ::kill(::getpid(), SIGKILL);
    };
  }
  sandbox::SystemEnv env;
  const auto store = open_object_store(env, words[0], options);
  if (!store->find_bucket("lab")) store->create_bucket("lab", "");
  std::vector<std::jthread> threads;
  for (unsigned thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      std::minstd_rand random(static_cast<unsigned>(std::stoul(words[1])) * 4 + thread + 1);
      while (true) {
        const auto key = std::to_string(thread) + "/" + std::to_string(random() % 12);
        write_one(*store, key, random);
      }
    });
  }
}
