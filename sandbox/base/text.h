// Small rules about text that several rooms share: splitting, trimming, case, hex, base64, percent
// encoding, UTF-8. All functions are pure and safe from every thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
// The text, or nullopt for "".
std::optional<std::string> unless_empty(std::string_view text);
std::string lower(std::string_view text);  // ASCII only
std::string upper(std::string_view text);  // ASCII only
// UTF-8 in lower case as Python's lower() for the letters of ASCII, Latin-1, Latin Extended-A,
// Greek without accents, and Cyrillic; others stay as they are.
std::string lower_utf8(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);  // ASCII only

// Lower-case hex of the bytes, two digits a byte.
std::string hex(std::span<const std::uint8_t> bytes);
// The bytes behind hex digits of either case; nullopt when it is not an even number of digits.
std::optional<std::vector<std::uint8_t>> unhex(std::string_view digits);

// RFC 4648 base64 with padding.
std::string base64(std::span<const std::uint8_t> bytes);
std::string base64(std::string_view bytes);
// nullopt when the text is not well-formed padded base64.
std::optional<std::string> unbase64(std::string_view text);

// Replaces %XX; `plus_is_space` is the rule of HTML forms. nullopt for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// RFC 3986: everything but unreserved characters (and `keep`) becomes %XX, upper-case digits.
std::string percent_encode(std::string_view text, std::string_view keep = "");

// Text as one word of a POSIX shell: quoted unless there is nothing in it that means something there.
std::string shell_word(std::string_view text);

bool is_valid_utf8(std::string_view text);
// The text with U+FFFD for every byte that belongs to no character.
std::string with_valid_utf8(std::string_view text);
// Characters (code points) in UTF-8 text; each byte that starts none counts as one.
std::size_t utf8_length(std::string_view text);
// The first `characters` code points of the text.
std::string_view utf8_prefix(std::string_view text, std::size_t characters);

// The whole text as a decimal integer, nullopt when it is anything else or out of range.
std::optional<std::int64_t> parse_int64(std::string_view text);
std::optional<double> parse_double(std::string_view text);

// Compares in a time that depends on the lengths only (signatures, passwords).
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace sandbox
