#include "embedded_store/engine/names.h"

#include <algorithm>
#include <string>

#include "embedded_store/object_store.h"
#include "sandbox/base/text.h"

namespace store::engine {
namespace {

constexpr std::size_t bucket_bytes_min = 3;
constexpr std::size_t bucket_bytes_max = 63;
constexpr std::size_t key_bytes_max = 1024;

bool is_lower_or_digit(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
}

bool is_ip_address(std::string_view name) {
  const auto numbers = sandbox::split(name, '.');
  return numbers.size() == 4 && std::all_of(numbers.begin(), numbers.end(), [](const auto& part) {
           return !part.empty() && part.size() <= 3 &&
                  part.find_first_not_of("0123456789") == std::string::npos;
         });
}

bool is_bucket_name(std::string_view name) {
  if (name.size() < bucket_bytes_min || name.size() > bucket_bytes_max) return false;
  if (!is_lower_or_digit(name.front()) || !is_lower_or_digit(name.back())) return false;
  if (!std::all_of(name.begin(), name.end(), [](char letter) {
        return is_lower_or_digit(letter) || letter == '.' || letter == '-';
      })) {
    return false;
  }
  return name.find("..") == std::string_view::npos && !name.starts_with("xn--") &&
         !name.ends_with("-s3alias") && !is_ip_address(name);
}

}  // namespace

void check_bucket_name(std::string_view name) {
  if (is_bucket_name(name)) return;
  Fault fault("InvalidBucketName", "The specified bucket is not valid.");
  fault.details.emplace_back("BucketName", name);
  throw fault;
}

void check_key(std::string_view key) {
  if (key.empty()) throw Fault("InvalidArgument", "An object's key must not be empty.");
  if (key.size() > key_bytes_max) {
    Fault fault("KeyTooLongError", "Your key is too long");
    fault.details.emplace_back("Size", std::to_string(key.size()));
    fault.details.emplace_back("MaxSizeAllowed", std::to_string(key_bytes_max));
    throw fault;
  }
  if (!sandbox::is_valid_utf8(key)) {
    throw Fault("InvalidArgument", "An object's key must be UTF-8 text.");
  }
}

}  // namespace store::engine
