#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "runtime/wasi/fd_table.h"
#include "runtime/wasi/guest_memory.h"
#include "runtime/wasi/host_call.h"
#include "runtime/wasi/host_function.h"
#include "runtime/wasi/stream_set.h"
#include "runtime/wasi/types.h"

namespace penstock::wasi {

struct Never;

// The rows of `wasi_snapshot_preview1`, for a `self` of class Preview1. In witx order.
inline constexpr std::string_view kPreview1Module = "wasi_snapshot_preview1";
std::span<const HostFunction> Preview1Table();

// WASI preview 1 of one guest: a method a function, in witx order, named as there. Parameters and
// errnos are those of the specification (witx/wasi_snapshot_preview1.witx); comments say only what
// it leaves open.
//
// Blocking descriptors park the fiber; what the guest wrote is flushed first. A guest that makes
// many calls in a row without any effect has to let others run. Cancellation ends every wait as a
// Trap of kind kCancelled.
//
// Threads: the worker's, on the session's fiber.
class Preview1 final {
 public:
  struct Environment {
    FdTable& fds;
    StreamSet& streams;
    const Clock& clock;
    std::vector<std::string> args;     // without NUL bytes
    std::vector<std::string> environ;  // "NAME=value"
  };
  // The references of `environment` are borrowed.
  explicit Preview1(Environment environment);

  // args_environ.cc
  Result<Unit> ArgsGet(HostCall& call, GuestPtr<uint32_t> argv, GuestPtr<uint8_t> argv_buf);
  Result<std::tuple<Size, Size>> ArgsSizesGet(HostCall& call);
  Result<Unit> EnvironGet(HostCall& call, GuestPtr<uint32_t> environ,
                          GuestPtr<uint8_t> environ_buf);
  Result<std::tuple<Size, Size>> EnvironSizesGet(HostCall& call);

  // clock_random.cc. CPU time clocks do not exist: kInval. `precision` is ignored.
  Result<Timestamp> ClockResGet(HostCall& call, ClockId id);
  Result<Timestamp> ClockTimeGet(HostCall& call, ClockId id, Timestamp precision);
  Result<Unit> RandomGet(HostCall& call, GuestSpan<uint8_t> buffer);

  // fd_state.cc
  Result<Unit> FdAdvise(HostCall& call, Fd fd, FileSize offset, FileSize length, Advice advice);
  Result<Unit> FdAllocate(HostCall& call, Fd fd, FileSize offset, FileSize length);
  Result<Unit> FdClose(HostCall& call, Fd fd);
  Result<Unit> FdDatasync(HostCall& call, Fd fd);
  Result<FdStat> FdFdstatGet(HostCall& call, Fd fd);
  Result<Unit> FdFdstatSetFlags(HostCall& call, Fd fd, FdFlags flags);
  Result<Unit> FdFdstatSetRights(HostCall& call, Fd fd, Rights base, Rights inheriting);
  Result<FileStat> FdFilestatGet(HostCall& call, Fd fd);
  Result<Unit> FdFilestatSetSize(HostCall& call, Fd fd, FileSize size);
  Result<Unit> FdFilestatSetTimes(HostCall& call, Fd fd, Timestamp atim, Timestamp mtim,
                                  FstFlags flags);
  Result<Unit> FdRenumber(HostCall& call, Fd from, Fd to);
  Result<Unit> FdSync(HostCall& call, Fd fd);

  // fd_io.cc. Writes are always complete (see StreamSet), whatever FdFlags::kNonblock says.
  Result<Size> FdPread(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, FileSize offset);
  Result<Size> FdPwrite(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, FileSize offset);
  Result<Size> FdRead(HostCall& call, Fd fd, GuestSpan<IoVec> iovs);
  Result<FileSize> FdSeek(HostCall& call, Fd fd, FileDelta offset, Whence whence);
  Result<FileSize> FdTell(HostCall& call, Fd fd);
  Result<Size> FdWrite(HostCall& call, Fd fd, GuestSpan<IoVec> iovs);

