#include <algorithm>
#include <utility>

#include "runtime/wasi/mem_fs.h"
#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

// The part of `parts` that begins `skip` bytes in and is at most `count_max` bytes long.
HostIoVecs Window(std::span<const iovec> parts, size_t skip, size_t count_max) {
  HostIoVecs window;
  for (const iovec& part : parts) {
    const size_t skipped = std::min(skip, part.iov_len);
    const size_t count = std::min(part.iov_len - skipped, count_max);
    skip -= skipped;
    count_max -= count;
    if (count == 0) continue;
    window.push_back({.iov_base = static_cast<char*>(part.iov_base) + skipped, .iov_len = count});
  }
  return window;
}

// The open file behind `entry`, or what positioned access to it fails with.
Result<MemFile*> FileOf(const FdEntry& entry) {
  if (MemFile* const file = entry.descriptor->file()) return file;
  return entry.descriptor->directory() ? Errno::kIsDir : Errno::kSpipe;
}

}  // namespace

Result<Size> Preview1::FdPread(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, FileSize offset) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  WASI_ASSIGN_OR_RETURN(const MemFile* file, FileOf(*entry));
  WASI_RETURN_IF_FAILED(fds_.Get(fd, Rights::kFdRead | Rights::kFdSeek));
  WASI_ASSIGN_OR_RETURN(const HostIoVecs parts, call.memory().Iovecs(iovs));
  return file->ReadAt(parts, offset);
}

Result<Size> Preview1::FdPwrite(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, FileSize) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  WASI_RETURN_IF_FAILED(FileOf(*entry));
  WASI_RETURN_IF_FAILED(fds_.Get(fd, Rights::kFdWrite | Rights::kFdSeek));
  WASI_RETURN_IF_FAILED(call.memory().Iovecs(iovs));
  return Errno::kRofs;
}

Result<Size> Preview1::FdRead(HostCall& call, Fd fd, GuestSpan<IoVec> iovs) {
  return ReadFrom(call, fd, iovs, RiFlags::kNone);
}

Result<FileSize> Preview1::FdSeek(HostCall&, Fd fd, FileDelta offset, Whence whence) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  WASI_ASSIGN_OR_RETURN(MemFile * file, FileOf(*entry));
  const bool only_asks = offset == 0 && whence == Whence::kCur;
  WASI_RETURN_IF_FAILED(fds_.Get(fd, only_asks ? Rights::kFdTell : Rights::kFdSeek));
  return file->Seek(offset, whence);
}

Result<FileSize> Preview1::FdTell(HostCall& call, Fd fd) {
  return FdSeek(call, fd, 0, Whence::kCur);
}

Result<Size> Preview1::FdWrite(HostCall& call, Fd fd, GuestSpan<IoVec> iovs) {
  return WriteTo(call, fd, iovs);
}

Result<Size> Preview1::ReadFrom(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, RiFlags flags) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd, Rights::kFdRead));
  const bool nonblocking = Has(entry->flags, FdFlags::kNonblock);
  // Owned, not looked up again: whatever happens to the number while this fiber is parked.
  const std::shared_ptr<Descriptor> descriptor = entry->descriptor;
  const bool peek = Has(flags, RiFlags::kPeek);
  const bool wait_all = Has(flags, RiFlags::kWaitAll) && !peek;

  WASI_ASSIGN_OR_RETURN(const HostIoVecs checked, call.memory().Iovecs(iovs));
  const size_t wanted = ByteCountOf(checked);
  if (wanted == 0) return Size{0};
  WASI_RETURN_IF_FAILED(descriptor->Prepare());

  size_t done = 0;
  for (bool flushed = false;;) {
    // Guest views never survive a Park(): memory may move.
    WASI_ASSIGN_OR_RETURN(HostIoVecs parts, call.memory().Iovecs(iovs));
    if (done > 0) parts = Window(parts, done, wanted);
    Result<Size> read = peek ? descriptor->Peek(parts) : descriptor->Read(parts);
    if (read.ok()) {
      done += read.value();
      if (read.value() > 0) {
        NoteProgress();
        if (wait_all && done < wanted) continue;
      } else {
        WASI_RETURN_IF_FAILED(NoteFruitless(call));
      }
      return static_cast<Size>(done);
    }
    if (!read.is(Errno::kAgain) || nonblocking) {
      // What came before an error is delivered first; the error stays to be found.
      if (done > 0) return static_cast<Size>(done);
      WASI_RETURN_IF_FAILED(NoteFruitless(call));
      return std::move(read.failure());
    }
    if (!std::exchange(flushed, true)) {
      // Sending may bring a queue down that held this descriptor back: look once more.
      streams_.FlushAll();
      continue;
    }
    flushed = false;
    WASI_RETURN_IF_FAILED(Wait(call, kNoDeadline));
  }
}

Result<Size> Preview1::WriteTo(HostCall& call, Fd fd, GuestSpan<IoVec> iovs) {
  WASI_ASSIGN_OR_RETURN(const auto descriptor, fds_.Share(fd, Rights::kFdWrite));
  WASI_ASSIGN_OR_RETURN(const HostIoVecs checked, call.memory().Iovecs(iovs));
  const size_t wanted = ByteCountOf(checked);
  if (wanted == 0) return Size{0};
  WASI_RETURN_IF_FAILED(descriptor->Prepare());

  for (size_t done = 0; done < wanted;) {
    while (descriptor->over_hard_cap()) {
      streams_.FlushAll();
      if (descriptor->over_hard_cap()) WASI_RETURN_IF_FAILED(Wait(call, kNoDeadline));
    }
    WASI_ASSIGN_OR_RETURN(const HostIoVecs parts, call.memory().Iovecs(iovs));
    const HostIoVecs chunk = Window(parts, done, kWriteChunkByteCount);
    WASI_RETURN_IF_FAILED(descriptor->Write(chunk));
    done += ByteCountOf(chunk);
  }
  NoteProgress();
  return static_cast<Size>(wanted);
}

}  // namespace penstock::wasi
