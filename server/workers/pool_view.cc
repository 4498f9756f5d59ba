#include "server/workers/pool_view.h"

#include <utility>

namespace penstock::workers {
namespace {

void Add(const SharedCounter& from, SharedCounter& to) {
  to.fetch_add(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

template <typename T, size_t kCount>
void Add(const std::array<T, kCount>& from, std::array<T, kCount>& to) {
  for (size_t i = 0; i < kCount; ++i) Add(from[i], to[i]);
}

}  // namespace

void AddTotals(const WorkerCounters& from, WorkerCounters& to) {
  Add(from.byte_count, to.byte_count);
  Add(from.trap_count, to.trap_count);
  Add(from.host_call_count, to.host_call_count);
  Add(from.guest_cpu_ns, to.guest_cpu_ns);
  Add(from.module_compile_count, to.module_compile_count);
  Add(from.module_compile_ns, to.module_compile_ns);
  Add(from.instantiate_count, to.instantiate_count);
  Add(from.preempt_count, to.preempt_count);
  Add(from.guest_log_dropped_count, to.guest_log_dropped_count);
  Add(from.scheduler_wait_sum_ns, to.scheduler_wait_sum_ns);
  Add(from.scheduler_wait_count, to.scheduler_wait_count);
}

PoolView::PoolView(int worker_count)
    : status_(static_cast<size_t>(worker_count)),
      counters_(static_cast<size_t>(worker_count)),
      dead_(std::make_unique<WorkerCounters>()) {
  for (size_t i = 0; i < status_.size(); ++i) status_[i].index = static_cast<int>(i);
}

void PoolView::SetWorker(int index, int pid, WorkerStatus::State state, uint64_t restart_count) {
  const std::lock_guard lock(mutex_);
  WorkerStatus& status = status_[static_cast<size_t>(index)];
  status.pid = pid;
  status.state = state;
  status.restart_count = restart_count;
}

void PoolView::SetSessionCount(int index, size_t session_count) {
  const std::lock_guard lock(mutex_);
  status_[static_cast<size_t>(index)].session_count = static_cast<uint32_t>(session_count);
}

void PoolView::SetVersions(std::string v8_version, std::string isolation_mode) {
  const std::lock_guard lock(mutex_);
  v8_version_ = std::move(v8_version);
  isolation_mode_ = std::move(isolation_mode);
}

void PoolView::SetCounters(int index, std::shared_ptr<const SharedCounters> counters) {
  const std::lock_guard lock(mutex_);
  counters_[static_cast<size_t>(index)] = std::move(counters);
}

void PoolView::FoldCounters(int index) {
  const std::lock_guard lock(mutex_);
  auto counters = std::exchange(counters_[static_cast<size_t>(index)], nullptr);
  if (counters != nullptr) AddTotals(**counters, *dead_);
}

std::vector<WorkerStatus> PoolView::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::string PoolView::v8_version() const {
  const std::lock_guard lock(mutex_);
  return v8_version_;
}

std::string PoolView::isolation_mode() const {
  const std::lock_guard lock(mutex_);
  return isolation_mode_;
}

void PoolView::VisitCounters(const std::function<void(const WorkerCounters&)>& visit) const {
  const std::lock_guard lock(mutex_);
  visit(*dead_);
  for (const auto& counters : counters_) {
    if (counters != nullptr) visit(**counters);
  }
}

}  // namespace penstock::workers