  // path.cc. The file system is read-only: what would change it is kRofs.
  Result<Prestat> FdPrestatGet(HostCall& call, Fd fd);
  Result<Unit> FdPrestatDirName(HostCall& call, Fd fd, GuestSpan<uint8_t> path);
  Result<Size> FdReaddir(HostCall& call, Fd fd, GuestSpan<uint8_t> buffer, DirCookie cookie);
  Result<Unit> PathCreateDirectory(HostCall& call, Fd fd, GuestSpan<char> path);
  Result<FileStat> PathFilestatGet(HostCall& call, Fd fd, LookupFlags flags, GuestSpan<char> path);
  Result<Unit> PathFilestatSetTimes(HostCall& call, Fd fd, LookupFlags flags, GuestSpan<char> path,
                                    Timestamp atim, Timestamp mtim, FstFlags fst_flags);
  Result<Unit> PathLink(HostCall& call, Fd old_fd, LookupFlags flags, GuestSpan<char> old_path,
                        Fd new_fd, GuestSpan<char> new_path);
  Result<Fd> PathOpen(HostCall& call, Fd fd, LookupFlags flags, GuestSpan<char> path, OFlags oflags,
                      Rights base, Rights inheriting, FdFlags fd_flags);
  Result<Size> PathReadlink(HostCall& call, Fd fd, GuestSpan<char> path, GuestSpan<uint8_t> buffer);
  Result<Unit> PathRemoveDirectory(HostCall& call, Fd fd, GuestSpan<char> path);
  Result<Unit> PathRename(HostCall& call, Fd fd, GuestSpan<char> old_path, Fd new_fd,
                          GuestSpan<char> new_path);
  Result<Unit> PathSymlink(HostCall& call, GuestSpan<char> old_path, Fd fd,
                           GuestSpan<char> new_path);
  Result<Unit> PathUnlinkFile(HostCall& call, Fd fd, GuestSpan<char> path);

  // poll.cc. No subscription, too many or an unknown clock: kInval. An end of stream or an error is
  // a successful event, so that the following read finds it; an unknown descriptor is an event of
  // error kBadf.
  Result<Size> PollOneoff(HostCall& call, GuestPtr<Subscription> in, GuestPtr<Event> out,
                          Size count);

  // process.cc
  Result<Never> ProcExit(HostCall& call, uint32_t code);
  Result<Unit> ProcRaise(HostCall& call, Signal signal);
  Result<Unit> SchedYield(HostCall& call);

  // socket.cc
  Result<Fd> SockAccept(HostCall& call, Fd fd, FdFlags flags);
  Result<std::tuple<Size, RoFlags>> SockRecv(HostCall& call, Fd fd, GuestSpan<IoVec> iovs,
                                             RiFlags flags);
  Result<Size> SockSend(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, SiFlags flags);
  Result<Unit> SockShutdown(HostCall& call, Fd fd, SdFlags how);

 private:
  // Reads once, parking while there is nothing unless the descriptor is non-blocking.
  Result<Size> ReadFrom(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, RiFlags flags);
  Result<Size> WriteTo(HostCall& call, Fd fd, GuestSpan<IoVec> iovs);
  // Parks until something changes; all streams are flushed first. The Wake is never kCancelled.
  Result<Wake> Wait(HostCall& call, MonotonicTime deadline);
  // Counts a call without effect, and yields after too many of them.
  Result<Unit> NoteFruitless(HostCall& call);
  void NoteProgress() { fruitless_count_ = 0; }
  Result<Unit> Yield(HostCall& call);

  // The directory behind `fd`: kNotDir for anything else, kNotCapable without `needed`.
  Result<MemDirectory*> DirectoryOf(Fd fd, Rights needed);
  // The answer of what would change the file system; pointer and descriptor are checked first.
  Result<Unit> RefuseChange(HostCall& call, Fd fd, GuestSpan<char> path);

  FdTable& fds_;
  StreamSet& streams_;
  const Clock& clock_;
  const std::vector<std::string> args_;
  const std::vector<std::string> environ_;
  int fruitless_count_ = 0;
};

}  // namespace penstock::wasi
