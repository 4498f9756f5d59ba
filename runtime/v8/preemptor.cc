#include "runtime/v8/preemptor.h"

#include "runtime/v8/compat.h"

namespace penstock::engine {

Preemptor::Preemptor(std::chrono::nanoseconds slice)
    : tick_(slice / 2), watcher_([this] { Watch(); }) {}

Preemptor::~Preemptor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    asleep_ = false;
  }
  wake_.notify_one();
  watcher_.join();
}

void Preemptor::Enter(Preemptible& guest) {
  guest_ = &guest;
  run_.store(run_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // Sequentially consistent, as are the watcher's: either it sees the guest, or we see it asleep.
  running_.store(guest.isolate());
  if (asleep_.load()) WakeWatcher();
}

void Preemptor::Leave() {
  guest_ = nullptr;
  running_.store(nullptr, std::memory_order_release);
}

void Preemptor::Forget(v8::Isolate*) {
  // running_ is null since Leave(): a watcher that still uses the isolate holds the mutex.
  const std::lock_guard lock(mutex_);
}

void Preemptor::WakeWatcher() {
  {
    const std::lock_guard lock(mutex_);
    asleep_ = false;
  }
  wake_.notify_one();
}

void Preemptor::Watch() {
  std::unique_lock lock(mutex_);
  uint64_t seen_run = 0;
  while (!stopping_) {
    v8::Isolate* const isolate = running_.load();
    const uint64_t run = run_.load(std::memory_order_relaxed);
    if (isolate != nullptr && run == seen_run &&
        interrupted_run_.load(std::memory_order_relaxed) != run) {
      interrupted_run_.store(run, std::memory_order_relaxed);
      isolate->RequestInterrupt(&OnInterrupt, this);
    }
    if (isolate == nullptr && run == seen_run) {
      asleep_.store(true);
      if (running_.load() == nullptr) wake_.wait(lock, [this] { return !asleep_.load(); });
      asleep_.store(false);
    }
    seen_run = run;
    wake_.wait_for(lock, tick_, [this] { return stopping_; });
  }
}

void Preemptor::OnInterrupt(v8::Isolate*, void* self) {
  auto* const preemptor = static_cast<Preemptor*>(self);
  Preemptible* const guest = preemptor->guest_;
  // Requested for a run that has ended meanwhile.
  if (guest == nullptr || preemptor->interrupted_run_.load(std::memory_order_relaxed) !=
                              preemptor->run_.load(std::memory_order_relaxed)) {
    return;
  }
  guest->OnSliceOver();
  // The next slice of this guest, unless a switch has started one already; harmless if so.
  preemptor->Enter(*guest);
}

}  // namespace penstock::engine
