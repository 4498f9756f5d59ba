#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace penstock::domain {

// What a caller needs to act on an error besides its code and sentence. Travels as a payload of
// absl::Status; the API turns it into google.rpc details.
struct ErrorDetail {
  struct FieldViolation {
    std::string field;  // path in the request, e.g. "transport.listen"
    std::string description;
  };

  std::string reason;  // UPPER_SNAKE_CASE, e.g. "PORT_IN_USE"
  std::map<std::string, std::string> metadata{};
  std::vector<FieldViolation> field_violations{};  // INVALID_ARGUMENT
  std::string resource_type{};  // NOT_FOUND, ALREADY_EXISTS: "penstock.dev/Module"
  std::string resource_name{};
};

// A status with a detail. `message` says what was wrong, where, and what would be right.
absl::Status MakeError(absl::StatusCode code, std::string_view message, ErrorDetail detail);

// INVALID_ARGUMENT about one field.
absl::Status InvalidField(std::string_view field, std::string_view reason,
                          std::string_view message);

// The detail of `status`; empty fields where it has none.
ErrorDetail DetailOf(const absl::Status& status);

}  // namespace penstock::domain
