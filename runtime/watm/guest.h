#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace penstock::watm {

// How a call into a guest ended.
struct CallOutcome {
  enum class Kind : uint8_t {
    kReturned,     // `value` is what the export returned, 0 if it returns nothing
    kExited,       // proc_exit; `value` is its code
    kCancelled,    // the session was cancelled while the guest waited or ran
    kTrapped,      // a WebAssembly trap, or a wasi::Trap of kind kViolation
    kCpuLimit,     // terminated for running too long without waiting
    kMemoryLimit,  // terminated for exhausting the engine's heap
  };
  Kind kind = Kind::kReturned;
  int32_t value = 0;
  std::string message = {};  // what went wrong, with the wasm backtrace where there is one
};

// One instance of a module, as the sequence runner sees it. Implemented by the engine.
class Guest {
 public:
  virtual ~Guest() = default;
  virtual bool HasExport(std::string_view name) const = 0;
  // Calls an exported function on the session's fiber. Calls do not nest. Precondition:
  // HasExport(name), and Inspect() accepted the module.
  virtual CallOutcome Call(std::string_view name, std::span<const int32_t> args) = 0;
};

}  // namespace penstock::watm
