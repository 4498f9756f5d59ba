#include <array>
#include <string_view>

#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

// In the order of TrapCause.
constexpr std::array<std::string_view, kTrapCauseCount> kTrapCauseNames = {
    "unreachable", "memory_out_of_bounds", "stack_overflow", "other"};

constexpr double kNanosecondsPerSecond = 1e9;

// One counter of WorkerCounters as a family.
struct CounterRow {
  std::string_view name;
  std::string_view help;
  SharedCounter WorkerCounters::*counter;
  double divisor = 1;
};

constexpr CounterRow kCounterRows[] = {
    {"penstock_module_compilations_total",
     "Compilations of a module: once for each module and worker process.",
     &WorkerCounters::module_compile_count},
    {"penstock_module_compile_seconds_total", "Time that compilations took.",
     &WorkerCounters::module_compile_ns, kNanosecondsPerSecond},
    {"penstock_instantiations_total", "Instances that were made.",
     &WorkerCounters::instantiate_count},
    {"penstock_host_calls_total", "Calls of modules to their host.",
     &WorkerCounters::host_call_count},
    {"penstock_guest_cpu_seconds_total", "CPU time that modules used.",
     &WorkerCounters::guest_cpu_ns, kNanosecondsPerSecond},
    {"penstock_guest_preemptions_total", "Times that a module was interrupted at its slice's end.",
     &WorkerCounters::preempt_count},
    {"penstock_guest_log_dropped_total", "Lines of module output dropped over the rate limit.",
     &WorkerCounters::guest_log_dropped_count},
};

constexpr CounterRow kGaugeRows[] = {
    {"penstock_isolates", "V8 isolates that exist now.", &WorkerCounters::isolate_count},
    {"penstock_instances", "Module instances that exist now.", &WorkerCounters::instance_count},
    {"penstock_guest_memory_bytes", "Linear memory of all instances.",
     &WorkerCounters::guest_memory_byte_count},
    {"penstock_buffer_bytes", "Memory of the workers' stream buffers.",
     &WorkerCounters::buffer_byte_count},
};

// Sum over all workers.
uint64_t Sum(const workers::WorkerPool& pool, SharedCounter WorkerCounters::*counter) {
  uint64_t sum = 0;
  pool.VisitCounters([&](const WorkerCounters& counters) {
    sum += (counters.*counter).load(std::memory_order_relaxed);
  });
  return sum;
}

double Value(const workers::WorkerPool& pool, const CounterRow& row) {
  return static_cast<double>(Sum(pool, row.counter)) / row.divisor;
}

Family Traps(const workers::WorkerPool& pool) {
  std::array<uint64_t, kTrapCauseCount> sums{};
  pool.VisitCounters([&](const WorkerCounters& counters) {
    for (size_t i = 0; i < kTrapCauseCount; ++i) {
      sums[i] += counters.trap_count[i].load(std::memory_order_relaxed);
    }
  });
  Family family = CounterFamily("penstock_guest_traps_total", "WebAssembly traps of modules.");
  for (size_t i = 0; i < kTrapCauseCount; ++i) {
    Add(family, sums[i], {{"cause", kTrapCauseNames[i]}});
  }
  return family;
}

Family SchedulerWait(const workers::WorkerPool& pool) {
  std::array<uint64_t, kSchedulerWaitBounds_ns.size() + 1> counts{};
  pool.VisitCounters([&](const WorkerCounters& counters) {
    for (size_t i = 0; i < counts.size(); ++i) {
      counts[i] += counters.scheduler_wait_count[i].load(std::memory_order_relaxed);
    }
  });
  std::array<double, kSchedulerWaitBounds_ns.size()> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = static_cast<double>(kSchedulerWaitBounds_ns[i]) / kNanosecondsPerSecond;
  }
  Family family = HistogramFamily("penstock_scheduler_wait_seconds",
                                  "How long a module that could run waited for the processor.");
  const uint64_t sum_ns = Sum(pool, &WorkerCounters::scheduler_wait_sum_ns);
  AddHistogram(family, bounds, counts, static_cast<double>(sum_ns) / kNanosecondsPerSecond);
  return family;
}

}  // namespace

void AppendGuestFamilies(const Sources& sources, Families& to) {
  for (const CounterRow& row : kCounterRows) {
    to.push_back(Counter(std::string(row.name), std::string(row.help), Value(sources.pool, row)));
  }
  for (const CounterRow& row : kGaugeRows) {
    to.push_back(Gauge(std::string(row.name), std::string(row.help), Value(sources.pool, row)));
  }
  to.push_back(Traps(sources.pool));
  to.push_back(SchedulerWait(sources.pool));
}

}  // namespace penstock::metrics
