#pragma once

#include "absl/status/status.h"

namespace penstock::sandbox {

// Gives up, for this process and for good, what a worker does not need: new privileges by
// execve(2), and the system calls of system_calls.h. Threads that are started later inherit it;
// call it before any other thread exists.
//
// Errors: FAILED_PRECONDITION where the kernel has no seccomp filters.
// Source: prctl(2) PR_SET_NO_NEW_PRIVS, seccomp(2).
absl::Status Enter();

}  // namespace penstock::sandbox
