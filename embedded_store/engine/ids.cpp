#include "embedded_store/engine/ids.h"

#include "embedded_store/object_store.h"
#include "sandbox/base/text.h"

namespace store::engine {
namespace {

constexpr Id reserved_at_once = 1 << 16;

}  // namespace

Ids::Ids(Rocks& rocks) : rocks_(rocks) {
  const auto text = rocks_.read(Family::meta, next_id_key);
  if (!text) return;
  const auto number = sandbox::parse_int64(*text);
  if (!number || *number < 1) throw Fault("InternalError", "The store's next id is damaged");
  first_ = next_ = reserved_ = static_cast<Id>(*number);
}

Id Ids::next() {
  const std::lock_guard lock(mutex_);
  if (next_ == reserved_) {
    Batch batch(rocks_);
    batch.put(Family::meta, next_id_key, std::to_string(reserved_ + reserved_at_once));
    rocks_.commit(batch);
    reserved_ += reserved_at_once;
  }
  return next_++;
}

}  // namespace store::engine
