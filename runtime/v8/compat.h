#pragma once

// V8 as Penstock uses it: 10.2 (Debian 12, Ubuntu 24.04) and 11.3 (Debian 13). Whatever differs
// between them, and what their packages leave out, is here and nowhere else.

#include <libplatform/libplatform.h>
#include <v8.h>

#include <csignal>
#include <string_view>

namespace v8 {

// v8-wasm-trap-handler-posix.h, which the packages do not ship although the library exports it.
V8_EXPORT bool TryHandleWebAssemblyTrapPosix(int sig_code, siginfo_t* info, void* context);

}  // namespace v8

namespace penstock::engine {

// Flags that only some versions know. The module inspector rejects exception opcodes and shared
// memories in any case; where V8 can still be told, it is told as well.
#if V8_MAJOR_VERSION < 11
inline constexpr std::string_view kVersionFlags[] = {"--no-experimental-wasm-eh",
                                                     "--no-experimental-wasm-threads"};
#else
inline constexpr std::string_view kVersionFlags[] = {"--no-verify-snapshot-checksum"};
#endif

}  // namespace penstock::engine
