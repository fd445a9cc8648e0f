// Where requests that change something can be made to wait for a moment, while what they would
// change is taken elsewhere. Others pass at any time.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "sandbox/http/request.h"

namespace sandbox::http {

class Turnstile {
 public:
  using Exempt = std::function<bool(const Request&)>;

  // Wraps `next`: requests whose method may change something (all but GET, HEAD and OPTIONS) pass
  // only while this is open, and are inside until their answer went out whole. `exempt` ones are
  // never held nor counted. This must outlive the handler.
  Handler around(Handler next, Exempt exempt);

  // Lets no further one in and waits for those inside. nullopt when none is left. After
  // `patience_ms` it is open again, and one that is still inside is named: "PUT /a/b".
  std::optional<std::string> close(int patience_ms);
  void open();

 private:
  class Inside;

  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  bool is_open_ = true;
  std::list<std::string> inside_;
};

}  // namespace sandbox::http
