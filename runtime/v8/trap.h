#pragma once

#include <string>

#include "base/shared_counters.h"
#include "runtime/v8/compat.h"

namespace penstock::engine {

// What V8 says about a guest's failure.
struct GuestTrap {
  TrapCause cause;
  // V8's text and the WebAssembly stack, one frame a line, with function names where the module has
  // them. At most kTrapMessageByteCountMax bytes; holds names that the guest chose.
  std::string message;
};

inline constexpr size_t kTrapMessageByteCountMax = 2048;

// Classifies what `caught` caught. Precondition: it caught an exception, not a termination.
GuestTrap DescribeTrap(v8::Isolate* isolate, v8::Local<v8::Context> context,
                       const v8::TryCatch& caught);

}  // namespace penstock::engine
