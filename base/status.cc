#include "base/status.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace penstock {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EADDRINUSE:
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
      return absl::StatusCode::kPermissionDenied;
    case EINVAL:
    case EADDRNOTAVAIL:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status ErrnoStatus(int error, std::string_view what) {
  return absl::Status(CodeOf(error),
                      fmt::format("{}: {}", what, std::generic_category().message(error)));
}

}  // namespace penstock
