#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/domain/resources.h"

namespace penstock::workers {

// All live sessions and the last ones that ended. The worker pool writes it; the API and the
// metrics read it. Safe from any thread.
class SessionRegistry final {
 public:
  // Ended sessions that are kept for a look back.
  static constexpr size_t kEndedMax = 1000;

  // Borrows `clock`. IDs grow from the wall clock's milliseconds, so that a restarted server gives
  // out none of its old ones.
  explicit SessionRegistry(const Clock& clock);

  // Reads the live figures of a session (bytes, CPU, memory) into it. Called with the registry's
  // lock held; must not call back.
  using Figures = std::function<void(domain::Session&)>;

  // Gives the session its ID: unique for ever on this server, growing.
  domain::SessionName Begin(domain::Session session, Figures figures);
  // These do nothing for a session that is not live.
  void Activate(uint64_t session_id);
  void SetRemoteAddress(uint64_t session_id, std::string address);
  // Takes the final figures.
  void End(uint64_t session_id, EndReason reason, std::string message);

  std::optional<domain::Session> Get(const domain::SessionName& name) const;
  // Sessions of a transport ("-": of all of the tenant) with an ID greater than `after`, in order,
  // at most `limit`.
  std::vector<domain::Session> List(const domain::TransportName& parent, uint64_t after,
                                    size_t limit, bool show_ended) const;
  uint32_t CountLive(const domain::TransportName& transport) const;

  // For metrics: sessions live now by role; ended by role and reason.
  struct Totals {
    std::array<uint64_t, 5> live{};                                // by role
    std::array<uint64_t, 5> begun{};                               // by role
    std::array<std::array<uint64_t, kEndReasonCount>, 5> ended{};  // by role, reason
  };
  Totals totals() const;

  // Calls `listener` on every begin, activation and end, on the changing thread, without locks
  // held. Valid until the returned handle is destroyed, which waits for a call in progress on
  // another thread: hold no lock then that the listener takes. The registry must outlive it.
  using Subscription = std::shared_ptr<void>;
  [[nodiscard]] Subscription Subscribe(std::function<void(const domain::Session&)> listener);

 private:
  struct Entry {
    domain::Session session;
    Figures figures;  // empty once ended
  };
  struct Listener {
    std::recursive_mutex mutex;  // held while `call` runs; recursive so that it may unsubscribe
    std::function<void(const domain::Session&)> call;
  };

  static domain::Session Snapshot(const Entry& entry);
  void Notify(const domain::Session& session);
  void KeepEnded(domain::Session session);  // with mutex_ held

  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all below
  uint64_t next_id_;
  std::map<uint64_t, Entry> live_;
  std::map<domain::TransportName, std::set<uint64_t>> live_by_transport_;
  std::map<uint64_t, domain::Session> ended_;
  std::deque<uint64_t> ended_order_;  // oldest end first
  Totals totals_;
  std::vector<std::weak_ptr<Listener>> listeners_;
};

}  // namespace penstock::workers
