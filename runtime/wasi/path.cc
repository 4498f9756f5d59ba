#include <algorithm>
#include <cstring>

#include "runtime/wasi/mem_fs.h"
#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

// Copies as much of `bytes` as fits behind `at`; false when it did not all fit.
bool Append(std::span<uint8_t> buffer, size_t& at, const void* bytes, size_t count) {
  const size_t fits = std::min(count, buffer.size() - at);
  std::memcpy(buffer.data() + at, bytes, fits);
  at += fits;
  return fits == count;
}

}  // namespace

Result<MemDirectory*> Preview1::DirectoryOf(Fd fd, Rights needed) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  MemDirectory* const directory = entry->descriptor->directory();
  if (directory == nullptr) return Errno::kNotDir;
  if (!Has(entry->rights_base, needed)) return Errno::kNotCapable;
  return directory;
}

Result<Prestat> Preview1::FdPrestatGet(HostCall&, Fd fd) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  const MemDirectory* const directory = entry->descriptor->directory();
  // Anything but kBadf makes wasi-libc give up at start.
  if (directory == nullptr || !directory->is_preopen()) return Errno::kBadf;
  return Prestat{.type = PreopenType::kDir,
                 .name_len = static_cast<uint32_t>(directory->preopen_name().size())};
}

Result<Unit> Preview1::FdPrestatDirName(HostCall& call, Fd fd, GuestSpan<uint8_t> path) {
  WASI_ASSIGN_OR_RETURN(const auto buffer, call.memory().Span(path.offset, path.count));
  WASI_RETURN_IF_FAILED(FdPrestatGet(call, fd));
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, fds_.Get(fd));
  const std::string& name = entry->descriptor->directory()->preopen_name();
  if (name.size() > buffer.size()) return Errno::kNameTooLong;
  std::memcpy(buffer.data(), name.data(), name.size());
  return Unit{};
}

// Writes { d_next u64, d_ino u64, d_namlen u32, d_type u8, 3 bytes of padding, name } for each
// entry. The last one may be cut short: a full buffer tells the guest that there is more.
Result<Size> Preview1::FdReaddir(HostCall& call, Fd fd, GuestSpan<uint8_t> buffer,
                                 DirCookie cookie) {
  WASI_ASSIGN_OR_RETURN(const auto bytes, call.memory().Span(buffer.offset, buffer.count));
  WASI_ASSIGN_OR_RETURN(const MemDirectory* directory, DirectoryOf(fd, Rights::kFdReaddir));
  const auto entries = directory->List();
  size_t at = 0;
  for (DirCookie next = cookie; next < entries.size(); ++next) {
    const MemDirectory::Entry& entry = entries[next];
    const Dirent dirent{
        .next = next + 1,
        .ino = entry.ino,
        .namlen = static_cast<uint32_t>(entry.name.size()),
        .type = entry.type,
    };
    if (!Append(bytes, at, &dirent, sizeof dirent)) break;
    if (!Append(bytes, at, entry.name.data(), entry.name.size())) break;
  }
  return static_cast<Size>(at);
}

Result<FileStat> Preview1::PathFilestatGet(HostCall& call, Fd fd, LookupFlags,
                                           GuestSpan<char> path) {
  WASI_ASSIGN_OR_RETURN(const auto text, call.memory().Text(path));
  WASI_ASSIGN_OR_RETURN(const MemDirectory* directory, DirectoryOf(fd, Rights::kPathFilestatGet));
  WASI_ASSIGN_OR_RETURN(const MemNodePtr node, directory->Lookup(text));
  return node->Stat();
}

