// The wish of the person or the system that this process ends: Ctrl-C, SIGTERM, SIGHUP.
#pragma once

namespace trainers {

// From now on the first such signal is only noted; a second one ends the process at once.
void watch_stop_signals();
bool is_stop_signalled();

}  // namespace trainers
