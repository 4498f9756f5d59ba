#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace penstock::workers {

// The modules that transports use, each pair of digest and memory limit under a key of its own:
// that is what workers compile once.
//
// Threads: the control loop's.
class ModuleDirectory final {
 public:
  struct Module {
    std::string sha256;
    uint64_t memory_byte_count_max = 0;
    std::shared_ptr<const UniqueFd> fd;  // sealed memfd with the bytes
    uint32_t user_count = 0;
  };

  // Adds a user. The same digest and limit give the same key for as long as they have a user; keys
  // are never used again.
  uint64_t Acquire(const std::string& sha256, uint64_t memory_byte_count_max,
                   const std::shared_ptr<const UniqueFd>& fd);
  // Takes a user away; true if it was the last, and the module is forgotten.
  bool Release(uint64_t key);

  // By key.
  const std::map<uint64_t, Module>& modules() const { return modules_; }

 private:
  std::map<uint64_t, Module> modules_;
  std::map<std::pair<std::string, uint64_t>, uint64_t> keys_;
  uint64_t next_key_ = 1;
};

}  // namespace penstock::workers
