#include <array>
#include <string_view>

#include "base/end_reason.h"
#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

// In the order of Direction.
constexpr std::array<std::string_view, kDirectionCount> kDirectionNames = {
    "accepted_received", "accepted_sent", "dialed_received", "dialed_sent"};

// Calls `visit` for each role that sessions have.
template <typename Visit>
void ForEachRole(const Visit& visit) {
  for (size_t role = 1; role < domain::kRoleNames.size(); ++role) {
    visit(role, domain::kRoleNames[role]);
  }
}

Family SessionBytes(const workers::WorkerPool& pool) {
  std::array<std::array<uint64_t, kDirectionCount>, kRoleSlotCount> sums{};
  pool.VisitCounters([&](const WorkerCounters& counters) {
    for (size_t role = 0; role < kRoleSlotCount; ++role) {
      for (size_t i = 0; i < kDirectionCount; ++i) {
        sums[role][i] += counters.byte_count[role][i].load(std::memory_order_relaxed);
      }
    }
  });
  Family family = CounterFamily("penstock_session_bytes_total",
                                "Payload that modules read and wrote, on the connections that came "
                                "in (accepted) and that went out (dialed).");
  ForEachRole([&](size_t role, std::string_view name) {
    for (size_t i = 0; i < kDirectionCount; ++i) {
      Add(family, sums[role][i], {{"role", name}, {"direction", kDirectionNames[i]}});
    }
  });
  return family;
}

}  // namespace

void AppendSessionFamilies(const Sources& sources, Families& to) {
  const workers::SessionRegistry::Totals totals = sources.registry.totals();
  Family active = GaugeFamily("penstock_sessions_active", "Sessions that live now.");
  Family begun = CounterFamily("penstock_sessions_total", "Sessions that began.");
  Family ended =
      CounterFamily("penstock_sessions_ended_total", "Sessions that ended, by what ended them.");
  ForEachRole([&](size_t role, std::string_view name) {
    Add(active, totals.live[role], {{"role", name}});
    Add(begun, totals.begun[role], {{"role", name}});
    for (size_t reason = 0; reason < kEndReasonCount; ++reason) {
      Add(ended, totals.ended[role][reason], {{"role", name}, {"reason", kEndReasonNames[reason]}});
    }
  });
  Family setup = HistogramFamily("penstock_session_setup_seconds",
                                 "From the accepted connection until the module's worker runs.");
  AddHistogram(setup, sources.pool_stats.session_setup_time);
  Family duration = HistogramFamily("penstock_session_duration_seconds",
                                    "From the module's start until the session's end.");
  AddHistogram(duration, sources.pool_stats.session_duration);
  for (Family* family : {&active, &begun, &ended, &setup, &duration}) {
    to.push_back(std::move(*family));
  }
  to.push_back(SessionBytes(sources.pool));
}

}  // namespace penstock::metrics
