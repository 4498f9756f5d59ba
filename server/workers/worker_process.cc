#include "server/workers/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace penstock::workers {
namespace {

// Lowest number of the descriptors that are handed over while the child's own are laid out, so that
// no dup2(2) overwrites one that is still needed.
constexpr int kSafeFdMin = 16;

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's two option objects, built and released together. Their setters fail only when out
// of memory, which posix_spawn then reports.
class SpawnOptions final {
 public:
  SpawnOptions() {
    (void)posix_spawn_file_actions_init(&actions_);
    (void)posix_spawnattr_init(&attributes_);
  }
  ~SpawnOptions() {
    (void)posix_spawn_file_actions_destroy(&actions_);
    (void)posix_spawnattr_destroy(&attributes_);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;

  void SetDescriptors(int channel_fd, int counters_fd) {
    (void)posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions_, channel_fd, kChannelFd);
    if (counters_fd >= 0) {
      (void)posix_spawn_file_actions_adddup2(&actions_, counters_fd, kCountersFd);
    }
    (void)posix_spawn_file_actions_addclosefrom_np(
        &actions_, counters_fd >= 0 ? kCountersFd + 1 : kChannelFd + 1);
  }

  // penstockd's blocked and ignored signals are no business of the worker's.
  void SetSignalsAndGroup() {
    sigset_t all;
    sigset_t none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigdefault(&attributes_, &all);
    (void)posix_spawnattr_setsigmask(&attributes_, &none);
    (void)posix_spawnattr_setpgroup(&attributes_, 0);
    (void)posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

absl::StatusOr<UniqueFd> Lift(int fd) {
  UniqueFd lifted(fcntl(fd, F_DUPFD_CLOEXEC, kSafeFdMin));
  if (!lifted) return ErrnoStatus(errno, "F_DUPFD_CLOEXEC");
  return lifted;
}

absl::StatusOr<pid_t> SpawnChild(const SpawnSpec& spec) {
  ASSIGN_OR_RETURN(const UniqueFd channel, Lift(spec.channel_fd));
  UniqueFd counters;
  if (spec.counters_fd >= 0) {
    ASSIGN_OR_RETURN(counters, Lift(spec.counters_fd));
  }
  SpawnOptions options;
  options.SetDescriptors(channel.get(), counters.get());
  options.SetSignalsAndGroup();
  std::vector<std::string> arguments = spec.arguments;
  arguments.insert(arguments.begin(), spec.path);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, spec.path.c_str(), options.actions(), options.attributes(),
                                Pointers(arguments).data(), Pointers(spec.environment).data());
  if (error != 0) return ErrnoStatus(error, fmt::format("cannot start {}", spec.path));
  return pid;
}

std::string Describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return fmt::format("exit status {}", info.si_status);
  return fmt::format("signal {} ({})", info.si_status, strsignal(info.si_status));
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Spawn(
    asio::io_context& io, const SpawnSpec& spec, std::function<void(std::string)> on_exit) {
  ASSIGN_OR_RETURN(const pid_t pid, SpawnChild(spec));
  std::unique_ptr<WorkerProcess> process(new WorkerProcess(pid, std::move(on_exit)));
  RETURN_IF_ERROR(process->Watch(io));
  return process;
}

absl::Status WorkerProcess::Watch(asio::io_context& io) {
  pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) return ErrnoStatus(errno, "pidfd_open");
  ASSIGN_OR_RETURN(auto watch, net::FdWatch::Create(io, pidfd_.get()));
  watch_.emplace(std::move(watch));
  watch_->AwaitReadable([this] { OnExit(); });
  return absl::OkStatus();
}

void WorkerProcess::OnExit() {
  siginfo_t info{};
  // The descriptor is readable once the process has ended: this does not block.
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) info = {};
  reaped_ = true;
  const auto on_exit = std::move(on_exit_);
  on_exit(Describe(info));
}

void WorkerProcess::Kill() {
  // Not reaped yet, so the number is still this process's.
  if (!reaped_) (void)kill(pid_, SIGKILL);
}

WorkerProcess::~WorkerProcess() {
  watch_.reset();
  if (reaped_) return;
  Kill();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace penstock::workers
