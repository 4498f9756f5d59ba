#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"

namespace penstock::api {

// The fields that an Update is about, as paths into `resource` ("limits.idle_timeout"), or {"*"}.
//
// Without a mask they are the fields of `resource` that are set, those of its messages one by one:
// a resource that was read, changed and sent back clears nothing that it does not show. Fields that
// only the server sets, the name and the etag are left out of either (AIP-203), so the answer may
// be empty.
// Errors:  INVALID_ARGUMENT with reason UNKNOWN_FIELD about "update_mask".
// Source:  AIP-134, AIP-161.
absl::StatusOr<std::vector<std::string>> ResolveUpdateMask(
    const google::protobuf::Message& resource, const google::protobuf::FieldMask& mask);

}  // namespace penstock::api
