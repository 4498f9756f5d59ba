#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/store/blob_store.h"

namespace penstock::app {

// Sealed memfds of modules, one for all that use the same bytes at a time. Not safe across threads.
class ModuleBytes final {
 public:
  // Borrows `blobs`.
  explicit ModuleBytes(const store::BlobStore& blobs) : blobs_(blobs) {}

  absl::StatusOr<std::shared_ptr<const UniqueFd>> Load(const std::string& sha256);

 private:
  const store::BlobStore& blobs_;
  std::map<std::string, std::weak_ptr<const UniqueFd>> loaded_;
};

}  // namespace penstock::app
