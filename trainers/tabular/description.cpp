#include "trainers/tabular/description.h"

#include <fstream>
#include <iterator>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"

namespace trainers::tabular {

Description fetch_description(TrainContext& context) {
  const auto file = context.fetch(description_name);
  if (!file) {
    throw sandbox::Error(sandbox::Code::invalid_state,
                         "Run " + context.run_id() + " has no " + description_name +
                             ": its training did not end well, or an older version made it.");
  }
  std::ifstream in(*file, std::ios::binary);
  return sandbox::from_json<Description>(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace trainers::tabular
