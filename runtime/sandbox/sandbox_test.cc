#include "runtime/sandbox/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace penstock::sandbox {
namespace {

constexpr int kNoSandbox = 100;

// What `action` does in a sandboxed process: 0 when it succeeds, else its errno.
int InSandbox(const std::function<bool()>& action) {
  const pid_t child = fork();
  if (child == 0) {
    if (!Enter().ok()) _exit(kNoSandbox);
    errno = 0;
    _exit(action() ? 0 : errno);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  return WEXITSTATUS(status);
}

struct SandboxCase {
  std::string name;
  std::function<bool()> action;
  int want;
};

class Sandbox : public testing::TestWithParam<SandboxCase> {};

TEST_P(Sandbox, AllowsWhatAWorkerNeedsAndNothingElse) {
  EXPECT_EQ(InSandbox(GetParam().action), GetParam().want);
}

bool Executes() {
  char* const arguments[] = {nullptr};
  return execve("/bin/true", arguments, arguments) == 0;
}

bool MapsExecutableMemory() {
  void* const page =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

bool StartsAThread() {
  bool ran = false;
  std::thread([&ran] { ran = true; }).join();
  return ran;
}

bool Opens(const char* path, int flags) { return open(path, flags, 0600) >= 0; }

INSTANTIATE_TEST_SUITE_P(
    All, Sandbox,
    testing::Values(
        SandboxCase{"Socket", [] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }, EPERM},
        SandboxCase{"UnixSocket", [] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }, EPERM},
        SandboxCase{"Execve", Executes, EPERM},
        SandboxCase{"Fork", [] { return fork() >= 0; }, EPERM},
        SandboxCase{"KillOthers", [] { return kill(getppid(), 0) == 0; }, EPERM},
        SandboxCase{"OpenToWrite", [] { return Opens("/dev/null", O_WRONLY); }, EPERM},
        SandboxCase{"OpenToReadAndWrite", [] { return Opens("/dev/null", O_RDWR); }, EPERM},
        SandboxCase{"OpenToCreate", [] { return Opens("/tmp/x", O_CREAT); }, EPERM},
        SandboxCase{"Unlink", [] { return unlink("/nothing/there") == 0; }, EPERM},
        SandboxCase{"ReadOwnMappings", [] { return Opens("/proc/self/maps", O_RDONLY); }, 0},
        SandboxCase{"Thread", StartsAThread, 0},
        SandboxCase{"CompiledCode", MapsExecutableMemory, 0}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace penstock::sandbox
