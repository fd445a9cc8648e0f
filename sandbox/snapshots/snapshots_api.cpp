#include "sandbox/snapshots/api.h"
#include "sandbox/snapshots/snapshots.h"

namespace sandbox::snapshots {

void install_snapshots(http::Api& api, Snapshots& snapshots) {
  api.post<Wanted, Manifest>("sandbox/snapshots",
                             "Take a snapshot of the whole lab, which stays in the lab's data "
                             "directory.",
                             [&snapshots](const Wanted& wanted) {
                               Manifest manifest =
                                   snapshots.save(wanted.name, wanted.metadata_only);
                               manifest.files.clear();
                               return manifest;
                             });
}

}  // namespace sandbox::snapshots
