#include <array>
#include <string_view>

#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

// In the order of WorkerStatus::State.
constexpr std::array<std::string_view, 3> kStateNames = {"starting", "ready", "restarting"};
constexpr std::array<std::string_view, 2> kModeNames = {"strict", "dense"};

Family BuildInfo(const Sources& sources) {
  Family family = GaugeFamily("penstock_build_info", "Always 1; says what runs.");
  const std::string v8_version = sources.pool.v8_version();
  Add(family, 1.0, {{"version", sources.version}, {"v8_version", v8_version}});
  return family;
}

Family IsolationMode(const workers::WorkerPool& pool) {
  Family family = GaugeFamily("penstock_worker_isolation_mode",
                              "1 for the mode that workers run in: an isolate for each session "
                              "(strict), or for many of one module (dense).");
  const std::string now = pool.isolation_mode();
  for (const std::string_view mode : kModeNames) {
    Add(family, mode == now ? 1.0 : 0.0, {{"mode", mode}});
  }
  return family;
}

}  // namespace

void AppendWorkerFamilies(const Sources& sources, Families& to) {
  to.push_back(BuildInfo(sources));
  to.push_back(IsolationMode(sources.pool));
  std::array<uint64_t, kStateNames.size()> count_by_state{};
  uint64_t restart_count = 0;
  for (const workers::WorkerStatus& worker : sources.pool.status()) {
    ++count_by_state[static_cast<size_t>(worker.state)];
    restart_count += worker.restart_count;
  }
  Family workers = GaugeFamily("penstock_workers", "Worker processes by state.");
  for (size_t i = 0; i < kStateNames.size(); ++i) {
    Add(workers, count_by_state[i], {{"state", kStateNames[i]}});
  }
  to.push_back(std::move(workers));
  const workers::PoolStats& stats = sources.pool_stats;
  to.push_back(Counter("penstock_worker_restarts_total",
                       "Workers that were started again after they had ended.",
                       static_cast<double>(restart_count)));
  to.push_back(Counter("penstock_worker_stray_messages_total",
                       "Messages about sessions that the sending worker does not have.",
                       static_cast<double>(stats.stray_message_count.load())));
  to.push_back(Counter("penstock_worker_protocol_violations_total",
                       "Workers that were killed for breaking the protocol.",
                       static_cast<double>(stats.protocol_violation_count.load())));
  to.push_back(Gauge("penstock_module_inspections_active",
                     "Uploads that are being inspected or wait for it.",
                     static_cast<double>(stats.inspecting_count.load())));
}

}  // namespace penstock::metrics
