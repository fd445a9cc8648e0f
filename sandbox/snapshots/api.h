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
  bool metadata_only = false;
  static constexpr auto fields() {
    return std::tuple{
        field("name", &Wanted::name, "Without one it is the time."),
        field("metadata_only", &Wanted::metadata_only,
              "Leave the files of runs where they are, in an object store that is not this "
              "server's; its labs can be kept in no other way.")};
  }
};

// POST sandbox/snapshots {"name", "metadata_only"}: takes one and answers its manifest without the
// list of files. A name, never a path: who may speak to the port must not choose where the server
// writes. `snapshots` must outlive the Api.
void install_snapshots(http::Api& api, Snapshots& snapshots);

}  // namespace sandbox::snapshots
