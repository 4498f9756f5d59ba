#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace penstock::workers {

// A worker that may take a session.
struct Candidate {
  int worker = 0;  // index
  bool module_loaded = false;
  size_t session_count = 0;
};

// The worker for the next session: one that has compiled the module before one that still must,
// then the one with the fewest sessions. Ties go round: `turn` is any number that grows.
inline std::optional<int> Place(const std::vector<Candidate>& candidates, size_t turn) {
  const Candidate* best = nullptr;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& next = candidates[(turn + i) % candidates.size()];
    if (best == nullptr || next.module_loaded > best->module_loaded ||
        (next.module_loaded == best->module_loaded && next.session_count < best->session_count)) {
      best = &next;
    }
  }
  if (best == nullptr) return std::nullopt;
  return best->worker;
}

}  // namespace penstock::workers
