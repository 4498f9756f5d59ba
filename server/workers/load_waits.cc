#include "server/workers/load_waits.h"

#include <utility>

namespace penstock::workers {

void LoadWaits::Add(const domain::TransportName& transport, uint64_t module_key,
                    std::set<int> workers, Done done) {
  waits_[transport] = {
      .module_key = module_key, .workers = std::move(workers), .done = std::move(done)};
}

LoadWaits::Done LoadWaits::Take(const domain::TransportName& transport) {
  const auto found = waits_.find(transport);
  if (found == waits_.end()) return nullptr;
  Done done = std::move(found->second.done);
  waits_.erase(found);
  return done;
}

void LoadWaits::OnLoading(int worker, uint64_t module_key) {
  for (auto& [transport, wait] : waits_) {
    if (wait.module_key == module_key) wait.workers.insert(worker);
  }
}

std::vector<std::function<void()>> LoadWaits::OnLoaded(int worker, uint64_t module_key,
                                                       const absl::Status& status) {
  for (auto& [transport, wait] : waits_) {
    if (wait.module_key != module_key || wait.workers.erase(worker) == 0) continue;
    if (status.ok()) {
      wait.loaded_once = true;
    } else {
      wait.error.Update(status);
    }
  }
  return TakeOver();
}

std::vector<std::function<void()>> LoadWaits::OnLost(int worker) {
  for (auto& [transport, wait] : waits_) wait.workers.erase(worker);
  return TakeOver();
}

std::vector<std::function<void()>> LoadWaits::TakeOver() {
  std::vector<std::function<void()>> deliveries;
  for (auto at = waits_.begin(); at != waits_.end();) {
    if (!at->second.over()) {
      ++at;
      continue;
    }
    deliveries.push_back(
        [done = std::move(at->second.done), error = at->second.error] { done(error); });
    at = waits_.erase(at);
  }
  return deliveries;
}

}  // namespace penstock::workers
