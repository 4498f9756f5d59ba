#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/state_store.h"

namespace penstock::app {

inline constexpr int32_t kPageSizeDefault = 50;
inline constexpr int32_t kPageSizeMax = 1000;  // more is clamped

struct KeyPage {
  std::vector<store::KeyValue> kvs;
  std::string next_page_token;  // empty on the last page
};

// One page of the keys below `prefix`, which ends with '/'. INVALID_ARGUMENT with reason
// NEGATIVE_PAGE_SIZE, or INVALID_PAGE_TOKEN for a token that is not of this list.
absl::StatusOr<KeyPage> ReadPage(store::StateStore& store, const std::string& prefix,
                                 int32_t page_size, std::string_view page_token);

}  // namespace penstock::app
