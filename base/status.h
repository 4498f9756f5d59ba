#pragma once

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace penstock::internal {

inline absl::Status StatusOf(absl::Status status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace penstock::internal

#define PENSTOCK_CONCAT_INNER(a, b) a##b
#define PENSTOCK_CONCAT(a, b) PENSTOCK_CONCAT_INNER(a, b)

// Returns from the enclosing function with the error of `expression` (absl::Status or StatusOr),
// if it has one.
#define RETURN_IF_ERROR(expression)                                                \
  do {                                                                             \
    if (absl::Status penstock_status = ::penstock::internal::StatusOf(expression); \
        !penstock_status.ok()) {                                                   \
      return penstock_status;                                                      \
    }                                                                              \
  } while (false)

// ASSIGN_OR_RETURN(auto x, Make()): declares or assigns the value of a StatusOr, or returns its
// error. A statement of its own, so no half-built aggregate is left behind by the early return.
#define ASSIGN_OR_RETURN(declaration, expression) \
  PENSTOCK_ASSIGN_OR_RETURN(PENSTOCK_CONCAT(penstock_result_, __LINE__), declaration, expression)
#define PENSTOCK_ASSIGN_OR_RETURN(result, declaration, expression) \
  auto result = (expression);                                      \
  if (!result.ok()) return std::move(result).status();             \
  declaration = std::move(result).value()

namespace penstock {

// The status of a failed system call: `what` and the text of `error` (an errno value). ENOENT is
// NOT_FOUND, EADDRINUSE ALREADY_EXISTS, EMFILE/ENFILE/ENOMEM/ENOSPC RESOURCE_EXHAUSTED, EACCES and
// EPERM PERMISSION_DENIED, EINVAL and EADDRNOTAVAIL INVALID_ARGUMENT, and everything else
// UNAVAILABLE.
absl::Status ErrnoStatus(int error, std::string_view what);

// The message of `status`, borrowed from it. (absl's own string_view is not std's everywhere.)
inline std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace penstock
