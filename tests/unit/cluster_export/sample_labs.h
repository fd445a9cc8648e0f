// Labs that the tests export.
#pragma once

#include "sandbox/cluster_export/lab.h"

namespace sandbox::cluster_export {

// Two experiments, three registered models with aliases, two jobs and a schedule.
Lab course_lab();
// Nothing but what every lab has.
Lab empty_lab();
// Names with quotes, line ends, template marks and capitals, in every place that takes a name.
Lab hostile_lab();

}  // namespace sandbox::cluster_export
