#include "server/workers/module_directory.h"

#include "base/check.h"

namespace penstock::workers {

uint64_t ModuleDirectory::Acquire(const std::string& sha256, uint64_t memory_byte_count_max,
                                  const std::shared_ptr<const UniqueFd>& fd) {
  const auto [known, is_new] = keys_.try_emplace({sha256, memory_byte_count_max}, next_key_);
  if (is_new) {
    modules_[next_key_++] = {
        .sha256 = sha256, .memory_byte_count_max = memory_byte_count_max, .fd = fd};
  }
  ++modules_[known->second].user_count;
  return known->second;
}

bool ModuleDirectory::Release(uint64_t key) {
  const auto found = modules_.find(key);
  PENSTOCK_CHECK(found != modules_.end());
  if (--found->second.user_count > 0) return false;
  keys_.erase({found->second.sha256, found->second.memory_byte_count_max});
  modules_.erase(found);
  return true;
}

}  // namespace penstock::workers
