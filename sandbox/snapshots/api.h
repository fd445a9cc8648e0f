// The endpoint that takes snapshots.
#pragma once

#include <string>
#include <tuple>

#include "sandbox/base/fields.h"
#include "sandbox/http/api.h"

namespace sandbox::snapshots {

class Snapshots;

struct Wanted {
  std::string name;
  static constexpr auto fields() {
    return std::tuple{field("name", &Wanted::name, "Without one it is the time.")};
  }
};

// POST sandbox/snapshots {"name"}: takes one and answers its manifest without the list of files. A
// name, never a path: who may speak to the port must not choose where the server writes.
// `snapshots` must outlive the Api.
void install_snapshots(http::Api& api, Snapshots& snapshots);

}  // namespace sandbox::snapshots
