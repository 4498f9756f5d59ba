#include "runtime/watm/sequence.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/watm/limits.h"

namespace penstock::watm {
namespace {

using wasi::Errno;

// Set when the sequence is over.
using Ended = std::optional<SequenceResult>;

constexpr int32_t Negative(Errno code) { return -static_cast<int32_t>(code); }

SequenceResult End(EndReason reason, std::string message) {
  if (message.size() > kEndMessageByteCountMax) message.resize(kEndMessageByteCountMax);
  return {.reason = reason, .message = std::move(message)};
}

// How a call that did not return ends the session.
SequenceResult EndOfBrokenCall(std::string_view name, const CallOutcome& outcome) {
  const auto say = [&](std::string_view what) { return fmt::format("{} in {}", what, name); };
  switch (outcome.kind) {
    case CallOutcome::Kind::kReturned:
      break;
    case CallOutcome::Kind::kExited:
      return End(EndReason::kGuestExit, fmt::format("exit with code {} in {}",
                                                    static_cast<uint32_t>(outcome.value), name));
    case CallOutcome::Kind::kCancelled:
      return End(EndReason::kStopped, say("stopped"));
    case CallOutcome::Kind::kTrapped:
      return End(EndReason::kGuestTrap, fmt::format("trap in {}: {}", name, outcome.message));
    case CallOutcome::Kind::kCpuLimit:
      return End(EndReason::kCpuLimit, say("CPU limit"));
    case CallOutcome::Kind::kMemoryLimit:
      return End(EndReason::kMemoryLimit, say("memory limit"));
  }
  PENSTOCK_CHECK(false);
}

bool HasInternal(wasm::Role role) { return role != wasm::Role::kRelay; }

// One run; a method a step.
class Sequence {
 public:
  explicit Sequence(const SequenceContext& context) : context_(context) {}

  SequenceResult Run() {
    if (Ended ended = Initialise()) return *std::move(ended);
    if (Ended ended = ExpectZero("watm_init_v1", {})) return *std::move(ended);
    if (Ended ended = TakeRole()) return *std::move(ended);
    if (Ended ended = HandOverControlPipe()) return *std::move(ended);
    context_.observer.OnActive();
    return Start();
  }

 private:
  // Runs the module's constructors: without them, TinyGo and C modules trap later.
  Ended Initialise() {
    if (context_.guest.HasExport("_initialize")) {
      const CallOutcome outcome = context_.guest.Call("_initialize", {});
      if (outcome.kind == CallOutcome::Kind::kReturned) return std::nullopt;
      return EndOfBrokenCall("_initialize", outcome);
    }
    if (!context_.guest.HasExport("_start")) return std::nullopt;
    const CallOutcome outcome = context_.guest.Call("_start", {});
    // Newer TinyGo leaves its empty main() by proc_exit(0); the instance is good nevertheless.
    const bool exited_well = outcome.kind == CallOutcome::Kind::kExited && outcome.value == 0;
    if (outcome.kind == CallOutcome::Kind::kReturned || exited_well) return std::nullopt;
    return EndOfBrokenCall("_start", outcome);
  }

  // Calls an export whose success is 0.
  Ended ExpectZero(std::string_view name, std::span<const int32_t> args) {
    const CallOutcome outcome = context_.guest.Call(name, args);
    if (outcome.kind != CallOutcome::Kind::kReturned) return EndOfBrokenCall(name, outcome);
    if (outcome.value == 0) return std::nullopt;
    return EndOfFailedCall(name, outcome.value);
  }

  // Blames the network where the network failed first.
  SequenceResult EndOfFailedCall(std::string_view name, int32_t value) const {
    const std::string what = fmt::format("{} returned {}", name, value);
    if (const auto& error = context_.host.upstream_error()) {
      return End(EndReason::kUpstreamFailed, fmt::format("{}; upstream: {}", what, *error));
    }
    if (const auto& error = context_.host.dial_error()) {
      return End(EndReason::kDialFailed, fmt::format("{}; dial: {}", what, *error));
    }
    return End(EndReason::kGuestError, what);
  }

  Ended TakeRole() {
    const std::string_view name = RoleExport(context_.role);
    context_.host.BeginRoleCall();
    if (!HasInternal(context_.role)) return ExpectZero(name, {});

    auto internal = context_.host.InsertInternal();
    if (!internal.ok()) return End(EndReason::kGuestError, "no descriptor left for the connection");
    const std::array args = {static_cast<int32_t>(internal.value())};
    const CallOutcome outcome = context_.guest.Call(name, args);
    if (outcome.kind != CallOutcome::Kind::kReturned) return EndOfBrokenCall(name, outcome);
    if (outcome.value < 0) return EndOfFailedCall(name, outcome.value);
    if (!context_.host.ObtainedInRoleCall(outcome.value)) {
      return End(EndReason::kBadDescriptor,
                 fmt::format("{} returned descriptor {}, which it did not obtain from water_dial, "
                             "water_dial_fixed or water_accept, or has closed",
                             name, outcome.value));
    }
    return ConnectUpstream();
  }

  // The module's handshake is done: only now the listener's upstream learns of the connection.
  Ended ConnectUpstream() {
    auto connected = context_.host.ConnectUpstream();
    if (!connected.ok() && connected.failure().is_trap()) {
      return End(EndReason::kStopped, connected.failure().trap().message);
    }
    const auto& error = context_.host.upstream_error();
    if (error) return End(EndReason::kUpstreamFailed, *error);
    return std::nullopt;
  }

  Ended HandOverControlPipe() {
    auto control = context_.fds.InsertSocket(context_.control_pipe);
    if (!control.ok()) {
      return End(EndReason::kGuestError, "no descriptor left for the control pipe");
    }
    return ExpectZero("watm_ctrlpipe_v1", std::array{static_cast<int32_t>(control.value())});
  }

  SequenceResult Start() {
    constexpr std::string_view kName = "watm_start_v1";
    const CallOutcome outcome = context_.guest.Call(kName, {});
    if (outcome.kind != CallOutcome::Kind::kReturned) return EndOfBrokenCall(kName, outcome);
    // Shipped modules answer a plain end of stream with -EPIPE.
    const bool told_to_end =
        outcome.value == Negative(Errno::kCanceled) && context_.control_pipe->exit_sent();
    if (outcome.value == 0 || outcome.value == Negative(Errno::kPipe) || told_to_end) {
      return End(EndReason::kCompleted, "");
    }
    return EndOfFailedCall(kName, outcome.value);
  }

  const SequenceContext& context_;
};

}  // namespace

SequenceResult RunSequence(const SequenceContext& context) { return Sequence(context).Run(); }

std::string_view RoleExport(wasm::Role role) {
  switch (role) {
    case wasm::Role::kDialer:
      return "watm_dial_v1";
    case wasm::Role::kDialerFixed:
      return "watm_dial_fixed_v1";
    case wasm::Role::kListener:
      return "watm_accept_v1";
    case wasm::Role::kRelay:
      return "watm_associate_v1";
  }
  PENSTOCK_CHECK(false);
}

}  // namespace penstock::watm
