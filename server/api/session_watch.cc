#include "server/api/session_watch.h"

#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "server/api/conversions.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

// Live sessions read from the registry at a time.
constexpr size_t kBatchSize = 256;

// What the registry's listener fills and the reactor drains.
class Queue final {
 public:
  Queue(domain::TransportName parent, std::function<void()> on_ready)
      : parent_(std::move(parent)), on_ready_(std::move(on_ready)) {}

  void Add(const domain::Session& session) {
    if (!Concerns(session.name.transport)) return;
    {
      std::lock_guard lock(mutex_);
      overflowed_ = overflowed_ || sessions_.size() >= kSessionWatchQueueMax;
      if (!overflowed_) sessions_.push_back(session);
    }
    on_ready_();
  }

  absl::StatusOr<std::optional<domain::Session>> Next() {
    std::lock_guard lock(mutex_);
    if (overflowed_) return FellBehind();
    if (sessions_.empty()) return std::nullopt;
    std::optional<domain::Session> next = std::move(sessions_.front());
    sessions_.pop_front();
    return next;
  }

 private:
  bool Concerns(const domain::TransportName& transport) const {
    return transport.tenant == parent_.tenant &&
           (parent_.transport == "-" || parent_.transport == transport.transport);
  }

  static absl::Status FellBehind() {
    return domain::MakeError(
        absl::StatusCode::kResourceExhausted,
        fmt::format("the reader fell behind by more than {} changes; watch again",
                    kSessionWatchQueueMax),
        domain::ErrorDetail{"WATCH_FELL_BEHIND", {}, {}, {}, {}});
  }

  const domain::TransportName parent_;
  const std::function<void()> on_ready_;
  std::mutex mutex_;
  std::deque<domain::Session> sessions_;  // guarded by mutex_
  bool overflowed_ = false;               // guarded by mutex_
};

// First what the registry holds, in batches, then what the queue has.
class SessionWatch final : public WatchSource<pb::WatchSessionsResponse> {
 public:
  // Subscribes before it lists, so that no change falls between.
  SessionWatch(workers::SessionRegistry& registry, domain::TransportName parent,
               std::function<void()> on_ready)
      : registry_(registry),
        parent_(std::move(parent)),
        queue_(std::make_shared<Queue>(parent_, std::move(on_ready))),
        subscription_(registry.Subscribe(
            [queue = queue_](const domain::Session& session) { queue->Add(session); })) {}

  absl::StatusOr<std::optional<pb::WatchSessionsResponse>> Next() override {
    auto next = NextSession();
    if (!next.ok()) return next.status();
    if (!next->has_value()) return std::nullopt;
    pb::WatchSessionsResponse response;
    *response.mutable_session() = ToProto(**next);
    return std::optional(std::move(response));
  }

 private:
  absl::StatusOr<std::optional<domain::Session>> NextSession() {
    if (batch_.empty() && !listed_) FillBatch();
    if (batch_.empty()) return queue_->Next();
    std::optional<domain::Session> next = std::move(batch_.front());
    batch_.pop_front();
    return next;
  }

  void FillBatch() {
    std::vector<domain::Session> sessions =
        registry_.List(parent_, after_, kBatchSize, /*show_ended=*/false);
    listed_ = sessions.size() < kBatchSize;
    if (!sessions.empty()) after_ = sessions.back().name.session_id;
    batch_.assign(std::make_move_iterator(sessions.begin()),
                  std::make_move_iterator(sessions.end()));
  }

  workers::SessionRegistry& registry_;
  const domain::TransportName parent_;
  const std::shared_ptr<Queue> queue_;
  const workers::SessionRegistry::Subscription subscription_;
  uint64_t after_ = 0;
  bool listed_ = false;
  std::deque<domain::Session> batch_;
};

}  // namespace

std::unique_ptr<WatchSource<pb::WatchSessionsResponse>> WatchSessions(
    workers::SessionRegistry& registry, domain::TransportName parent,
    std::function<void()> on_ready) {
  return std::make_unique<SessionWatch>(registry, std::move(parent), std::move(on_ready));
}

}  // namespace penstock::api
