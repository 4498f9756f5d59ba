#pragma once

#include "absl/status/status.h"
#include "server/domain/names.h"

namespace penstock::app {

// The one thing that sessions are told to do; everything else about them is read from
// workers::SessionRegistry. Safe from any thread.
class Sessions {
 public:
  virtual ~Sessions() = default;
  // NOT_FOUND when no such session is live.
  virtual absl::Status Terminate(const domain::SessionName& name) = 0;
};

}  // namespace penstock::app
