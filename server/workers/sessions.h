#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/end_reason.h"
#include "base/unique_fd.h"
#include "server/domain/resources.h"
#include "server/workers/route.h"
#include "server/workers/session_dials.h"
#include "server/workers/session_registry.h"
#include "server/workers/slot_allocator.h"
#include "server/workers/stats.h"
#include "server/workers/worker_link.h"

namespace penstock::workers {

// A connection on its way into a session.
struct Connection {
  UniqueFd socket;
  std::string peer_address;
  MonotonicTime accept_time;
};

// The live sessions of every worker, and what workers say about them.
//
// Threads:  the control loop's.
// Lifetime: borrows what it is made of, and each worker until OnLost().
class Sessions final {
 public:
  Sessions(SessionDials::Tools dial_tools, SessionRegistry& registry, PoolStats& stats,
           const Clock& clock)
      : dial_tools_(dial_tools), registry_(registry), stats_(stats), clock_(clock) {}

  // Begins a session on a worker that has been introduced to the route. RESOURCE_EXHAUSTED when the
  // worker has no slot left.
  absl::Status Start(WorkerLink& worker, std::shared_ptr<const Route> route, Connection connection);

  // Messages about a session. Those about a session that `worker` does not have are counted and
  // ignored; an error is a breach of the protocol.
  void OnActive(WorkerLink& worker, const pb::SessionActive& active);
  void OnEnded(WorkerLink& worker, const pb::SessionEnded& ended);
  void OnGuestLog(WorkerLink& worker, const pb::GuestLog& line);
  absl::Status OnDialRequest(WorkerLink& worker, const pb::DialRequest& request);

  // Ends all sessions of a worker that is gone.
  void OnLost(int worker, EndReason reason, const std::string& message);

  // Asks the workers to end the sessions of a transport, or one session; NOT_FOUND if it is not
  // live.
  void Stop(const domain::TransportName& transport);
  absl::Status Stop(const domain::SessionName& session);

  size_t count(int worker) const;

 private:
  struct Session {
    domain::SessionName name;
    std::shared_ptr<const Route> route;
    uint32_t slot = 0;
    std::string peer_address;
    MonotonicTime accept_time;
    std::optional<MonotonicTime> active_time;
    std::unique_ptr<SessionDials> dials;
  };
  struct Table {
    WorkerLink* link = nullptr;
    std::shared_ptr<SharedCounters> counters;
    SlotAllocator slots;
    std::map<uint64_t, Session> sessions;
  };

  // nullptr, and counted, if the worker has no such session.
  Session* Find(const WorkerLink& worker, uint64_t session_id);
  SessionDials::Answer AnswerTo(WorkerLink& worker, uint64_t session_id);
  void End(Table& table, Session& session, EndReason reason, const std::string& message);
  void LogEnd(const Table& table, const Session& session, EndReason reason,
              const std::string& message) const;

  SessionDials::Tools dial_tools_;
  SessionRegistry& registry_;
  PoolStats& stats_;
  const Clock& clock_;
  std::map<int, Table> tables_;  // by worker
};

}  // namespace penstock::workers
