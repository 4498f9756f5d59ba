#include <cstdio>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "server/daemon/config.h"
#include "server/daemon/daemon.h"

namespace penstock::daemon {
namespace {

// Usage errors, as sysexits and most tools have it.
constexpr int kExitUsage = 2;

int Serve(const Config& config) {
  log::Init(config.log_level, config.log_format);
  auto daemon = Daemon::Start(config);
  if (!daemon.ok()) {
    log::Error("cannot start", {{"error", MessageOf(daemon.status())}});
    return 1;
  }
  (*daemon)->Wait();
  return 0;
}

int Main(int argc, char** argv) {
  const auto invocation = ReadInvocation(argc, argv, Environment::OfProcess());
  if (!invocation.ok()) {
    std::fprintf(stderr, "penstockd: %s\n", std::string(MessageOf(invocation.status())).c_str());
    return kExitUsage;
  }
  switch (invocation->action) {
    case Invocation::Action::kServe:
      return Serve(invocation->config);
    case Invocation::Action::kCheckConfig:
      std::puts("the configuration is valid");
      return 0;
    case Invocation::Action::kPrintConfig:
      std::fputs(ToYaml(invocation->config).c_str(), stdout);
      return 0;
    case Invocation::Action::kPrintText:
      std::fputs(invocation->text.c_str(), stdout);
      return 0;
  }
  return 0;
}

}  // namespace
}  // namespace penstock::daemon

int main(int argc, char** argv) { return penstock::daemon::Main(argc, argv); }
