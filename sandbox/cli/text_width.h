// How wide text stands on a terminal: Hangul, other East Asian letters and emoji take two columns,
// marks that combine with the letter before them none. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sandbox::cli {

// Columns of UTF-8 text; a byte that begins no character counts as one.
std::size_t text_width(std::string_view text);

// The text on one line and without anything a terminal would obey: line ends, tabs and other
// control characters are written as \n, \t and \x1b.
std::string one_line(std::string_view text);

}  // namespace sandbox::cli