Result<Fd> Preview1::PathOpen(HostCall& call, Fd fd, LookupFlags, GuestSpan<char> path,
                              OFlags oflags, Rights base, Rights inheriting, FdFlags fd_flags) {
  WASI_ASSIGN_OR_RETURN(const auto text, call.memory().Text(path));
  if (!Has(OFlags::kAll, oflags) || !Has(FdFlags::kAll, fd_flags)) return Errno::kInval;
  WASI_ASSIGN_OR_RETURN(const MemDirectory* directory, DirectoryOf(fd, Rights::kPathOpen));
  WASI_ASSIGN_OR_RETURN(const FdEntry* parent, fds_.Get(fd));
  auto found = directory->Lookup(text);
  if (!found.ok()) {
    if (found.is(Errno::kNoEnt) && Has(oflags, OFlags::kCreat)) return Errno::kRofs;
    return std::move(found.failure());
  }
  const MemNodePtr node = std::move(found).value();
  const bool is_directory = node->type == FileType::kDirectory;
  const bool writes = Has(base, Rights::kFdWrite) || Has(oflags, OFlags::kTrunc);
  if (Has(oflags, OFlags::kCreat | OFlags::kExcl)) return Errno::kExist;
  if (Has(oflags, OFlags::kDirectory) && !is_directory) return Errno::kNotDir;
  if (writes && !is_directory) return Errno::kRofs;
  if (Has(oflags, OFlags::kTrunc)) return Errno::kIsDir;
  // Libraries ask for every right that they know of: they get what there is.
  return fds_.Insert(OpenNode(node, base & parent->rights_inheriting,
                              inheriting & parent->rights_inheriting, fd_flags));
}

Result<Size> Preview1::PathReadlink(HostCall& call, Fd fd, GuestSpan<char> path,
                                    GuestSpan<uint8_t> buffer) {
  WASI_ASSIGN_OR_RETURN(const auto text, call.memory().Text(path));
  WASI_RETURN_IF_FAILED(call.memory().Span(buffer.offset, buffer.count));
  WASI_ASSIGN_OR_RETURN(const MemDirectory* directory, DirectoryOf(fd, Rights::kPathReadlink));
  WASI_RETURN_IF_FAILED(directory->Lookup(text));
  return Errno::kInval;  // it exists, and nothing here is a symbolic link
}

Result<Unit> Preview1::RefuseChange(HostCall& call, Fd fd, GuestSpan<char> path) {
  WASI_RETURN_IF_FAILED(call.memory().Text(path));
  WASI_RETURN_IF_FAILED(DirectoryOf(fd, Rights::kNone));
  return Errno::kRofs;
}

Result<Unit> Preview1::PathCreateDirectory(HostCall& call, Fd fd, GuestSpan<char> path) {
  return RefuseChange(call, fd, path);
}

Result<Unit> Preview1::PathFilestatSetTimes(HostCall& call, Fd fd, LookupFlags,
                                            GuestSpan<char> path, Timestamp, Timestamp, FstFlags) {
  return RefuseChange(call, fd, path);
}

Result<Unit> Preview1::PathLink(HostCall& call, Fd old_fd, LookupFlags, GuestSpan<char> old_path,
                                Fd new_fd, GuestSpan<char> new_path) {
  WASI_RETURN_IF_FAILED(call.memory().Text(old_path));
  WASI_RETURN_IF_FAILED(DirectoryOf(old_fd, Rights::kNone));
  return RefuseChange(call, new_fd, new_path);
}

Result<Unit> Preview1::PathRemoveDirectory(HostCall& call, Fd fd, GuestSpan<char> path) {
  return RefuseChange(call, fd, path);
}

Result<Unit> Preview1::PathRename(HostCall& call, Fd fd, GuestSpan<char> old_path, Fd new_fd,
                                  GuestSpan<char> new_path) {
  WASI_RETURN_IF_FAILED(call.memory().Text(old_path));
  WASI_RETURN_IF_FAILED(DirectoryOf(fd, Rights::kNone));
  return RefuseChange(call, new_fd, new_path);
}

Result<Unit> Preview1::PathSymlink(HostCall& call, GuestSpan<char> old_path, Fd fd,
                                   GuestSpan<char> new_path) {
  WASI_RETURN_IF_FAILED(call.memory().Text(old_path));
  return RefuseChange(call, fd, new_path);
}

Result<Unit> Preview1::PathUnlinkFile(HostCall& call, Fd fd, GuestSpan<char> path) {
  return RefuseChange(call, fd, path);
}

}  // namespace penstock::wasi
