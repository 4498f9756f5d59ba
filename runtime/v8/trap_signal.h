#pragma once

#include "absl/status/status.h"

namespace penstock::engine {

// Installs the process's SIGSEGV handler: a fault of guest code in a memory's guard region becomes
// a WebAssembly trap, any other fault goes to the handler that was there before (a crash reporter,
// a sanitizer) or kills the process as it would have. Runs on an alternate stack of the calling
// thread, so that a fiber's overflow is reported too.
//
// Source: sigaction(2), sigaltstack(2); V8's trap handler as Node drives it.
absl::Status InstallTrapSignalHandler();

}  // namespace penstock::engine
