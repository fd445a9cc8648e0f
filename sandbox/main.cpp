#include <cstdio>
#include <exception>

#include <malloc.h>

#include "sandbox/base/error.h"
#include "sandbox/cli/commands.h"

int main(int argc, char** argv) {
  // Threads that come and go would each leave an arena of freed memory behind.
  mallopt(M_ARENA_MAX, 2);
  try {
    return sandbox::cli::run(sandbox::cli::Words(argv + 1, argv + argc));
  } catch (const sandbox::Error& error) {
    std::fprintf(stderr, "mlops-sandbox: %s\n", error.what());
    return error.code() == sandbox::Code::invalid_parameter_value ? 2 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mlops-sandbox: unexpected failure: %s\n", error.what());
    return 1;
  }
}
