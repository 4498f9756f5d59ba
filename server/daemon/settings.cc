#include "server/daemon/settings.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/status.h"
#include "fmt/format.h"
#include "server/api/listen_address.h"
#include "server/daemon/config_values.h"

namespace penstock::daemon {
namespace {

using Values = std::vector<std::string>;

constexpr int64_t kWorkersMax = 1024;
constexpr uint64_t kModuleByteCountMaxMin = 1024;
constexpr uint64_t kModuleByteCountMaxMax = 1u << 30;
constexpr std::chrono::nanoseconds kDrainMax = std::chrono::hours(24);
constexpr std::array<log::Level, 4> kLevels = {log::Level::kDebug, log::Level::kInfo,
                                               log::Level::kWarning, log::Level::kError};

absl::StatusOr<std::string> Single(const Values& values) {
  if (values.size() == 1) return values.front();
  return absl::InvalidArgumentError(fmt::format("takes one value, not {}", values.size()));
}

absl::StatusOr<std::string> AbsolutePath(const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  return std::filesystem::absolute(text).lexically_normal().string();
}

absl::Status SetStateDir(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(config.state_dir, AbsolutePath(values));
  return absl::OkStatus();
}

absl::StatusOr<domain::Address> ParseListen(const std::string& text, std::string_view name) {
  ASSIGN_OR_RETURN(domain::Address address, domain::Address::Parse(text, name));
  RETURN_IF_ERROR(api::RequireLocal(address, name));
  return address;
}

// Each value may hold several addresses, with commas between.
absl::Status SetApiListen(Config& config, const Values& values) {
  config.api_listen.clear();
  for (const std::string& value : values) {
    for (size_t begin = 0; begin <= value.size();) {
      const size_t end = std::min(value.find(',', begin), value.size());
      ASSIGN_OR_RETURN(domain::Address address,
                       ParseListen(value.substr(begin, end - begin), "api_listen"));
      config.api_listen.push_back(std::move(address));
      begin = end + 1;
    }
  }
  if (config.api_listen.empty()) return absl::InvalidArgumentError("needs at least one address");
  return absl::OkStatus();
}

absl::Status SetMetricsListen(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  config.metrics_listen.reset();
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(domain::Address address, ParseListen(text, "metrics_listen"));
  if (address.kind != domain::Address::Kind::kTcp) {
    return absl::InvalidArgumentError("takes a TCP address, tcp://host:port");
  }
  config.metrics_listen = std::move(address);
  return absl::OkStatus();
}

absl::Status SetWorkers(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  ASSIGN_OR_RETURN(const int64_t number, ParseNumber(text, 1, kWorkersMax));
  config.workers = static_cast<int>(number);
  return absl::OkStatus();
}

absl::Status SetWorkerBinary(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(config.worker_binary, AbsolutePath(values));
  return absl::OkStatus();
}

absl::Status SetModuleSizeMax(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  ASSIGN_OR_RETURN(const uint64_t byte_count, ParseByteCount(text));
  if (byte_count < kModuleByteCountMaxMin || byte_count > kModuleByteCountMaxMax) {
    return absl::InvalidArgumentError(fmt::format("must be from {} to {}",
                                                  FormatByteCount(kModuleByteCountMaxMin),
                                                  FormatByteCount(kModuleByteCountMaxMax)));
  }
  config.module_byte_count_max = byte_count;
  return absl::OkStatus();
}

absl::Status SetLogLevel(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  const auto level = std::find_if(kLevels.begin(), kLevels.end(),
                                  [&](log::Level at) { return log::LevelName(at) == text; });
  if (level == kLevels.end()) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no level; it is debug, info, warning or error", text));
  }
  config.log_level = *level;
  return absl::OkStatus();
}

constexpr std::array<std::string_view, 3> kFormatNames = {"auto", "json", "text"};

absl::Status SetLogFormat(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  const auto name = std::find(kFormatNames.begin(), kFormatNames.end(), text);
  if (name == kFormatNames.end()) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no log format; it is auto, json or text", text));
  }
  config.log_format = static_cast<log::Format>(name - kFormatNames.begin());
  return absl::OkStatus();
}

template <std::chrono::nanoseconds Config::*kField>
absl::Status SetDuration(Config& config, const Values& values) {
  ASSIGN_OR_RETURN(const std::string text, Single(values));
  ASSIGN_OR_RETURN(const std::chrono::nanoseconds duration, ParseDuration(text));
  if (duration > kDrainMax) {
    return absl::InvalidArgumentError(
        fmt::format("is {}; at most {} is allowed", text, FormatDuration(kDrainMax)));
  }
  config.*kField = duration;
  return absl::OkStatus();
}

Values GetApiListen(const Config& config) {
  Values values;
  for (const domain::Address& address : config.api_listen) values.push_back(address.ToString());
  return values;
}

const Setting kSettings[] = {
    {"state_dir", "DIR", "Where modules, transports and the default socket are kept", SetStateDir,
     [](const Config& config) { return Values{config.state_dir}; }},
    {"api_listen", "ADDRESS",
     "Where gRPC is served: unix:///path or tcp://127.0.0.1:port; several with commas or by "
     "repeating",
     SetApiListen, GetApiListen},
    {"metrics_listen", "ADDRESS", "Where Prometheus metrics are served; empty: nowhere",
     SetMetricsListen,
     [](const Config& config) {
       return Values{config.metrics_listen ? config.metrics_listen->ToString() : ""};
     }},
    {"workers", "N", "Worker processes; by default one for each core", SetWorkers,
     [](const Config& config) { return Values{fmt::format("{}", config.workers)}; }},
    {"worker_binary", "FILE", "penstock-worker; by default the one beside penstockd",
     SetWorkerBinary, [](const Config& config) { return Values{config.worker_binary}; }},
    {"module_size_max", "SIZE", "Largest module that is accepted", SetModuleSizeMax,
     [](const Config& config) { return Values{FormatByteCount(config.module_byte_count_max)}; }},
    {"log_level", "LEVEL", "debug, info, warning or error", SetLogLevel,
     [](const Config& config) { return Values{std::string(log::LevelName(config.log_level))}; }},
    {"log_format", "FORMAT", "auto (JSON unless on a terminal), json or text", SetLogFormat,
     [](const Config& config) {
       return Values{std::string(kFormatNames[static_cast<size_t>(config.log_format)])};
     }},
    {"drain_timeout", "DURATION", "How long sessions may go on after SIGTERM",
     SetDuration<&Config::drain_timeout>,
     [](const Config& config) { return Values{FormatDuration(config.drain_timeout)}; }},
    {"stop_grace", "DURATION", "Then, how long their modules have to end after EXIT",
     SetDuration<&Config::stop_grace>,
     [](const Config& config) { return Values{FormatDuration(config.stop_grace)}; }},
};
static_assert(static_cast<int>(log::Format::kText) == 2);  // kFormatNames

}  // namespace

std::string Setting::flag() const {
  std::string text = fmt::format("--{}", name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::string Setting::variable() const {
  std::string text = fmt::format("PENSTOCK_{}", name);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::span<const Setting> Settings() { return kSettings; }

}  // namespace penstock::daemon
