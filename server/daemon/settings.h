#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/config.h"

namespace penstock::daemon {

// The values of one setting as they were written, and where.
struct RawValue {
  std::vector<std::string> values;
  std::string place;  // "--workers", "PENSTOCK_WORKERS", "penstock.yaml:3: workers"
};
// By the setting's name.
using RawValues = std::map<std::string, RawValue, std::less<>>;

// One setting: its name in the file, from which flag and variable follow, and how it is read,
// written and described.
struct Setting {
  std::string_view name;  // snake_case
  std::string_view value_name;
  std::string_view help;
  absl::Status (*set)(Config& config, const std::vector<std::string>& values);
  std::vector<std::string> (*get)(const Config& config);

  std::string flag() const;      // "--state-dir"
  std::string variable() const;  // "PENSTOCK_STATE_DIR"
};

// Every setting, in the order in which they are shown.
std::span<const Setting> Settings();

// Reads a configuration file. Unknown keys and bad YAML are INVALID_ARGUMENT with the line.
absl::StatusOr<RawValues> ReadConfigFile(const std::string& path);

}  // namespace penstock::daemon
