#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "server/api/method_stats.h"
#include "server/api/server_service.h"
#include "server/app/modules.h"
#include "server/app/sessions.h"
#include "server/app/transports.h"
#include "server/domain/address.h"
#include "server/workers/session_registry.h"
#include "server/workers/worker_pool.h"

namespace penstock::api {

struct ApiServerOptions {
  std::vector<domain::Address> listen;
  ServerFacts facts;
  // Without a message of the upload.
  std::chrono::nanoseconds upload_idle_timeout = std::chrono::seconds(30);
};

// What the services delegate to. All borrowed; must outlive the server.
struct ApiServerDeps {
  app::Modules& modules;
  app::Transports& transports;
  app::Sessions& sessions;
  workers::SessionRegistry& registry;
  const workers::WorkerPool& pool;
  MethodStats& stats;
  const Clock& clock = Clock::System();
};

// The gRPC server: Penstock's services, health and reflection, on all its addresses.
//
// Threads: Start(), ShutDown() and destruction on one thread; the rest from any.
class ApiServer {
 public:
  virtual ~ApiServer() = default;

  // Listens and serves. Health says NOT_SERVING until SetServing(true). Unix sockets are for this
  // user alone, and are removed at the end. Errors say which address, and why it cannot be.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Start(ApiServerDeps deps,
                                                          ApiServerOptions options);

  // In the order of the options, with the ports that were chosen: "tcp://127.0.0.1:7475".
  virtual const std::vector<std::string>& bound_addresses() const = 0;

  // What health says, of each service and overall.
  virtual void SetServing(bool serving) = 0;

  // Ends the watches and the uploads, waits up to `grace` for other calls, then cancels them.
  virtual void ShutDown(std::chrono::nanoseconds grace) = 0;
};

}  // namespace penstock::api
