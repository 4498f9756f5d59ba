#include "server/daemon/config_values.h"

#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "fmt/format.h"

namespace penstock::daemon {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};
// Largest first.
constexpr Unit kDurationUnits[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}};
constexpr Unit kByteUnits[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

// A number of zero or more, then one of `units`; nullopt if it is not that or too much.
std::optional<int64_t> ParseQuantity(std::string_view text, std::span<const Unit> units) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != suffix) continue;
    if (number > std::numeric_limits<int64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

// With the largest unit that divides it.
std::string FormatQuantity(int64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return fmt::format("{}{}", value / unit.factor, unit.name);
    }
  }
  return fmt::format("{}{}", value / units.back().factor, units.back().name);
}

}  // namespace

absl::StatusOr<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  const std::optional<int64_t> value = ParseQuantity(text, kDurationUnits);
  if (!value) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no duration; write 500ms, 30s, 5m or 1h", text));
  }
  return std::chrono::nanoseconds(*value);
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  return FormatQuantity(duration.count(), kDurationUnits);
}

absl::StatusOr<uint64_t> ParseByteCount(std::string_view text) {
  const std::optional<int64_t> value = ParseQuantity(text, kByteUnits);
  if (!value) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no size; write 1048576, 512KiB, 64MiB or 1GiB", text));
  }
  return static_cast<uint64_t>(*value);
}

std::string FormatByteCount(uint64_t byte_count) {
  return FormatQuantity(static_cast<int64_t>(byte_count), kByteUnits);
}

absl::StatusOr<int64_t> ParseNumber(std::string_view text, int64_t min, int64_t max) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < min || number > max) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no whole number from {} to {}", text, min, max));
  }
  return number;
}

}  // namespace penstock::daemon
