#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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

  explicit SessionRegistry(const Clock& clock) : clock_(clock) {}

  // Reads the live figures of a session (bytes, CPU, memory) into it. Called with the registry's
  // lock held; must not call back.
  using Figures = std::function<void(domain::Session&)>;

  // Gives the session its ID: unique for ever on this server, growing.
  domain::SessionName Begin(domain::Session session, Figures figures);
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

  // For metrics: sessions live now by role; ended by role and reason, and set-up seconds.
  struct Totals {
    std::array<uint64_t, 5> live{};                                          // by role
    std::array<uint64_t, 5> begun{};                                         // by role
    std::array<std::array<uint64_t, kEndReasonCount>, 5> ended{};            // by role, reason
  };
  Totals totals() const;

  // Calls `listener` on every begin, activation and end, on the changing thread, without locks
  // held. Valid until the returned handle is destroyed.
  using Subscription = std::shared_ptr<void>;
  [[nodiscard]] Subscription Subscribe(std::function<void(const domain::Session&)> listener);

 private:
  const Clock& clock_;
  // The implementation completes the members.
};

}  // namespace penstock::workers
