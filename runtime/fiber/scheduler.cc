#include "runtime/fiber/scheduler.h"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <utility>

#include "base/check.h"
#include "runtime/fiber/sanitizer.h"
#include "runtime/fiber/stack_pool.h"

namespace penstock {
namespace {

namespace intrusive = boost::intrusive;
using Context = boost::context::fiber;

// Lends a pooled stack to boost.context, which would otherwise own it.
class LentStack final {
 public:
  explicit LentStack(const Stack& stack) {
    lent_.sp = stack.high();
    lent_.size = stack.byte_count();
  }
  boost::context::stack_context allocate() { return lent_; }
  void deallocate(boost::context::stack_context&) {}

 private:
  boost::context::stack_context lent_;
};

}  // namespace

// Linked into the run queue while runnable, into the deadlines while parked with one.
class Fiber final : public intrusive::list_base_hook<>, public intrusive::set_base_hook<> {
 public:
  Fiber(std::function<void()> new_body, Stack new_stack)
      : body(std::move(new_body)),
        stack(std::move(new_stack)),
        view(stack.low(), stack.byte_count()) {}

  std::function<void()> body;
  Stack stack;
  sanitizer::StackView view;
  Context context;  // where it goes on; empty while it runs and once its body has returned
  SwitchObserver* observer = nullptr;
  MonotonicTime deadline = kNoDeadline;
  MonotonicTime runnable_since{};  // set only if waits are counted
  bool parked = false;
  bool ready = false;    // Ready() came and no Park() has reported it yet
  bool expired = false;  // the deadline ended the park
  bool cancelled = false;
};

namespace {

struct EarlierDeadline {
  bool operator()(const Fiber& a, const Fiber& b) const { return a.deadline < b.deadline; }
};

}  // namespace

struct Scheduler::State {
  State(const Clock& new_clock, Options new_options)
      : clock(new_clock),
        options(new_options),
        stacks(options.stack_byte_count, options.idle_stacks_max) {}

  void Enqueue(Fiber& fiber);
  void Unpark(Fiber& fiber);
  void UnparkExpired();
  void CountWait(const Fiber& fiber);
  void Resume(Fiber& fiber);
  void Suspend(Fiber& fiber);
  Context Main(Fiber& fiber, Context&& caller);

