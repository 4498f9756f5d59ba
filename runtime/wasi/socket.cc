#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

Result<Unit> RequireSocket(FdTable& fds, Fd fd) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds.Get(fd));
  if (entry->descriptor->file_type() != FileType::kSocketStream) return Errno::kNotSock;
  return Unit{};
}

}  // namespace

Result<Fd> Preview1::SockAccept(HostCall&, Fd fd, FdFlags) {
  WASI_RETURN_IF_FAILED(RequireSocket(fds_, fd));
  return Errno::kInval;  // every socket here is connected; none listens
}

Result<std::tuple<Size, RoFlags>> Preview1::SockRecv(HostCall& call, Fd fd, GuestSpan<IoVec> iovs,
                                                     RiFlags flags) {
  WASI_RETURN_IF_FAILED(RequireSocket(fds_, fd));
  if (!Has(RiFlags::kAll, flags)) return Errno::kInval;
  WASI_ASSIGN_OR_RETURN(const Size byte_count, ReadFrom(call, fd, iovs, flags));
  return std::tuple{byte_count, RoFlags::kNone};
}

Result<Size> Preview1::SockSend(HostCall& call, Fd fd, GuestSpan<IoVec> iovs, SiFlags flags) {
  WASI_RETURN_IF_FAILED(RequireSocket(fds_, fd));
  if (flags != SiFlags::kNone) return Errno::kInval;
  return WriteTo(call, fd, iovs);
}

Result<Unit> Preview1::SockShutdown(HostCall&, Fd fd, SdFlags how) {
  WASI_RETURN_IF_FAILED(RequireSocket(fds_, fd));
  if (how == SdFlags::kNone || !Has(SdFlags::kAll, how)) return Errno::kInval;
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd, Rights::kSockShutdown));
  return entry->descriptor->Shutdown(how);
}

}  // namespace penstock::wasi
