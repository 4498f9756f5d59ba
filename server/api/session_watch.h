#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "penstock/v1/session.pb.h"
#include "server/api/watch.h"
#include "server/workers/session_registry.h"

namespace penstock::api {

// Changes that may wait for the reader of one watch.
inline constexpr size_t kSessionWatchQueueMax = 4096;

// The live sessions of `parent`, then each change as it happens. Borrows the registry.
std::unique_ptr<WatchSource<::penstock::v1::WatchSessionsResponse>> WatchSessions(
    workers::SessionRegistry& registry, domain::TransportName parent,
    std::function<void()> on_ready);

}  // namespace penstock::api
