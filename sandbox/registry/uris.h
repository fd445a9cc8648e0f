// URIs of model sources, taken apart the way Python's urllib does it, because the reference's rules
// about them (and so what clients may register) are written in its terms. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::registry {

struct Uri {
  std::string scheme;     // lower case; "" for a plain path
  std::string authority;  // between // and the path, as written
  std::string path;       // as written, still percent-encoded
};

// Never fails: what has no scheme is a path. Query and fragment are cut off; `keep_fragment` leaves
// '#' in the path.
Uri parse_uri(std::string_view text, bool keep_fragment = false);

// The host of the authority in lower case, without user and port.
std::string host_of(const Uri& uri);

// The path's parts without empty ones, each percent-decoded until nothing is left to decode.
std::vector<std::string> path_parts(const Uri& uri);

// %XX replaced until nothing is left to replace; broken escapes stay.
std::string fully_decoded(std::string_view text, bool plus_is_space);

// A path of this machine: no scheme, or file:. Throws Error(invalid_parameter_value) for a file:
// URI of another host.
bool is_local(std::string_view uri);

// What a models:/ URI names: exactly one of model_id (a logged model), or name with at most one of
// version, stage and alias (none means the latest version).
struct ModelUri {
  std::string model_id;
  std::string name;
  std::string version;
  std::string stage;
  std::string alias;
};
// nullopt for text of any other form.
std::optional<ModelUri> parse_model_uri(std::string_view uri);

}  // namespace sandbox::registry
