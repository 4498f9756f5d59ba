#include "server/api/method_stats.h"

namespace penstock::api {
namespace {

constexpr int kUnknown = 2;

size_t CodeIndex(int code) {
  return static_cast<size_t>(code >= 0 && code < static_cast<int>(kCodeCount) ? code : kUnknown);
}

}  // namespace

void MethodStats::Record(Rpc rpc, int code, std::chrono::nanoseconds latency) {
  Method& method = methods_[static_cast<size_t>(rpc)];
  method.count_by_code[CodeIndex(code)].fetch_add(1, std::memory_order_relaxed);
  if (kRpcs[static_cast<size_t>(rpc)].timed == Timed::kYes) method.latency.Observe(latency);
}

uint64_t MethodStats::count(Rpc rpc, int code) const {
  const Method& method = methods_[static_cast<size_t>(rpc)];
  return method.count_by_code[CodeIndex(code)].load(std::memory_order_relaxed);
}

}  // namespace penstock::api
