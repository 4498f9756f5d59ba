#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::app {

// What was asked of one transport.
struct DesiredTransport {
  std::string uid;
  bool enabled = false;
  int64_t revision = 0;
  std::string module_sha256;  // empty: there is no such module
  std::string listen;         // with the assigned port where one was asked for as 0
};

// What is in place of it.
struct ActualTransport {
  enum class Load : uint8_t { kNone, kLoading, kLoaded, kFailed };

  std::string uid;  // of the transport that this belongs to; empty: nothing was given to workers
  Load load = Load::kNone;
  int64_t revision = 0;       // that was last given to the workers
  std::string module_sha256;  // likewise
  std::string listen;         // that is bound, as it was asked for; empty: nothing is
  bool port_saved = true;     // an assigned port is in the store
  uint32_t session_count = 0;
};

enum class Action : uint8_t {
  kCloseListener,
  kWithdraw,  // take the transport from the workers: no new sessions
  kStopSessions,
  kForget,
  kLoad,    // give the workers the desired revision; goes on when they have loaded it
  kListen,  // bind the desired address, and give up any other
  kSavePort,
};

// What to do next to get from `actual` to `desired` (null: deleted), in order; nothing when all is
// as asked or something is under way. Pure.
//
// The new revision is loaded before anything old is given up, and a listener whose address stays
// is never touched: its sessions go on, and new ones get the new revision.
std::vector<Action> MakePlan(const DesiredTransport* desired, const ActualTransport& actual);

}  // namespace penstock::app
