#include <array>

#include "runtime/wasi/host_table.h"
#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

constexpr Traits kMayBlock{.blocking = Blocking::kMay};
constexpr Traits kReadOnly{.support = Support::kPartial,
                           .note = "The file system is read-only: always fails with EROFS."};
constexpr Traits kNothingToSync{.note = "Nothing is ever unwritten."};

// In the order of witx/wasi_snapshot_preview1.witx.
constexpr std::array kPreview1 = {
    Host<&Preview1::ArgsGet>("args_get", {"argv", "argv_buf"}),
    Host<&Preview1::ArgsSizesGet>("args_sizes_get", {"result.argc", "result.argv_buf_size"}),
    Host<&Preview1::EnvironGet>("environ_get", {"environ", "environ_buf"}),
    Host<&Preview1::EnvironSizesGet>("environ_sizes_get",
                                     {"result.environc", "result.environ_buf_size"}),
    Host<&Preview1::ClockResGet>("clock_res_get", {"id", "result.resolution"}),
    Host<&Preview1::ClockTimeGet>("clock_time_get", {"id", "precision", "result.timestamp"},
                                  {.note = "CPU time clocks do not exist: EINVAL."}),
    Host<&Preview1::FdAdvise>("fd_advise", {"fd", "offset", "len", "advice"},
                              {.support = Support::kStub, .note = "Advice is ignored."}),
    Host<&Preview1::FdAllocate>("fd_allocate", {"fd", "offset", "len"}, kReadOnly),
    Host<&Preview1::FdClose>("fd_close", {"fd"},
                             {.note = "A socket still delivers what was written to it."}),
    Host<&Preview1::FdDatasync>("fd_datasync", {"fd"}, kNothingToSync),
    Host<&Preview1::FdFdstatGet>("fd_fdstat_get", {"fd", "result.stat"}),
    Host<&Preview1::FdFdstatSetFlags>("fd_fdstat_set_flags", {"fd", "flags"}),
    Host<&Preview1::FdFdstatSetRights>("fd_fdstat_set_rights",
                                       {"fd", "fs_rights_base", "fs_rights_inheriting"}),
    Host<&Preview1::FdFilestatGet>("fd_filestat_get", {"fd", "result.buf"}),
    Host<&Preview1::FdFilestatSetSize>("fd_filestat_set_size", {"fd", "size"}, kReadOnly),
    Host<&Preview1::FdFilestatSetTimes>("fd_filestat_set_times",
                                        {"fd", "atim", "mtim", "fst_flags"}, kReadOnly),
    Host<&Preview1::FdPread>("fd_pread", {"fd", "iovs", "iovs_len", "offset", "result.nread"}),
    Host<&Preview1::FdPrestatGet>("fd_prestat_get", {"fd", "result.buf"}),
    Host<&Preview1::FdPrestatDirName>("fd_prestat_dir_name", {"fd", "path", "path_len"}),
    Host<&Preview1::FdPwrite>("fd_pwrite", {"fd", "iovs", "iovs_len", "offset", "result.nwritten"},
                              kReadOnly),
    Host<&Preview1::FdRead>("fd_read", {"fd", "iovs", "iovs_len", "result.nread"}, kMayBlock),
    Host<&Preview1::FdReaddir>("fd_readdir", {"fd", "buf", "buf_len", "cookie", "result.bufused"}),
    Host<&Preview1::FdRenumber>("fd_renumber", {"fd", "to"}),
    Host<&Preview1::FdSeek>("fd_seek", {"fd", "offset", "whence", "result.newoffset"}),
    Host<&Preview1::FdSync>("fd_sync", {"fd"}, kNothingToSync),
    Host<&Preview1::FdTell>("fd_tell", {"fd", "result.offset"}),
    Host<&Preview1::FdWrite>(
        "fd_write", {"fd", "iovs", "iovs_len", "result.nwritten"},
        {.blocking = Blocking::kMay, .note = "Takes everything, also from a non-blocking socket."}),
    Host<&Preview1::PathCreateDirectory>("path_create_directory", {"fd", "path", "path_len"},
                                         kReadOnly),
    Host<&Preview1::PathFilestatGet>("path_filestat_get",
                                     {"fd", "flags", "path", "path_len", "result.buf"}),
    Host<&Preview1::PathFilestatSetTimes>(
        "path_filestat_set_times", {"fd", "flags", "path", "path_len", "atim", "mtim", "fst_flags"},
        kReadOnly),
    Host<&Preview1::PathLink>(
        "path_link",
        {"old_fd", "old_flags", "old_path", "old_path_len", "new_fd", "new_path", "new_path_len"},
        kReadOnly),
    Host<&Preview1::PathOpen>("path_open",
                              {"fd", "dirflags", "path", "path_len", "oflags", "fs_rights_base",
                               "fs_rights_inheriting", "fdflags", "result.opened_fd"},
                              {.support = Support::kPartial,
                               .note = "Opens what exists, for reading; anything else is EROFS."}),
    Host<&Preview1::PathReadlink>(
        "path_readlink", {"fd", "path", "path_len", "buf", "buf_len", "result.bufused"},
        {.support = Support::kPartial, .note = "There are no symbolic links: EINVAL."}),
    Host<&Preview1::PathRemoveDirectory>("path_remove_directory", {"fd", "path", "path_len"},
                                         kReadOnly),
    Host<&Preview1::PathRename>(
        "path_rename", {"fd", "old_path", "old_path_len", "new_fd", "new_path", "new_path_len"},
        kReadOnly),
    Host<&Preview1::PathSymlink>(
        "path_symlink", {"old_path", "old_path_len", "fd", "new_path", "new_path_len"}, kReadOnly),
    Host<&Preview1::PathUnlinkFile>("path_unlink_file", {"fd", "path", "path_len"}, kReadOnly),
    Host<&Preview1::PollOneoff>(
        "poll_oneoff", {"in", "out", "nsubscriptions", "result.nevents"},
        {.blocking = Blocking::kMay, .note = "Write-readiness is told on a change, then rarely."}),
    Host<&Preview1::ProcExit>("proc_exit", {"rval"}),
    Host<&Preview1::ProcRaise>("proc_raise", {"sig"},
                               {.note = "Ends the guest: there are no handlers."}),
    Host<&Preview1::SchedYield>("sched_yield", kMayBlock),
    Host<&Preview1::RandomGet>("random_get", {"buf", "buf_len"}, kMayBlock),
    Host<&Preview1::SockAccept>("sock_accept", {"fd", "flags", "result.fd"},
                                {.note = "No socket of a guest listens: EINVAL."}),
    Host<&Preview1::SockRecv>(
        "sock_recv",
        {"fd", "ri_data", "ri_data_len", "ri_flags", "result.ro_datalen", "result.ro_flags"},
        kMayBlock),
    Host<&Preview1::SockSend>(
        "sock_send", {"fd", "si_data", "si_data_len", "si_flags", "result.so_datalen"}, kMayBlock),
    Host<&Preview1::SockShutdown>("sock_shutdown", {"fd", "how"}),
};

