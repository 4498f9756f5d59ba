#include "server/daemon/process.h"

#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "fmt/format.h"
#include "grpc/support/log.h"

namespace penstock::daemon {
namespace {

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
    const absl::Status status = ErrnoStatus(errno, "setrlimit");
    log::Warning("cannot raise the limit of descriptors", {{"error", MessageOf(status)}});
  }
}

// gRPC's errors are warnings here: what matters comes back as a status as well.
void LogFromGrpc(gpr_log_func_args* args) {
  const log::Level level =
      args->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::kWarning : log::Level::kDebug;
  const std::string place = fmt::format("{}:{}", args->file, args->line);
  log::Write(level, "grpc", {{"text", args->message}, {"place", place}});
}

}  // namespace

void PrepareProcess() {
  std::signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  gpr_set_log_function(&LogFromGrpc);
}

}  // namespace penstock::daemon
