#include "base/shared_counters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/status.h"

namespace penstock {
namespace {

absl::StatusOr<WorkerCounters*> Map(int fd) {
  void* base = mmap(nullptr, sizeof(WorkerCounters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return ErrnoStatus(errno, "mmap of shared counters");
  // A fresh memfd is zeros, which is what every counter starts as.
  return static_cast<WorkerCounters*>(base);
}

}  // namespace

absl::StatusOr<SharedCounters> SharedCounters::Create() {
  UniqueFd fd(memfd_create("penstock-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoStatus(errno, "memfd_create");
  if (ftruncate(fd.get(), sizeof(WorkerCounters)) != 0) return ErrnoStatus(errno, "ftruncate");
  // A worker that shrank the file would crash whoever scrapes it.
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return ErrnoStatus(errno, "F_ADD_SEALS");
  }
  ASSIGN_OR_RETURN(WorkerCounters * counters, Map(fd.get()));
  return SharedCounters(std::move(fd), counters);
}

absl::StatusOr<SharedCounters> SharedCounters::Attach(UniqueFd fd) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "fstat of shared counters");
  if (static_cast<uint64_t>(info.st_size) != sizeof(WorkerCounters)) {
    return absl::InvalidArgumentError(fmt::format("shared counters are {} bytes, expected {}",
                                                  info.st_size, sizeof(WorkerCounters)));
  }
  ASSIGN_OR_RETURN(WorkerCounters * counters, Map(fd.get()));
  return SharedCounters(std::move(fd), counters);
}

SharedCounters::SharedCounters(SharedCounters&& other) noexcept
    : fd_(std::move(other.fd_)), counters_(std::exchange(other.counters_, nullptr)) {}

SharedCounters& SharedCounters::operator=(SharedCounters&& other) noexcept {
  if (this != &other) {
    Unmap();
    fd_ = std::move(other.fd_);
    counters_ = std::exchange(other.counters_, nullptr);
  }
  return *this;
}

SharedCounters::~SharedCounters() { Unmap(); }

void SharedCounters::Unmap() {
  if (counters_ != nullptr) (void)munmap(counters_, sizeof(WorkerCounters));
  counters_ = nullptr;
}

}  // namespace penstock
