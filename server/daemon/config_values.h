#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// How the configuration writes values. Errors say what is wrong with `text` and what would be
// right.
namespace penstock::daemon {

// "500ms", "30s", "5m", "1h".
absl::StatusOr<std::chrono::nanoseconds> ParseDuration(std::string_view text);
std::string FormatDuration(std::chrono::nanoseconds duration);

// "1048576", "512KiB", "64MiB", "1GiB".
absl::StatusOr<uint64_t> ParseByteCount(std::string_view text);
std::string FormatByteCount(uint64_t byte_count);

// A whole number from `min` to `max`.
absl::StatusOr<int64_t> ParseNumber(std::string_view text, int64_t min, int64_t max);

}  // namespace penstock::daemon
