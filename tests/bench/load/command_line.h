#pragma once

#include <netinet/in.h>

#include "absl/status/statusor.h"
#include "tests/bench/load/backend.h"
#include "tests/bench/load/measurement.h"

namespace penstock::bench {

enum class Mode { kBulk, kBulkEcho, kPingPong, kSessions, kIdle };

// penstock-load MODE [--flag VALUE ...], as kUsage says.
struct CommandLine {
  Mode mode;
  LoadOptions load;
  bool has_target = false;  // without one, the backend itself is the target
  sockaddr_in backend{};    // where it listens
};

extern const char* const kUsage;

// Fails: INVALID_ARGUMENT, naming the argument.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv);

// How the backend of a run behaves.
BackendMode BackendModeFor(const CommandLine& command_line);

}  // namespace penstock::bench
