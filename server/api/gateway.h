#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>

#include "absl/status/status.h"
#include "base/clock.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/support/status.h"
#include "server/api/method_stats.h"
#include "server/api/rpc.h"

namespace penstock::api {

// A call that lasts: ended by its caller, by its source, or by the server's shutdown.
class Stream {
 public:
  virtual ~Stream() = default;
  // Ends the call with `status` unless it has ended already. Safe from any thread.
  virtual void End(const absl::Status& status) = 0;
};

// What every method goes through, so that each is counted, its errors are mapped and its tenant is
// checked in one place.
//
// Threads:  safe from any.
// Lifetime: borrows the clock and the statistics.
class Gateway final {
 public:
  Gateway(const Clock& clock, MethodStats& stats) : clock_(clock), stats_(stats) {}

  // Answers a unary call with what `handler` returns. `resource_name` is the request's name or
  // parent: one of a tenant that does not exist is NOT_FOUND before the handler sees it.
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, Rpc rpc,
                                  std::string_view resource_name,
                                  const std::function<absl::Status()>& handler);

  // Counts a call that began at `begin`, and maps its outcome.
  grpc::Status Complete(Rpc rpc, MonotonicTime begin, const absl::Status& status);

  // NOT_FOUND when `resource_name` belongs to a tenant that does not exist. A malformed name
  // passes: its parser says better what is wrong with it.
  static absl::Status CheckTenant(std::string_view resource_name);

  // Streams take part in the shutdown while they are entered. False: the server is shutting down,
  // and the stream must end with ShuttingDown().
  [[nodiscard]] bool Enter(const std::shared_ptr<Stream>& stream);
  void Leave(const std::shared_ptr<Stream>& stream);

  // Ends every stream with ShuttingDown(), now and from now on.
  void ShutDown();
  static absl::Status ShuttingDown();

  MonotonicTime Now() const { return clock_.Now(); }

 private:
  const Clock& clock_;
  MethodStats& stats_;
  std::mutex mutex_;
  bool shutting_down_ = false;                 // guarded by mutex_
  std::set<std::shared_ptr<Stream>> streams_;  // guarded by mutex_
};

}  // namespace penstock::api
