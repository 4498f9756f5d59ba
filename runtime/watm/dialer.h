#pragma once

#include <cstdint>
#include <string>

#include "base/unique_fd.h"

namespace penstock::watm {

// A connection that a guest, or the host on its behalf, wants.
struct DialRequest {
  enum class Target : uint8_t {
    kRemote,    // the address that the operator configured (water_dial_fixed)
    kNamed,     // the address below, under the transport's allow list (water_dial)
    kUpstream,  // the plain side of a listener
  };
  Target target;
  std::string network;  // kNamed only: "tcp", "tcp4" or "tcp6"
  std::string address;  // kNamed only: host:port, as the guest gave it
};

// Outcome of a dial.
struct DialReply {
  enum class Kind : uint8_t {
    kConnected,  // `socket` is connected and non-blocking
    kFailed,     // for any reason of the network or of policy
    kCancelled,  // the session is being ended
  };
  Kind kind;
  UniqueFd socket;
  std::string error;  // kFailed: for the log, never shown to the guest
};

// Makes connections for one session.
class Dialer {
 public:
  virtual ~Dialer() = default;
  // True when the operator configured an address, or an allow list, for `target`.
  virtual bool Configured(DialRequest::Target target) const = 0;
  // Parks the session's fiber until there is an answer.
  virtual DialReply Dial(const DialRequest& request) = 0;
};

}  // namespace penstock::watm
