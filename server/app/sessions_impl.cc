#include "server/app/sessions_impl.h"

#include <optional>

#include "base/log.h"
#include "base/status.h"
#include "server/app/lookup.h"

namespace penstock::app {

absl::Status SessionsImpl::Terminate(const domain::SessionName& name) {
  RETURN_IF_ERROR(CheckTenant(name.transport.tenant));
  const std::optional<domain::Session> session = registry_.Get(name);
  if (!session || session->state == domain::SessionState::kEnded) {
    return NotFound("Session", name.ToString());
  }
  loop_.Post([&pool = pool_, name] {
    // It may have ended by itself in the meantime, which is what was asked for.
    if (const absl::Status status = pool.StopSession(name); !status.ok()) {
      log::Debug("session could not be stopped",
                 {{"session", name.ToString()}, {"error", MessageOf(status)}});
    }
  });
  return absl::OkStatus();
}

}  // namespace penstock::app
