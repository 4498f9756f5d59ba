#include "runtime/v8/host_pool.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/check.h"
#include "base/status.h"
#include "runtime/v8/counting.h"
#include "runtime/v8/isolate_host.h"

namespace penstock::engine {
namespace {

// Mappings of an isolate with its instance and the session's stack; 14 to 18 were seen.
constexpr size_t kMappingsPerIsolate = 24;
constexpr size_t kMapCountDefault = 65530;

// Ended instances whose memories an isolate may keep reserved (their pages are given back at once)
// until it is collected, idle or not. Collecting oftener costs more than sessions gain by it.
constexpr int kDeadInstanceCountMax = 32;

}  // namespace

size_t IsolateCountMax() {
  size_t map_count = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> map_count;
  if (map_count == 0) map_count = kMapCountDefault;
  return std::max<size_t>(1, map_count / kMappingsPerIsolate);
}

HostPool::HostPool(Scheduler& scheduler, WorkerCounters& counters, HostPoolOptions options)
    : scheduler_(scheduler),
      counters_(counters),
      options_(std::move(options)),
      preemptor_(options_.slice) {}

HostPool::~HostPool() {
  while (!idle_.empty()) {
    Dispose(std::move(idle_.back().host));
    idle_.pop_back();
  }
  PENSTOCK_CHECK(isolate_count_ == 0);
}

absl::StatusOr<std::unique_ptr<Instance>> HostPool::Instantiate(
    const std::shared_ptr<const CompiledModule>& module, std::string_view tenant,
    InstanceOptions options) {
  PENSTOCK_CHECK(options.import_objects.size() == options_.imports.size());
  ASSIGN_OR_RETURN(std::unique_ptr<IsolateHost> host, Take(module, tenant));
  auto return_host = [this, module,
                      tenant = std::string(tenant)](std::unique_ptr<IsolateHost> returned) {
    Return(module.get(), tenant, std::move(returned));
  };
  return Instance::Create({scheduler_, preemptor_, counters_}, std::move(host),
                          std::move(return_host), std::move(options));
}

absl::StatusOr<std::unique_ptr<IsolateHost>> HostPool::Take(
    const std::shared_ptr<const CompiledModule>& module, std::string_view tenant) {
  const auto found = std::ranges::find_if(idle_, [&](const Idle& idle) {
    return idle.module == module.get() && idle.tenant == tenant;
  });
  if (found != idle_.end()) {
    std::unique_ptr<IsolateHost> host = std::move(found->host);
    idle_.erase(found);
    return host;
  }
  if (isolate_count_ >= options_.isolate_count_max && !idle_.empty()) {
    Dispose(std::move(idle_.back().host));
    idle_.pop_back();
  }
  if (isolate_count_ >= options_.isolate_count_max) {
    return absl::ResourceExhaustedError(
        fmt::format("the worker has all its {} isolates in use", options_.isolate_count_max));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<IsolateHost> host,
                   IsolateHost::Create(module, options_.imports));
  ++isolate_count_;
  Add(counters_.isolate_count, 1);
  return host;
}

void HostPool::Return(const CompiledModule* module, std::string tenant,
                      std::unique_ptr<IsolateHost> host) {
  const auto same = static_cast<size_t>(
      std::ranges::count_if(idle_, [&](const Idle& idle) { return idle.module == module; }));
  if (!host->usable() || same >= options_.idle_per_module_max) return Dispose(std::move(host));
  if (host->dead_instance_count() >= kDeadInstanceCountMax) host->CollectGarbage();
  idle_.push_front({.module = module, .tenant = std::move(tenant), .host = std::move(host)});
  if (idle_.size() <= options_.idle_max) return;
  Dispose(std::move(idle_.back().host));
  idle_.pop_back();
}

void HostPool::Dispose(std::unique_ptr<IsolateHost> host) {
  host.reset();
  disposed_ = true;
  --isolate_count_;
  Add(counters_.isolate_count, -1);
}

bool HostPool::CollectOne() {
  const auto found = std::ranges::find_if(
      idle_, [](const Idle& idle) { return idle.host->dead_instance_count() > 0; });
  if (found != idle_.end()) {
    found->host->CollectGarbage();
    return true;
  }
  if (std::exchange(disposed_, false)) (void)malloc_trim(0);
  return false;
}

void HostPool::Drop(const CompiledModule& module) {
  for (auto at = idle_.begin(); at != idle_.end();) {
    if (at->module != &module) {
      ++at;
      continue;
    }
    Dispose(std::move(at->host));
    at = idle_.erase(at);
  }
}

}  // namespace penstock::engine
