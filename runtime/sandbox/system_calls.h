#pragma once

#include <array>
#include <string_view>

namespace penstock::sandbox {

// System calls that a worker never makes, and that a guest which has taken it over must not: each
// fails with EPERM. Names as in syscalls(2); those that an architecture lacks are passed over.
inline constexpr std::string_view kForbiddenCalls[] = {
    // Reaching out: a worker is handed its sockets.
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    // Other programs and processes.
    "execve",
    "execveat",
    "fork",
    "vfork",
    "kill",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    // Changing files. (Opening for writing is forbidden by the flags.)
    "creat",
    "truncate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "open_by_handle_at",
    // The machine: mounts, namespaces, the kernel's larger attack surfaces.
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "keyctl",
    "add_key",
    "request_key",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "reboot",
    "personality",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
};

// Calls that open a file by flags, with the index of that argument: forbidden when the flags ask
// for more than reading. V8 reads /proc/self/maps.
struct OpenCall {
  std::string_view name;
  unsigned flags_index;
};
inline constexpr OpenCall kOpenCalls[] = {{"open", 1}, {"openat", 2}};

// Calls whose arguments a filter cannot see into; ENOSYS makes the C library use the older ones.
inline constexpr std::string_view kUnavailableCalls[] = {"clone3", "openat2"};

}  // namespace penstock::sandbox
