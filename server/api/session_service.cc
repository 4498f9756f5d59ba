#include "server/api/session_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "fmt/format.h"
#include "server/api/conversions.h"
#include "server/api/session_watch.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

constexpr int32_t kPageSizeDefault = 50;
constexpr int32_t kPageSizeMax = 1000;

absl::StatusOr<size_t> PageSize(int32_t asked) {
  if (asked < 0) {
    return domain::InvalidField("page_size", "NEGATIVE_PAGE_SIZE",
                                fmt::format("page_size is {}; it must be 0 or more", asked));
  }
  return static_cast<size_t>(asked == 0 ? kPageSizeDefault : std::min(asked, kPageSizeMax));
}

// A token names the last session of the page and the list that it belongs to.
std::string ListKey(const pb::ListSessionsRequest& request) {
  const std::string list = fmt::format("{}?{}", request.parent(), request.show_ended());
  return fmt::format("{:016x}", std::hash<std::string>{}(list));
}

std::string PageTokenAfter(const pb::ListSessionsRequest& request, uint64_t session_id) {
  return fmt::format("{}{:016x}", ListKey(request), session_id);
}

// The session that the page begins after.
absl::StatusOr<uint64_t> ParsePageToken(const pb::ListSessionsRequest& request) {
  const std::string& token = request.page_token();
  if (token.empty()) return 0;
  const std::string key = ListKey(request);
  const bool fits = token.size() == key.size() + 16 && token.compare(0, key.size(), key) == 0 &&
                    std::all_of(token.begin(), token.end(), [](char c) {
                      return std::string_view("0123456789abcdef").find(c) != std::string_view::npos;
                    });
  if (!fits) {
    return domain::InvalidField("page_token", "INVALID_PAGE_TOKEN",
                                "page_token is not one that a list with these arguments returned");
  }
  return std::stoull(token.substr(key.size()), nullptr, 16);
}

absl::Status NotFound(const std::string& name) {
  return domain::MakeError(
      absl::StatusCode::kNotFound, fmt::format("session \"{}\" is not known", name),
      domain::ErrorDetail{"SESSION_NOT_FOUND", {}, {}, "penstock.dev/Session", name});
}

}  // namespace

grpc::ServerUnaryReactor* SessionService::ListSessions(grpc::CallbackServerContext* context,
                                                       const pb::ListSessionsRequest* request,
                                                       pb::ListSessionsResponse* response) {
  return gateway_.Serve(context, Rpc::kListSessions, request->parent(),
                        [&] { return List(*request, response); });
}

absl::Status SessionService::List(const pb::ListSessionsRequest& request,
                                  pb::ListSessionsResponse* response) {
  ASSIGN_OR_RETURN(const auto parent,
                   domain::TransportName::ParseWildcard(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const uint64_t after, ParsePageToken(request));
  // One more than asked tells whether there is another page.
  std::vector<domain::Session> sessions =
      registry_.List(parent, after, page_size + 1, request.show_ended());
  if (sessions.size() > page_size) {
    sessions.resize(page_size);
    response->set_next_page_token(PageTokenAfter(request, sessions.back().name.session_id));
  }
  for (const domain::Session& session : sessions) *response->add_sessions() = ToProto(session);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SessionService::GetSession(grpc::CallbackServerContext* context,
                                                     const pb::GetSessionRequest* request,
                                                     pb::Session* response) {
  return gateway_.Serve(context, Rpc::kGetSession, request->name(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto name, domain::SessionName::Parse(request->name(), "name"));
    const std::optional<domain::Session> session = registry_.Get(name);
    if (!session) return NotFound(request->name());
    *response = ToProto(*session);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<pb::WatchSessionsResponse>* SessionService::WatchSessions(
    grpc::CallbackServerContext* /*context*/, const pb::WatchSessionsRequest* request) {
  using Source = WatchSource<pb::WatchSessionsResponse>;
  return WatchReactor<pb::WatchSessionsResponse>::Start(
      gateway_, Rpc::kWatchSessions, request->parent(),
      [&](std::function<void()> on_ready) -> absl::StatusOr<std::unique_ptr<Source>> {
        ASSIGN_OR_RETURN(auto parent,
                         domain::TransportName::ParseWildcard(request->parent(), "parent"));
        return api::WatchSessions(registry_, std::move(parent), std::move(on_ready));
      });
}

grpc::ServerUnaryReactor* SessionService::TerminateSession(
    grpc::CallbackServerContext* context, const pb::TerminateSessionRequest* request,
    google::protobuf::Empty* /*response*/) {
  return gateway_.Serve(context, Rpc::kTerminateSession, request->name(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto name, domain::SessionName::Parse(request->name(), "name"));
    return sessions_.Terminate(name);
  });
}

}  // namespace penstock::api
