// Who holds a TCP port of this machine, and which one near it is free. Linux only: reads /proc.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sandbox {

struct PortHolder {
  int pid = 0;
  std::string command;  // its command line, shortened
};

// The process that listens on `port`; nullopt when nobody does or it belongs to another user.
std::optional<PortHolder> port_holder(int port);

// The first port above `port` that can be bound on `host` and is not in `taken`; 0 when none of the
// next few hundred is free.
int free_port_after(const std::string& host, int port, const std::vector<int>& taken = {});

}  // namespace sandbox
