#include "runtime/v8/trap_signal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>

#include "base/status.h"
#include "runtime/v8/compat.h"

namespace penstock::engine {
namespace {

constexpr size_t kSignalStackByteCount = 64 * 1024;

struct sigaction g_previous {};
alignas(16) std::array<std::byte, kSignalStackByteCount> g_signal_stack;

// Hands a real fault to whoever had the signal before. Async-signal-safe.
void Chain(int signal, siginfo_t* info, void* context) {
  if ((g_previous.sa_flags & SA_SIGINFO) != 0 && g_previous.sa_sigaction != nullptr) {
    g_previous.sa_sigaction(signal, info, context);
    return;
  }
  if (g_previous.sa_handler != SIG_DFL && g_previous.sa_handler != SIG_IGN) {
    g_previous.sa_handler(signal);
    return;
  }
  // Back to the default: the faulting instruction runs again and ends the process with the signal.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  (void)sigaction(signal, &standard, nullptr);
  if (info->si_code <= 0) (void)raise(signal);  // sent by a process; nothing will fault again
}

void OnFault(int signal, siginfo_t* info, void* context) {
  if (v8::TryHandleWebAssemblyTrapPosix(signal, info, context)) return;
  Chain(signal, info, context);
}

// A sanitizer has given the thread its own alternate stack already; that one is kept.
absl::Status UseSignalStack() {
  stack_t current{};
  if (sigaltstack(nullptr, &current) != 0) return ErrnoStatus(errno, "sigaltstack");
  if ((current.ss_flags & SS_DISABLE) == 0) return absl::OkStatus();
  stack_t stack{};
  stack.ss_sp = g_signal_stack.data();
  stack.ss_size = g_signal_stack.size();
  if (sigaltstack(&stack, nullptr) != 0) return ErrnoStatus(errno, "sigaltstack");
  return absl::OkStatus();
}

}  // namespace

absl::Status InstallTrapSignalHandler() {
  RETURN_IF_ERROR(UseSignalStack());
  struct sigaction action {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  (void)sigemptyset(&action.sa_mask);
  if (sigaction(SIGSEGV, &action, &g_previous) != 0) return ErrnoStatus(errno, "sigaction");
  return absl::OkStatus();
}

}  // namespace penstock::engine
