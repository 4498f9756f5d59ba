#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::api {

// Every method that Penstock serves: the one closed list behind the metric label `method`.
enum class Rpc : uint8_t {
  kUploadModule,
  kGetModule,
  kListModules,
  kUpdateModule,
  kDeleteModule,
  kCreateTransport,
  kGetTransport,
  kListTransports,
  kUpdateTransport,
  kDeleteTransport,
  kStartTransport,
  kStopTransport,
  kWatchTransports,
  kListSessions,
  kGetSession,
  kWatchSessions,
  kTerminateSession,
  kGetServerInfo,
};
inline constexpr size_t kRpcCount = 18;

// Whether a call's length says anything: a watch lasts as long as its caller likes.
enum class Timed : uint8_t { kYes, kNo };

struct RpcRow {
  std::string_view name;  // the metric label: unique over all services
  Timed timed = Timed::kYes;
};

// In the order of Rpc.
inline constexpr std::array<RpcRow, kRpcCount> kRpcs = {{
    {"UploadModule"},
    {"GetModule"},
    {"ListModules"},
    {"UpdateModule"},
    {"DeleteModule"},
    {"CreateTransport"},
    {"GetTransport"},
    {"ListTransports"},
    {"UpdateTransport"},
    {"DeleteTransport"},
    {"StartTransport"},
    {"StopTransport"},
    {"WatchTransports", Timed::kNo},
    {"ListSessions"},
    {"GetSession"},
    {"WatchSessions", Timed::kNo},
    {"TerminateSession"},
    {"GetServerInfo"},
}};

}  // namespace penstock::api
