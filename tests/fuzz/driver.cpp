// Runs a target on its seeds and on mutations of them. Every case follows from its number, so a
// failure is repeated with --only NUMBER.
//   TARGET [--cases N] [--first N] [--only N] [FILE...]
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <unistd.h>

#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::uint64_t cases_without_wish = 20'000;
constexpr unsigned seconds_for_a_case = 20;
constexpr std::size_t input_bytes_max = 4096;

std::uint64_t current_case = 0;  // what the signal handler tells

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint64_t number)
      : seeds_(seeds), random_(number * 0x9E3779B97F4A7C15U + 1) {}

  std::string input() {
    std::string text = seeds_[below(seeds_.size())];
    for (std::size_t steps = 1 + below(6); steps > 0; --steps) change(text);
    if (text.size() > input_bytes_max) text.resize(input_bytes_max);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  // A piece of a seed that begins and ends where a word does, more often than not.
  std::string piece() {
    const std::string& seed = seeds_[below(seeds_.size())];
    if (seed.empty()) return "";
    std::size_t first = below(seed.size());
    std::size_t last = first + 1 + below(std::min<std::size_t>(seed.size() - first, 24));
    if (below(4) != 0) {
      while (first > 0 && seed[first - 1] != ' ') --first;
      while (last < seed.size() && seed[last] != ' ') ++last;
    }
    return seed.substr(first, last - first);
  }

  void change(std::string& text) {
    static constexpr std::string_view marks = "'\"`\\(),.;=<>!%_{}[]:/#?&+- \n\t\r0159eE\0\x80\xFF";
    const std::size_t at = below(text.size() + 1);
    const std::size_t length =
        text.size() == at ? 0 : below(std::min<std::size_t>(text.size() - at, 16) + 1);
    switch (below(8)) {
      case 0: text.insert(at, 1, marks[below(marks.size())]); break;
      case 1: text.insert(at, 1, static_cast<char>(below(256))); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, text.substr(at, length)); break;
      case 4: text.insert(at, piece()); break;
      case 5: text.replace(at, length, piece()); break;
      case 6: text = text.substr(0, at) + piece(); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

[[noreturn]] void tell_and_die(int signal) {
  std::array<char, 64> line{};
  const int length = std::snprintf(line.data(), line.size(), "signal %d in case %llu\n", signal,
                                   static_cast<unsigned long long>(current_case));
  [[maybe_unused]] const auto written =
      ::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(length));
  ::_exit(1);
}

std::string shown(std::string_view input) {
  std::string out;
  for (const char c : input) {
    std::array<char, 8> code{};
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F) {
      std::snprintf(code.data(), code.size(), "\\x%02x", byte);
      out += code.data();
    } else {
      out += c;
    }
  }
  return out;
}

bool run(const std::string& input) {
  ::alarm(seconds_for_a_case);
  try {
    fuzz_one(input);
    return true;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "case %llu: %s\n  input: %s\n",
                 static_cast<unsigned long long>(current_case), failure.what(),
                 shown(input).c_str());
    return false;
  }
}

std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  const std::string_view digits(text);
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

int main(int count, char** arguments) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGALRM, SIGFPE, SIGBUS, SIGILL}) {
    std::signal(signal, tell_and_die);
  }
  std::uint64_t cases = cases_without_wish;
  std::uint64_t first = 0;
  const std::vector<std::string> seeds = fuzz_seeds();
  bool is_good = true;
  bool has_files = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = arguments[i];
    const bool has_value = i + 1 < count;
    if (word == "--cases" && has_value) {
      cases = number(arguments[++i]);
    } else if (word == "--first" && has_value) {
      first = number(arguments[++i]);
    } else if (word == "--only" && has_value) {
      first = number(arguments[++i]);
      cases = 1;
    } else {
      std::ifstream file(arguments[i], std::ios::binary);
      is_good = run({std::istreambuf_iterator<char>(file), {}}) && is_good;
      has_files = true;
    }
  }
  if (has_files) return is_good ? 0 : 1;
  constexpr int failures_max = 20;
  int failures = 0;
  for (current_case = first; current_case < first + cases && failures < failures_max;
       ++current_case) {
    const bool is_seed = current_case < seeds.size();
    if (!run(is_seed ? seeds[current_case] : Mutator(seeds, current_case).input())) ++failures;
  }
  std::printf("%llu cases, %d failures\n", static_cast<unsigned long long>(current_case - first),
              failures);
  return failures == 0 ? 0 : 1;
}