constexpr const HostFunction& RowOf(std::string_view name) {
  for (const HostFunction& row : kPreview1) {
    if (row.name == name) return row;
  }
  throw "no such row";  // only ever evaluated by the compiler
}
static_assert(kPreview1.size() == 46);
static_assert(RowOf("args_sizes_get").signature() == "ii");
static_assert(RowOf("clock_time_get").signature() == "iIi");
static_assert(RowOf("fd_advise").signature() == "iIIi");
static_assert(RowOf("fd_fdstat_set_rights").signature() == "iII");
static_assert(RowOf("fd_filestat_set_times").signature() == "iIIi");
static_assert(RowOf("fd_pread").signature() == "iiiIi");
static_assert(RowOf("fd_read").signature() == "iiii");
static_assert(RowOf("fd_readdir").signature() == "iiiIi");
static_assert(RowOf("fd_seek").signature() == "iIii");
static_assert(RowOf("path_filestat_set_times").signature() == "iiiiIIi");
static_assert(RowOf("path_link").signature() == "iiiiiii");
static_assert(RowOf("path_open").signature() == "iiiiiIIii");
static_assert(RowOf("poll_oneoff").signature() == "iiii");
static_assert(RowOf("proc_exit").signature() == "i" && !RowOf("proc_exit").has_result);
static_assert(RowOf("sched_yield").signature().empty());
static_assert(RowOf("sock_recv").signature() == "iiiiii");
static_assert(RowOf("fd_read").traits.blocking == Blocking::kMay);

}  // namespace

std::span<const HostFunction> Preview1Table() { return kPreview1; }

}  // namespace penstock::wasi
