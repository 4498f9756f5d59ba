#include "tests/bench/load/command_line.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "fmt/format.h"
#include "tests/bench/load/socket.h"

namespace penstock::bench {

const char* const kUsage =
    R"(usage: penstock-load MODE [--flag VALUE]...
Serves a backend, puts load on a target that leads to it, and prints what was
measured as one JSON object a line.

modes
  bulk        streams one way; the backend checks and drops
  bulk-echo   streams both ways; the backend echoes
  ping-pong   one message at a time on each connection
  sessions    connect, one byte, its echo, close, again
  idle        opens connections and holds them until a line comes on standard
              input; prints one object when they stand and one at the end

flags
  --backend ADDRESS:PORT   where the backend listens        (127.0.0.1:0)
  --target ADDRESS:PORT    what is measured                 (the backend itself)
  --connections N          at once                          (1)
  --message-bytes N        ping-pong                        (1024)
  --window-bytes N         bulk: most in flight; 0 = any    (0)
  --warm-up-ms N           carried, not counted             (0)
  --duration-ms N          counted                          (1000)
  --units N                ends after N bytes, exchanges or sessions instead
)";

namespace {

constexpr std::array<std::pair<std::string_view, Mode>, 5> kModes = {{
    {"bulk", Mode::kBulk},
    {"bulk-echo", Mode::kBulkEcho},
    {"ping-pong", Mode::kPingPong},
    {"sessions", Mode::kSessions},
    {"idle", Mode::kIdle},
}};

constexpr uint32_t kConnectionCountMax = 100'000;
constexpr uint32_t kTimeMax_ms = 3'600'000;

absl::StatusOr<Mode> ParseMode(std::string_view text) {
  for (const auto& [name, mode] : kModes) {
    if (name == text) return mode;
  }
  return absl::InvalidArgumentError(fmt::format("unknown mode '{}'", text));
}

absl::StatusOr<uint64_t> ParseNumber(std::string_view flag, std::string_view text, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value <= max) return value;
  return absl::InvalidArgumentError(
      fmt::format("{} '{}' is not a whole number up to {}", flag, text, max));
}

absl::Status SetFlag(std::string_view flag, std::string_view value, CommandLine& out) {
  LoadOptions& load = out.load;
  if (flag == "--backend") {
    ASSIGN_OR_RETURN(out.backend, ParseEndpoint(value));
  } else if (flag == "--target") {
    ASSIGN_OR_RETURN(load.target, ParseEndpoint(value));
    out.has_target = true;
  } else if (flag == "--connections") {
    ASSIGN_OR_RETURN(const uint64_t count, ParseNumber(flag, value, kConnectionCountMax));
    load.connection_count = static_cast<int>(count);
  } else if (flag == "--message-bytes") {
    ASSIGN_OR_RETURN(load.message_byte_count, ParseNumber(flag, value, UINT32_MAX));
  } else if (flag == "--window-bytes") {
    ASSIGN_OR_RETURN(load.window_byte_count, ParseNumber(flag, value, UINT32_MAX));
  } else if (flag == "--warm-up-ms") {
    ASSIGN_OR_RETURN(const uint64_t time_ms, ParseNumber(flag, value, kTimeMax_ms));
    load.warm_up = std::chrono::milliseconds(time_ms);
  } else if (flag == "--duration-ms") {
    ASSIGN_OR_RETURN(const uint64_t time_ms, ParseNumber(flag, value, kTimeMax_ms));
    load.duration = std::chrono::milliseconds(time_ms);
  } else if (flag == "--units") {
    ASSIGN_OR_RETURN(load.unit_count_max, ParseNumber(flag, value, INT64_MAX));
  } else {
    return absl::InvalidArgumentError(fmt::format("unknown flag '{}'", flag));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv) {
  if (argc < 2) return absl::InvalidArgumentError("no mode");
  CommandLine out;
  ASSIGN_OR_RETURN(out.mode, ParseMode(argv[1]));
  ASSIGN_OR_RETURN(out.backend, ParseEndpoint("127.0.0.1:0"));
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) {
      return absl::InvalidArgumentError(fmt::format("{} has no value", argv[i]));
    }
    RETURN_IF_ERROR(SetFlag(argv[i], argv[i + 1], out));
  }
  // An acknowledgement stands for a whole interval: a smaller window would never open again.
  const uint64_t window = out.load.window_byte_count;
  if (out.mode == Mode::kBulk && window != 0 && window < kAckInterval_bytes) {
    return absl::InvalidArgumentError(
        fmt::format("--window-bytes is 0 or at least {}", +kAckInterval_bytes));
  }
  return out;
}

BackendMode BackendModeFor(const CommandLine& command_line) {
  if (command_line.mode != Mode::kBulk) return BackendMode::kEcho;
  return command_line.load.window_byte_count == 0 ? BackendMode::kSink : BackendMode::kAckedSink;
}

}  // namespace penstock::bench
