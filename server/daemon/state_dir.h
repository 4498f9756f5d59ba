#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace penstock::daemon {

// The directory that one penstockd keeps its state in, for this user alone. Holds its lock; another
// penstockd can have it when this is destroyed or the process ends, however it ends.
class StateDir final {
 public:
  // Makes the directory where it is missing. FAILED_PRECONDITION when another process has it.
  static absl::StatusOr<StateDir> Open(std::string path);

  const std::string& path() const { return path_; }

 private:
  StateDir(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;
};

}  // namespace penstock::daemon
