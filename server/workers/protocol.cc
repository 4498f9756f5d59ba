#include "server/workers/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/end_reason.h"
#include "base/status.h"

namespace penstock::workers {
namespace {

absl::Status CheckText(const std::string& text, size_t size_max, std::string_view what) {
  if (text.size() <= size_max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{} of {} bytes, at most {} are allowed", what, text.size(), size_max));
}

absl::Status Check(const pb::Hello& hello) {
  RETURN_IF_ERROR(CheckText(hello.v8_version(), kVersionTextMax, "Hello.v8_version"));
  return CheckText(hello.isolation_mode(), kVersionTextMax, "Hello.isolation_mode");
}

absl::Status Check(const pb::DialRequest& request) {
  if (request.target() < pb::DialRequest::TARGET_REMOTE ||
      request.target() > pb::DialRequest::TARGET_UPSTREAM) {
    return absl::InvalidArgumentError(
        fmt::format("DialRequest.target {}", static_cast<int>(request.target())));
  }
  RETURN_IF_ERROR(CheckText(request.network(), kDialTextMax, "DialRequest.network"));
  return CheckText(request.address(), kDialTextMax, "DialRequest.address");
}

absl::Status Check(const pb::SessionEnded& ended) {
  if (ended.reason() >= kEndReasonCount) {
    return absl::InvalidArgumentError(fmt::format("SessionEnded.reason {}", ended.reason()));
  }
  return CheckText(ended.message(), kMessageTextMax, "SessionEnded.message");
}

absl::Status Check(const pb::ModuleInspected& inspected) {
  RETURN_IF_ERROR(
      CheckText(inspected.error_reason(), kReasonTextMax, "ModuleInspected.error_reason"));
  const bool upper_snake = std::all_of(
      inspected.error_reason().begin(), inspected.error_reason().end(),
      [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
  if (!upper_snake) {
    return absl::InvalidArgumentError("ModuleInspected.error_reason is not UPPER_SNAKE_CASE");
  }
  RETURN_IF_ERROR(
      CheckText(inspected.error_message(), kMessageTextMax, "ModuleInspected.error_message"));
  const bool roles_known =
      std::all_of(inspected.roles().begin(), inspected.roles().end(),
                  [](int role) { return role >= pb::ROLE_DIALER && role <= pb::ROLE_RELAY; });
  if (!roles_known || inspected.roles_size() > pb::ROLE_RELAY) {
    return absl::InvalidArgumentError("ModuleInspected.roles are not a set of roles");
  }
  if (static_cast<size_t>(inspected.imports_size()) > kImportsMax) {
    return absl::InvalidArgumentError(
        fmt::format("ModuleInspected.imports has {} entries", inspected.imports_size()));
  }
  return absl::OkStatus();
}

absl::Status Check(const pb::FromWorker& message) {
  switch (message.message_case()) {
    case pb::FromWorker::kHello:
      return Check(message.hello());
    case pb::FromWorker::kModuleLoaded:
      return CheckText(message.module_loaded().error(), kMessageTextMax, "ModuleLoaded.error");
    case pb::FromWorker::kDialRequest:
      return Check(message.dial_request());
    case pb::FromWorker::kSessionActive:
      return absl::OkStatus();
    case pb::FromWorker::kSessionEnded:
      return Check(message.session_ended());
    case pb::FromWorker::kGuestLog:
      return CheckText(message.guest_log().line(), kMessageTextMax, "GuestLog.line");
    case pb::FromWorker::kModuleInspected:
      return Check(message.module_inspected());
    case pb::FromWorker::MESSAGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("message of no known kind");
}

}  // namespace

absl::StatusOr<pb::FromWorker> Decode(const Packet& packet) {
  if (!packet.fds.empty()) return absl::InvalidArgumentError("message carries descriptors");
  pb::FromWorker message;
  if (!message.ParseFromString(packet.bytes)) {
    return absl::InvalidArgumentError("message cannot be parsed");
  }
  RETURN_IF_ERROR(Check(message));
  return message;
}

Packet Encode(const pb::ToWorker& message, std::vector<UniqueFd> fds) {
  return {.bytes = message.SerializeAsString(), .fds = std::move(fds)};
}

}  // namespace penstock::workers
