#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/shared_counters.h"

namespace penstock::workers {

// Gives out the session slots of one worker's counters.
class SlotAllocator final {
 public:
  // nullopt when all are taken.
  std::optional<uint32_t> Take() {
    if (!free_.empty()) {
      const uint32_t slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (fresh_ == kSessionSlotCount) return std::nullopt;
    return fresh_++;
  }

  // Precondition: `slot` was taken and is not free.
  void Free(uint32_t slot) { free_.push_back(slot); }

 private:
  uint32_t fresh_ = 0;  // never taken: this one and above
  std::vector<uint32_t> free_;
};

}  // namespace penstock::workers
