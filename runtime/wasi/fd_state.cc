#include "runtime/wasi/mem_fs.h"
#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

bool IsOfFileSystem(Descriptor& descriptor) {
  return descriptor.file() != nullptr || descriptor.directory() != nullptr;
}

}  // namespace

Result<Unit> Preview1::FdAdvise(HostCall&, Fd fd, FileSize, FileSize, Advice advice) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  if (!IsOfFileSystem(*entry->descriptor)) return Errno::kSpipe;
  if (advice > Advice::kNoReuse) return Errno::kInval;
  WASI_RETURN_IF_FAILED(fds_.Get(fd, Rights::kFdAdvise));
  return Unit{};
}

Result<Unit> Preview1::FdAllocate(HostCall&, Fd fd, FileSize, FileSize) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  if (!IsOfFileSystem(*entry->descriptor)) return Errno::kSpipe;
  WASI_RETURN_IF_FAILED(fds_.Get(fd, Rights::kFdAllocate));
  return Errno::kRofs;
}

Result<Unit> Preview1::FdClose(HostCall&, Fd fd) { return fds_.Close(fd); }

Result<Unit> Preview1::FdDatasync(HostCall&, Fd fd) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  if (!IsOfFileSystem(*entry->descriptor)) return Errno::kInval;
  return Unit{};
}

Result<FdStat> Preview1::FdFdstatGet(HostCall&, Fd fd) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  return FdStat{.type = entry->descriptor->file_type(),
                .flags = entry->flags,
                .rights_base = entry->rights_base,
                .rights_inheriting = entry->rights_inheriting};
}

Result<Unit> Preview1::FdFdstatSetFlags(HostCall&, Fd fd, FdFlags flags) {
  if (!Has(FdFlags::kAll, flags)) return Errno::kInval;
  WASI_ASSIGN_OR_RETURN(FdEntry * entry, fds_.Get(fd, Rights::kFdFdstatSetFlags));
  entry->flags = flags;
  return Unit{};
}

Result<Unit> Preview1::FdFdstatSetRights(HostCall&, Fd fd, Rights base, Rights inheriting) {
  WASI_ASSIGN_OR_RETURN(FdEntry * entry, fds_.Get(fd));
  if (!Has(entry->rights_base, base) || !Has(entry->rights_inheriting, inheriting)) {
    return Errno::kNotCapable;
  }
  entry->rights_base = base;
  entry->rights_inheriting = inheriting;
  return Unit{};
}

Result<FileStat> Preview1::FdFilestatGet(HostCall&, Fd fd) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd, Rights::kFdFilestatGet));
  return entry->descriptor->Stat();
}

Result<Unit> Preview1::FdFilestatSetSize(HostCall&, Fd fd, FileSize) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  if (!entry->descriptor->file()) return Errno::kInval;
  WASI_RETURN_IF_FAILED(fds_.Get(fd, Rights::kFdFilestatSetSize));
  return Errno::kRofs;
}

Result<Unit> Preview1::FdFilestatSetTimes(HostCall&, Fd fd, Timestamp, Timestamp, FstFlags flags) {
  if (!Has(FstFlags::kAll, flags)) return Errno::kInval;
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  if (!IsOfFileSystem(*entry->descriptor)) return Errno::kInval;
  return Errno::kRofs;
}

Result<Unit> Preview1::FdRenumber(HostCall&, Fd from, Fd to) { return fds_.Renumber(from, to); }

Result<Unit> Preview1::FdSync(HostCall& call, Fd fd) { return FdDatasync(call, fd); }

}  // namespace penstock::wasi
