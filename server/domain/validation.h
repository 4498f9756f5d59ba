#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/domain/address.h"
#include "server/domain/resources.h"

namespace penstock::domain {

// Checks of what callers set. Every error is INVALID_ARGUMENT about one field, named by its path in
// the request ("transport.limits.idle_timeout"), with a reason for machines.

// REQUIRED_FIELD_MISSING, FIELD_NOT_APPLICABLE, INVALID_ADDRESS, INVALID_DIAL_PATTERN,
// INVALID_FILE_NAME, CONFIGURATION_TOO_LARGE, LIMIT_OUT_OF_RANGE, INVALID_LABEL, TOO_LONG,
// TOO_MANY. Looks at the transport alone; everything it needs of its role must be there.
absl::Status ValidateTransport(const Transport& transport);

// Whether `module` can serve the transport: ROLE_NOT_SUPPORTED, or LIMIT_OUT_OF_RANGE when it needs
// more memory than the transport allows.
absl::Status ValidateTransportModule(const Transport& transport, const Module& module);

// INVALID_LABEL, TOO_MANY, TOO_LONG. `parent` is the path of the message that holds both fields.
absl::Status ValidateMetadata(std::string_view parent, std::string_view description,
                              const std::map<std::string, std::string>& labels);

}  // namespace penstock::domain
