// penstock-load: the load generator and the backend of tests/bench.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/status.h"
#include "fmt/format.h"
#include "tests/bench/load/backend.h"
#include "tests/bench/load/bulk.h"
#include "tests/bench/load/command_line.h"
#include "tests/bench/load/idle_hold.h"
#include "tests/bench/load/ping_pong.h"
#include "tests/bench/load/session_rate.h"
#include "tests/bench/load/socket.h"

namespace penstock::bench {
namespace {

constexpr int kExitUsage = 2;

void Print(const Report& report) {
  fmt::print("{}\n", report.ToJson());
  std::fflush(stdout);
}

// Whether a line, or the end of file, waits on standard input.
bool InputWaits() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, /*timeout=*/0) > 0;
}

// CPU time of this process so far, user and system.
double CpuSeconds() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

absl::StatusOr<Report> Run(const CommandLine& command_line, const Backend& backend) {
  const LoadOptions& load = command_line.load;
  switch (command_line.mode) {
    case Mode::kBulk:
    case Mode::kBulkEcho:
      return RunBulk(load, BackendModeFor(command_line), backend);
    case Mode::kPingPong:
      return RunPingPong(load);
    case Mode::kSessions:
      return RunSessionRate(load);
    case Mode::kIdle:
      return RunIdleHold(load, {.on_held = Print, .released = InputWaits});
  }
  return absl::InternalError("unreachable");
}

absl::Status Main(CommandLine command_line) {
  RaiseDescriptorLimit();
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend,
                   Backend::Start(command_line.backend, BackendModeFor(command_line)));
  if (!command_line.has_target) command_line.load.target = backend->address();
  ASSIGN_OR_RETURN(Report report, Run(command_line, *backend));
  report.Set("load_cpu_seconds", CpuSeconds());
  Print(report);
  return absl::OkStatus();
}

}  // namespace
}  // namespace penstock::bench

int main(int argc, char** argv) {
  using namespace penstock;
  const absl::StatusOr<bench::CommandLine> command_line = bench::ParseCommandLine(argc, argv);
  if (!command_line.ok()) {
    fmt::print(stderr, "penstock-load: {}\n{}", MessageOf(command_line.status()), bench::kUsage);
    return bench::kExitUsage;
  }
  if (const absl::Status status = bench::Main(*command_line); !status.ok()) {
    fmt::print(stderr, "penstock-load: {}\n", MessageOf(status));
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
