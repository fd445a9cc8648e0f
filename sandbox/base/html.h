// Text inside the pages this program writes itself.
#pragma once

#include <string>
#include <string_view>

namespace sandbox {

// The text with &, <, > and " as HTML's references: for content and for quoted attributes.
std::string html_escaped(std::string_view text);

}  // namespace sandbox
