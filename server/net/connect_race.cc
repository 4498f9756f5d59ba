#include "server/net/connect_race.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace penstock::net {

ConnectRace::ConnectRace(Connector& connector, Timers& timers, Permit permit, Done done)
    : connector_(connector), timers_(timers), permit_(std::move(permit)), done_(std::move(done)) {}

void ConnectRace::Add(const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) {
    std::deque<Endpoint>& queue = endpoint.family() == AF_INET6 ? v6_ : others_;
    if (queue.size() < kFamilyAddressesMax) queue.push_back(endpoint);
  }
  if (next_ == nullptr) TryNext();
}

void ConnectRace::Finish(absl::Status if_none) {
  finished_ = true;
  if (failed_count_ == 0) error_ = std::move(if_none);
  FailIfOver();
}

std::optional<Endpoint> ConnectRace::TakeNext() {
  while (untried_count() > 0) {
    const bool take_v6 = others_.empty() || (prefer_v6_ && !v6_.empty());
    std::deque<Endpoint>& queue = take_v6 ? v6_ : others_;
    const Endpoint endpoint = queue.front();
    queue.pop_front();
    prefer_v6_ = !take_v6;
    const absl::Status permitted = permit_ ? permit_(endpoint) : absl::OkStatus();
    if (permitted.ok()) return endpoint;
    ++failed_count_;
    error_ = permitted;
  }
  return std::nullopt;
}

void ConnectRace::TryNext() {
  next_.reset();
  const std::optional<Endpoint> endpoint = TakeNext();
  if (!endpoint) return FailIfOver();
  const uint64_t attempt = ++attempt_count_;
  attempts_[attempt] =
      connector_.Connect(*endpoint, [this, attempt, endpoint = *endpoint](auto result) {
        OnResult(attempt, endpoint, std::move(result));
      });
  next_ = timers_.After(kAttemptDelay, [this] { TryNext(); });
}

void ConnectRace::OnResult(uint64_t attempt, const Endpoint& endpoint,
                           absl::StatusOr<UniqueFd> result) {
  // Alive until the end of this function, which it called.
  const Connector::Handle self = std::exchange(attempts_[attempt], nullptr);
  attempts_.erase(attempt);
  if (result.ok()) {
    attempts_.clear();
    next_.reset();
    const Done done = std::move(done_);
    return done(Winner{*std::move(result), endpoint});
  }
  ++failed_count_;
  error_ = result.status();
  TryNext();
}

void ConnectRace::FailIfOver() {
  if (!over() || failure_ != nullptr) return;
  next_.reset();
  failure_ = timers_.After({}, [this] {
    const absl::Status error =
        failed_count_ < 2
            ? error_
            : absl::Status(error_.code(), fmt::format("{} (the last of {} addresses)",
                                                      MessageOf(error_), failed_count_));
    const Done done = std::move(done_);
    done(error);
  });
}

}  // namespace penstock::net
