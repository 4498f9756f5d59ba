#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"
#include "server/domain/names.h"
#include "server/net/timers.h"
#include "server/workers/sessions.h"

namespace penstock::workers {

// Connections that wait for a worker, oldest first, each for at most a while.
//
// Threads:  the control loop's.
// Lifetime: borrows `timers`.
class PendingQueue final {
 public:
  struct Entry {
    domain::TransportName transport;
    Connection connection;
  };

  // `on_expired` is called for each connection that waited too long; it is closed by destroying it.
  PendingQueue(net::Timers& timers, size_t size_max, std::chrono::nanoseconds timeout,
               std::function<void(Entry)> on_expired)
      : timers_(timers),
        size_max_(size_max),
        timeout_(timeout),
        on_expired_(std::move(on_expired)) {}

  // False, and the entry is not taken, when the queue is full.
  bool Push(Entry& entry);
  // The oldest; nullptr when there is none.
  const Entry* front() const;
  // Takes the oldest out. Precondition: there is one.
  Entry TakeFront();
  // Drops the connections of a transport; how many there were.
  size_t Drop(const domain::TransportName& transport);
  uint32_t Count(const domain::TransportName& transport) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Waiting {
    Entry entry;
    net::Timers::Handle expiry;
  };
  void Expire(uint64_t key);

  net::Timers& timers_;
  const size_t size_max_;
  const std::chrono::nanoseconds timeout_;
  std::function<void(Entry)> on_expired_;
  std::map<uint64_t, Waiting> entries_;  // by order of arrival
  uint64_t next_key_ = 0;
};

}  // namespace penstock::workers
