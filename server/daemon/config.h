#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "server/domain/address.h"

namespace penstock::daemon {

// Everything that penstockd can be told, checked and complete.
struct Config {
  std::string state_dir;  // absolute
  std::vector<domain::Address> api_listen;
  std::optional<domain::Address> metrics_listen;
  int workers = 1;
  std::string worker_binary;
  uint64_t module_byte_count_max = 64u << 20;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kAuto;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds stop_grace = std::chrono::seconds(1);
};

// What the configuration is read from besides the arguments and the file.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  bool is_root = false;
  int core_count = 1;
  std::string executable_dir;  // where penstockd lies

  // This process's.
  static Environment OfProcess();
};

// What penstockd was asked to do.
struct Invocation {
  enum class Action { kServe, kCheckConfig, kPrintConfig, kPrintText };
  Action action = Action::kServe;
  Config config;     // not for kPrintText
  std::string text;  // kPrintText: the help or the version
};

// Reads arguments, PENSTOCK_* variables and the configuration file, in that order of precedence,
// over the defaults. Errors are INVALID_ARGUMENT and say where the bad value stands: the flag, the
// variable, or the file's line.
absl::StatusOr<Invocation> ReadInvocation(int argc, const char* const* argv,
                                          const Environment& environment);

// `config` as a configuration file that would give it.
std::string ToYaml(const Config& config);

}  // namespace penstock::daemon
