#pragma once

#include <sys/types.h>

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/net/fd_watch.h"

namespace penstock::workers {

// Descriptors that a worker process is born with, beside standard input and output (/dev/null) and
// standard error (penstockd's). It gets no others.
inline constexpr int kChannelFd = 3;
inline constexpr int kCountersFd = 4;

struct SpawnSpec {
  std::string path;
  std::vector<std::string> arguments;    // after the program's name
  std::vector<std::string> environment;  // "NAME=value"; nothing else is inherited
  int channel_fd = -1;                   // borrowed; becomes kChannelFd
  int counters_fd = -1;                  // borrowed; becomes kCountersFd; -1: none
};

// A child process. Killed and reaped when destroyed.
//
// Threads: the control loop's.
class WorkerProcess final {
 public:
  // Starts `spec` in a process group of its own, so that a terminal's Ctrl-C reaches penstockd
  // alone. `on_exit` is called once, when the process is gone and reaped, with how it ended
  // ("exit status 1", "signal 9 (Killed)"); it may destroy the process object.
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Spawn(
      asio::io_context& io, const SpawnSpec& spec, std::function<void(std::string)> on_exit);

  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  // SIGKILL. Does nothing once the process is gone.
  void Kill();

 private:
  WorkerProcess(pid_t pid, std::function<void(std::string)> on_exit)
      : pid_(pid), on_exit_(std::move(on_exit)) {}
  absl::Status Watch(asio::io_context& io);
  void OnExit();

  pid_t pid_;
  bool reaped_ = false;
  std::function<void(std::string)> on_exit_;
  UniqueFd pidfd_;
  std::optional<net::FdWatch> watch_;  // of pidfd_
};

}  // namespace penstock::workers
