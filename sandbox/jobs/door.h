// Who may start programs of this machine through the lab, and change what they are told.
#pragma once

#include <string>
#include <utility>

#include "sandbox/http/request.h"
#include "sandbox/jobs/passes.h"

namespace sandbox::jobs {

class Door {
 public:
  // `passes` must outlive it. Who shows `local_token` is the person who runs the lab; "" is nobody.
  Door(const Passes& passes, std::string local_token)
      : passes_(passes), local_token_(std::move(local_token)) {}

  // Throws Error(permission_denied). Where users log in the endpoint's rule has let administrators
  // through, and nobody else.
  void check(const http::Request& request) const;

 private:
  const Passes& passes_;
  std::string local_token_;
};

}  // namespace sandbox::jobs