  const Clock& clock;
  const Options options;
  StackPool stacks;
  intrusive::list<Fiber> runnable;
  intrusive::multiset<Fiber, intrusive::compare<EarlierDeadline>> deadlines;
  Fiber* running = nullptr;
  Context thread_context;  // the thread's own stack, while a fiber runs
  sanitizer::StackView thread_view;
  size_t fiber_count = 0;
};

void Scheduler::State::Enqueue(Fiber& fiber) {
  if (options.counters != nullptr) fiber.runnable_since = clock.Now();
  runnable.push_back(fiber);
}

void Scheduler::State::Unpark(Fiber& fiber) {
  fiber.parked = false;
  if (fiber.deadline != kNoDeadline) deadlines.erase(deadlines.iterator_to(fiber));
  fiber.deadline = kNoDeadline;
  Enqueue(fiber);
}

void Scheduler::State::UnparkExpired() {
  if (deadlines.empty()) return;
  const MonotonicTime now = clock.Now();
  while (!deadlines.empty() && deadlines.begin()->deadline <= now) {
    Fiber& fiber = *deadlines.begin();
    fiber.expired = true;
    Unpark(fiber);
  }
}

void Scheduler::State::CountWait(const Fiber& fiber) {
  if (options.counters == nullptr) return;
  const auto waited_ns =
      static_cast<uint64_t>(std::max<int64_t>(0, (clock.Now() - fiber.runnable_since).count()));
  const auto bound = std::ranges::lower_bound(kSchedulerWaitBounds_ns, waited_ns);
  const auto bucket = static_cast<size_t>(bound - kSchedulerWaitBounds_ns.begin());
  WorkerCounters& counters = *options.counters;
  counters.scheduler_wait_sum_ns.fetch_add(waited_ns, std::memory_order_relaxed);
  counters.scheduler_wait_count[bucket].fetch_add(1, std::memory_order_relaxed);
}

void Scheduler::State::Resume(Fiber& fiber) {
  CountWait(fiber);
  running = &fiber;
  thread_view.Leave(fiber.view);
  fiber.context = std::move(fiber.context).resume();
  thread_view.Enter(fiber.view);
  running = nullptr;
  if (fiber.context) return;
  stacks.Return(std::move(fiber.stack));
  delete &fiber;
  --fiber_count;
}

void Scheduler::State::Suspend(Fiber& fiber) {
  if (fiber.observer != nullptr) fiber.observer->OnSuspend();
  fiber.view.Leave(thread_view);
  thread_context = std::move(thread_context).resume();
  fiber.view.Enter(thread_view);
  if (fiber.observer != nullptr) fiber.observer->OnResume();
}

Context Scheduler::State::Main(Fiber& fiber, Context&& caller) {
  thread_context = std::move(caller);
  fiber.view.Enter(thread_view);
  fiber.body();
  fiber.body = nullptr;  // what it captured may still need a fiber to stand on
  fiber.view.LeaveForEver(thread_view);
  return std::move(thread_context);
}

Scheduler::Scheduler(const Clock& clock, Options options)
    : state_(std::make_unique<State>(clock, options)) {}

Scheduler::~Scheduler() { PENSTOCK_CHECK(state_->fiber_count == 0); }

Fiber* Scheduler::Spawn(std::function<void()> body) {
  Stack stack = state_->stacks.Take();
  if (!stack) return nullptr;
  auto fiber = std::make_unique<Fiber>(std::move(body), std::move(stack));
  fiber->context = Context(std::allocator_arg, LentStack(fiber->stack),
                           [state = state_.get(), self = fiber.get()](Context&& caller) {
                             return state->Main(*self, std::move(caller));
                           });
  ++state_->fiber_count;
  state_->Enqueue(*fiber);
  return fiber.release();  // Resume() deletes it when its body has returned
}

const Clock& Scheduler::clock() const { return state_->clock; }

Fiber* Scheduler::current() const { return state_->running; }

Wake Scheduler::Park(MonotonicTime deadline) {
  PENSTOCK_CHECK(state_->running != nullptr);
  Fiber& fiber = *state_->running;
  if (!fiber.cancelled && !fiber.ready) {
    fiber.parked = true;
    fiber.deadline = deadline;
    if (deadline != kNoDeadline) state_->deadlines.insert(fiber);
    state_->Suspend(fiber);
  }
  const bool expired = std::exchange(fiber.expired, false);
  if (fiber.cancelled) return Wake::kCancelled;
  if (expired) return Wake::kDeadline;
  fiber.ready = false;
  return Wake::kReady;
}

void Scheduler::Yield() {
  PENSTOCK_CHECK(state_->running != nullptr);
  Fiber& fiber = *state_->running;
  state_->Enqueue(fiber);
  state_->Suspend(fiber);
}

void Scheduler::Ready(Fiber& fiber) {
  fiber.ready = true;
  if (fiber.parked) state_->Unpark(fiber);
}

void Scheduler::Cancel(Fiber& fiber) {
  fiber.cancelled = true;
  if (fiber.parked) state_->Unpark(fiber);
}

void Scheduler::ClearCancel(Fiber& fiber) { fiber.cancelled = false; }

bool Scheduler::cancelled(const Fiber& fiber) const { return fiber.cancelled; }

bool Scheduler::parked(const Fiber& fiber) const { return fiber.parked; }

void Scheduler::SetObserver(Fiber& fiber, SwitchObserver* observer) { fiber.observer = observer; }

std::byte* Scheduler::stack_low(const Fiber& fiber) const { return fiber.stack.low(); }

void Scheduler::RunReady() {
  PENSTOCK_CHECK(state_->running == nullptr);
  state_->UnparkExpired();
  // What becomes runnable meanwhile goes behind these, and waits for the next call.
  for (size_t left = state_->runnable.size(); left > 0; --left) {
    Fiber& fiber = state_->runnable.front();
    state_->runnable.pop_front();
    state_->Resume(fiber);
  }
}

bool Scheduler::has_ready() const { return !state_->runnable.empty(); }

MonotonicTime Scheduler::next_deadline() const {
  return state_->deadlines.empty() ? kNoDeadline : state_->deadlines.begin()->deadline;
}

size_t Scheduler::fiber_count() const { return state_->fiber_count; }

}  // namespace penstock
