#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/domain/resources.h"

namespace penstock::app {

// Copies the fields that `mask` names from `from` to `to`: names of penstock.v1.Transport, nested
// ones dotted, or "*" for all that a caller may set. INVALID_ARGUMENT with reason UNKNOWN_FIELD
// for any other, or IMMUTABLE_FIELD when the role would change.
absl::Status ApplyMask(const std::vector<std::string>& mask, const domain::Transport& from,
                       domain::Transport& to);

}  // namespace penstock::app
