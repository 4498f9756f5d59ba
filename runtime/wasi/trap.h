#pragma once

#include <cstdint>
#include <string>

namespace penstock::wasi {

// Why a guest must not run on. Raised by a host function instead of a result; the engine unwinds
// the guest.
struct Trap {
  enum class Kind {
    kExit,       // proc_exit; `exit_code` is set
    kCancelled,  // the session is being stopped, or ran into a deadline
    kViolation,  // the guest did what a host function cannot answer with an errno
  };
  Kind kind;
  uint32_t exit_code = 0;
  std::string message;
};

}  // namespace penstock::wasi
