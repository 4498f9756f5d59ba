#include "server/app/module_bytes.h"

#include <utility>

#include "base/status.h"

namespace penstock::app {

absl::StatusOr<std::shared_ptr<const UniqueFd>> ModuleBytes::Load(const std::string& sha256) {
  if (const auto known = loaded_.find(sha256); known != loaded_.end()) {
    if (auto bytes = known->second.lock()) return bytes;
  }
  ASSIGN_OR_RETURN(UniqueFd fd, blobs_.LoadSealed(sha256));
  auto bytes = std::make_shared<const UniqueFd>(std::move(fd));
  std::erase_if(loaded_, [](const auto& entry) { return entry.second.expired(); });
  loaded_[sha256] = bytes;
  return bytes;
}

}  // namespace penstock::app
