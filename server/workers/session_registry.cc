#include "server/workers/session_registry.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::workers {
namespace {

// IDs begin at the wall clock's milliseconds times 2^20: below 2^63 for two centuries, and above
// everything that an earlier run gave out unless it began a million sessions a millisecond.
constexpr int kIdShift = 20;

uint64_t FirstId(const Clock& clock) {
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.WallNow().time_since_epoch());
  const auto milliseconds = static_cast<uint64_t>(std::max<int64_t>(since_epoch.count(), 0));
  return (milliseconds << kIdShift) + 1;
}

bool Covers(const domain::TransportName& parent, const domain::TransportName& name) {
  return parent.tenant == name.tenant &&
         (parent.transport == "-" || parent.transport == name.transport);
}

size_t IndexOf(domain::Role role) { return static_cast<size_t>(role); }

}  // namespace

SessionRegistry::SessionRegistry(const Clock& clock) : clock_(clock), next_id_(FirstId(clock)) {}

domain::Session SessionRegistry::Snapshot(const Entry& entry) {
  domain::Session session = entry.session;
  if (entry.figures) entry.figures(session);
  return session;
}

domain::SessionName SessionRegistry::Begin(domain::Session session, Figures figures) {
  {
    const std::lock_guard lock(mutex_);
    session.name.session_id = next_id_++;
    session.state = domain::SessionState::kStarting;
    session.start_time = clock_.WallNow();
    live_by_transport_[session.name.transport].insert(session.name.session_id);
    ++totals_.live[IndexOf(session.role)];
    ++totals_.begun[IndexOf(session.role)];
    live_[session.name.session_id] = {.session = session, .figures = std::move(figures)};
  }
  Notify(session);
  return session.name;
}

void SessionRegistry::Activate(uint64_t session_id) {
  domain::Session changed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(session_id);
    if (found == live_.end()) return;
    found->second.session.state = domain::SessionState::kActive;
    changed = Snapshot(found->second);
  }
  Notify(changed);
}

void SessionRegistry::SetRemoteAddress(uint64_t session_id, std::string address) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(session_id);
  if (found != live_.end()) found->second.session.remote_address = std::move(address);
}

void SessionRegistry::End(uint64_t session_id, EndReason reason, std::string message) {
  domain::Session ended;
  {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(session_id);
    if (found == live_.end()) return;
    ended = Snapshot(found->second);
    live_.erase(found);
    ended.state = domain::SessionState::kEnded;
    ended.end_time = clock_.WallNow();
    ended.end_reason = reason;
    ended.end_message = std::move(message);
    ended.memory_byte_count = 0;  // given back
    KeepEnded(ended);
  }
  Notify(ended);
}

void SessionRegistry::KeepEnded(domain::Session session) {
  const auto siblings = live_by_transport_.find(session.name.transport);
  siblings->second.erase(session.name.session_id);
  if (siblings->second.empty()) live_by_transport_.erase(siblings);
  --totals_.live[IndexOf(session.role)];
  ++totals_.ended[IndexOf(session.role)][static_cast<size_t>(*session.end_reason)];
  ended_order_.push_back(session.name.session_id);
  ended_[session.name.session_id] = std::move(session);
  if (ended_order_.size() <= kEndedMax) return;
  ended_.erase(ended_order_.front());
  ended_order_.pop_front();
}

std::optional<domain::Session> SessionRegistry::Get(const domain::SessionName& name) const {
  const std::lock_guard lock(mutex_);
  if (const auto live = live_.find(name.session_id); live != live_.end()) {
    if (live->second.session.name == name) return Snapshot(live->second);
  } else if (const auto ended = ended_.find(name.session_id); ended != ended_.end()) {
    if (ended->second.name == name) return ended->second;
  }
  return std::nullopt;
}

std::vector<domain::Session> SessionRegistry::List(const domain::TransportName& parent,
                                                   uint64_t after, size_t limit,
                                                   bool show_ended) const {
  const std::lock_guard lock(mutex_);
  std::vector<domain::Session> page;
  auto live = live_.upper_bound(after);
  auto ended = show_ended ? ended_.upper_bound(after) : ended_.end();
  // Both are ordered by ID: merge them.
  while (page.size() < limit && (live != live_.end() || ended != ended_.end())) {
    if (ended == ended_.end() || (live != live_.end() && live->first < ended->first)) {
      if (Covers(parent, live->second.session.name.transport)) {
        page.push_back(Snapshot(live->second));
      }
      ++live;
    } else {
      if (Covers(parent, ended->second.name.transport)) page.push_back(ended->second);
      ++ended;
    }
  }
  return page;
}

uint32_t SessionRegistry::CountLive(const domain::TransportName& transport) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_by_transport_.find(transport);
  return found == live_by_transport_.end() ? 0 : static_cast<uint32_t>(found->second.size());
}

SessionRegistry::Totals SessionRegistry::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

SessionRegistry::Subscription SessionRegistry::Subscribe(
    std::function<void(const domain::Session&)> listener) {
  auto entry = std::make_shared<Listener>();
  entry->call = std::move(listener);
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& known) { return known.expired(); });
  listeners_.push_back(entry);
  // A notification may hold the listener a little longer than its subscriber does: silence it.
  return Subscription(entry.get(), [entry](void*) {
    const std::lock_guard silence(entry->mutex);
    entry->call = nullptr;
  });
}

void SessionRegistry::Notify(const domain::Session& session) {
  std::vector<std::shared_ptr<Listener>> listeners;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& known : listeners_) {
      if (auto listener = known.lock()) listeners.push_back(std::move(listener));
    }
  }
  for (const auto& listener : listeners) {
    const std::lock_guard lock(listener->mutex);
    // A copy: the listener may end its own subscription.
    const auto call = listener->call;
    if (call) call(session);
  }
}

}  // namespace penstock::workers
