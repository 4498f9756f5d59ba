#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/end_reason.h"
#include "base/shared_counters.h"
#include "server/domain/names.h"

namespace penstock::domain {

// As penstock.v1.Role, same values.
enum class Role : uint8_t {
  kUnspecified = 0,
  kDialer = 1,
  kDialerFixed = 2,
  kListener = 3,
  kRelay = 4
};
inline constexpr std::array<std::string_view, 5> kRoleNames = {"unspecified", "dialer",
                                                               "dialer_fixed", "listener", "relay"};

struct Module {
  ModuleName name;
  std::string uid;
  std::string description;
  std::map<std::string, std::string> labels;
  std::string sha256;  // 64 lowercase hexadecimal digits
  uint64_t byte_count = 0;
  std::vector<Role> roles;
  std::vector<std::string> imports;  // "module.name"
  uint64_t memory_minimum_byte_count = 0;
  std::optional<uint64_t> memory_maximum_byte_count;
  WallTime create_time;
  WallTime update_time;
  int64_t revision = 0;  // of the store, and so the etag
};

// What a caller set; unset means the server's default.
struct TransportLimits {
  std::optional<uint32_t> sessions_max;
  std::optional<std::chrono::nanoseconds> handshake_timeout;
  std::optional<std::chrono::nanoseconds> idle_timeout;
  std::optional<std::chrono::nanoseconds> lifetime_max;
  std::optional<std::chrono::nanoseconds> cpu_burst_max;
  std::optional<uint64_t> memory_byte_count_max;
  std::optional<std::chrono::nanoseconds> stop_grace;

  bool operator==(const TransportLimits&) const = default;
};

struct Transport {
  TransportName name;
  std::string uid;
  std::string description;
  std::map<std::string, std::string> labels;
  ModuleName module;
  Role role = Role::kUnspecified;
  std::string listen;
  std::string remote;
  std::string upstream;
  std::vector<std::string> dial_allow;
  std::map<std::string, std::string> files;  // of /conf/, "watm.cfg" among them; secret
  TransportLimits limits;
  bool enabled = false;
  WallTime create_time;
  WallTime update_time;
  int64_t revision = 0;
};

enum class TransportState : uint8_t {
  kUnspecified,
  kStopped,
  kStarting,
  kActive,
  kStopping,
  kFailed,
};

struct Condition {
  std::string type;  // "ModuleLoaded", "AddressBound"
  bool status = false;
  std::string reason;
  std::string message;
  WallTime last_transition_time;

  bool operator==(const Condition&) const = default;
};

// What is, as opposed to what was asked. Not stored.
struct TransportStatus {
  TransportState state = TransportState::kStopped;
  std::vector<Condition> conditions;
  std::string bound_address;  // "tcp://127.0.0.1:8443"; empty while nothing is bound
  std::string module_sha256;
  uint32_t session_count = 0;
  int64_t observed_revision = 0;

  bool operator==(const TransportStatus&) const = default;
};

enum class SessionState : uint8_t { kUnspecified, kStarting, kActive, kEnded };

struct Session {
  SessionName name;
  SessionState state = SessionState::kStarting;
  Role role = Role::kUnspecified;
  std::string peer_address;
  std::string remote_address;
  int worker = 0;
  std::string module_sha256;
  WallTime start_time;
  std::optional<WallTime> end_time;
  std::array<uint64_t, kDirectionCount> byte_count{};  // by Direction
  std::chrono::nanoseconds cpu_time{0};
  uint64_t memory_byte_count = 0;
  std::optional<EndReason> end_reason;
  std::string end_message;
};

// Defaults of TransportLimits, and what a caller may ask for at most.
inline constexpr uint32_t kSessionsMaxDefault = 10'000;
inline constexpr std::chrono::nanoseconds kHandshakeTimeoutDefault = std::chrono::seconds(30);
inline constexpr std::chrono::nanoseconds kIdleTimeoutDefault = std::chrono::minutes(10);
inline constexpr std::chrono::nanoseconds kLifetimeDefault{0};  // none
inline constexpr std::chrono::nanoseconds kCpuBurstDefault = std::chrono::seconds(2);
inline constexpr std::chrono::nanoseconds kStopGraceDefault = std::chrono::seconds(1);
// Room for the conservative collector of TinyGo modules, which takes payload for pointers: one that
// mostly lives on 1 MiB was seen to trap at a limit of 64 under a steady load.
inline constexpr uint64_t kMemoryByteCountDefault = 256ull << 20;
inline constexpr uint64_t kMemoryByteCountMax = 1ull << 30;
inline constexpr std::chrono::nanoseconds kDurationMax = std::chrono::hours(24 * 30);
inline constexpr size_t kConfigurationByteCountMax = 1 << 20;
inline constexpr size_t kDialAllowMax = 256;
inline constexpr size_t kLabelsMax = 64;
inline constexpr size_t kLabelKeySizeMax = 63;       // bytes
inline constexpr size_t kLabelValueSizeMax = 255;    // bytes
inline constexpr size_t kDescriptionSizeMax = 4096;  // bytes
inline constexpr size_t kFilesMax = 64;
inline constexpr size_t kFileNameSizeMax = 255;  // bytes, as NAME_MAX
inline constexpr uint32_t kSessionsMaxMax = 1'000'000;
inline constexpr std::chrono::nanoseconds kCpuBurstMin = std::chrono::milliseconds(1);
inline constexpr std::chrono::nanoseconds kStopGraceMax = std::chrono::minutes(10);
inline constexpr uint64_t kMemoryByteCountMin = 64ull << 10;  // a page of WebAssembly
static_assert(kMemoryByteCountMin <= kMemoryByteCountDefault);
static_assert(kMemoryByteCountDefault <= kMemoryByteCountMax);

}  // namespace penstock::domain
