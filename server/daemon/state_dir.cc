#include "server/daemon/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/status.h"
#include "fmt/format.h"

namespace penstock::daemon {
namespace {

// What the process that has the lock wrote into it.
std::string OwnerOf(int lock) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
  return size > 0 ? fmt::format("process {}", std::string_view(text.data(), size))
                  : std::string("another process");
}

absl::Status Make(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), fmt::format("cannot make {}", path));
  if (made && ::chmod(path.c_str(), 0700) != 0) return ErrnoStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StateDir> StateDir::Open(std::string path) {
  RETURN_IF_ERROR(Make(path));
  const std::string lock_path = path + "/penstockd.lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return ErrnoStatus(errno, fmt::format("cannot open {}", lock_path));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, fmt::format("cannot lock {}", lock_path));
    return absl::FailedPreconditionError(fmt::format(
        "{} is in use by {}; stop it, or choose another --state-dir", path, OwnerOf(lock.get())));
  }
  const std::string pid = fmt::format("{}", ::getpid());
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return ErrnoStatus(errno, fmt::format("cannot write {}", lock_path));
  }
  return StateDir(std::move(path), std::move(lock));
}

}  // namespace penstock::daemon
