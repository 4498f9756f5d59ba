#include "runtime/sandbox/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/status.h"
#include "runtime/sandbox/system_calls.h"

namespace penstock::sandbox {
namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

// Flags of open(2) that ask for more than reading what is there.
constexpr int kWriteFlags[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};

absl::Status Failed(int error, std::string_view what) {
  return absl::FailedPreconditionError(
      std::string(MessageOf(ErrnoStatus(-error, fmt::format("sandbox: {}", what)))));
}

// Adds a rule unless this architecture has no such call.
absl::Status Add(const Filter& filter, uint32_t action, std::string_view name,
                 std::initializer_list<scmp_arg_cmp> arguments = {}) {
  const int number = seccomp_syscall_resolve_name(std::string(name).c_str());
  if (number == __NR_SCMP_ERROR) return absl::OkStatus();
  const int error = seccomp_rule_add_array(
      filter.get(), action, number, static_cast<unsigned>(arguments.size()), arguments.begin());
  return error == 0 ? absl::OkStatus() : Failed(error, name);
}

absl::Status AddAll(const Filter& filter) {
  const uint32_t forbidden = SCMP_ACT_ERRNO(EPERM);
  for (const std::string_view name : kForbiddenCalls) {
    RETURN_IF_ERROR(Add(filter, forbidden, name));
  }
  for (const OpenCall& call : kOpenCalls) {
    for (const int flag : kWriteFlags) {
      const auto bit = static_cast<scmp_datum_t>(flag);
      RETURN_IF_ERROR(Add(filter, forbidden, call.name,
                          {SCMP_CMP(call.flags_index, SCMP_CMP_MASKED_EQ, bit, bit)}));
    }
  }
  // Threads may be made, processes may not.
  RETURN_IF_ERROR(Add(filter, forbidden, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)}));
  for (const std::string_view name : kUnavailableCalls) {
    RETURN_IF_ERROR(Add(filter, SCMP_ACT_ERRNO(ENOSYS), name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Enter() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed(-errno, "PR_SET_NO_NEW_PRIVS");
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  if (filter == nullptr) return Failed(-ENOMEM, "seccomp_init");
  RETURN_IF_ERROR(AddAll(filter));
  const int error = seccomp_load(filter.get());
  return error == 0 ? absl::OkStatus() : Failed(error, "seccomp_load");
}

}  // namespace penstock::sandbox
