#include "server/api/session_service.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "server/api/session_watch.h"
#include "server/api/testing/api_fixture.h"

namespace penstock::api {
namespace {

using namespace testing;

class SessionServiceTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    stub_ = pb::SessionService::NewStub(channel_);
  }

  domain::SessionName Begin(const std::string& transport) {
    domain::Session session;
    session.name.transport = TransportNamed(transport);
    session.role = domain::Role::kDialer;
    return registry_.Begin(std::move(session), nullptr);
  }

  grpc::Status List(const pb::ListSessionsRequest& request) {
    grpc::ClientContext context;
    page_.Clear();
    return stub_->ListSessions(&context, request, &page_);
  }

  static pb::ListSessionsRequest ListOf(const std::string& transport) {
    pb::ListSessionsRequest request;
    request.set_parent("tenants/default/transports/" + transport);
    return request;
  }

  std::unique_ptr<pb::SessionService::Stub> stub_;
  pb::ListSessionsResponse page_;
};

TEST_F(SessionServiceTest, PagesHoldEverySessionOnce) {
  std::set<std::string> begun;
  for (int i = 0; i < 7; ++i) begun.insert(Begin(i % 2 == 0 ? "a" : "b").ToString());
  pb::ListSessionsRequest request = ListOf("-");
  request.set_page_size(3);
  std::set<std::string> listed;
  for (int pages = 1;; ++pages) {
    ASSERT_LE(pages, 3);
    ASSERT_TRUE(List(request).ok());
    for (const auto& session : page_.sessions()) listed.insert(session.name());
    if (page_.next_page_token().empty()) break;
    request.set_page_token(page_.next_page_token());
  }
  EXPECT_EQ(listed, begun);
  ASSERT_TRUE(List(ListOf("a")).ok());
  EXPECT_EQ(page_.sessions_size(), 4);
}

TEST_F(SessionServiceTest, EndedSessionsAreShownOnRequest) {
  const domain::SessionName name = Begin("a");
  registry_.End(name.session_id, EndReason::kCompleted, "done");
  pb::ListSessionsRequest request = ListOf("a");
  ASSERT_TRUE(List(request).ok());
  EXPECT_EQ(page_.sessions_size(), 0);
  request.set_show_ended(true);
  ASSERT_TRUE(List(request).ok());
  ASSERT_EQ(page_.sessions_size(), 1);
  EXPECT_EQ(page_.sessions(0).end_reason(), "completed");
}

TEST_F(SessionServiceTest, RefusesBadPages) {
  Begin("a");
  Begin("a");
  pb::ListSessionsRequest request = ListOf("a");
  request.set_page_size(-1);
  EXPECT_EQ(FieldOf(List(request)), "page_size");
  request.set_page_size(1);
  ASSERT_TRUE(List(request).ok());
  const std::string token = page_.next_page_token();
  for (const std::string& bad : {std::string("x"), token + "0", std::string(token.size(), 'z')}) {
    request.set_page_token(bad);
    EXPECT_EQ(ReasonOf(List(request)), "INVALID_PAGE_TOKEN") << bad;
  }
  // Arguments may not change between pages.
  request.set_page_token(token);
  request.set_show_ended(true);
  EXPECT_EQ(ReasonOf(List(request)), "INVALID_PAGE_TOKEN");
}

TEST_F(SessionServiceTest, GetsOne) {
  const domain::SessionName name = Begin("a");
  pb::GetSessionRequest request;
  request.set_name(name.ToString());
  pb::Session session;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->GetSession(&context, request, &session).ok());
  EXPECT_EQ(session.state(), pb::Session::STATE_STARTING);
  request.set_name("tenants/default/transports/a/sessions/1");
  grpc::ClientContext other;
  const grpc::Status status = stub_->GetSession(&other, request, &session);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(DetailIn<google::rpc::ResourceInfo>(status)->resource_type(), "penstock.dev/Session");
}

TEST_F(SessionServiceTest, Terminates) {
  const domain::SessionName name = Begin("a");
  pb::TerminateSessionRequest request;
  request.set_name(name.ToString());
  google::protobuf::Empty empty;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->TerminateSession(&context, request, &empty).ok());
  EXPECT_EQ(sessions_.terminated, name);
}

TEST_F(SessionServiceTest, AWatchBeginsWithTheLiveSessions) {
  const domain::SessionName before = Begin("a");
  Begin("b");
  grpc::ClientContext context;
  pb::WatchSessionsRequest request;
  request.set_parent("tenants/default/transports/a");
  const auto reader = stub_->WatchSessions(&context, request);
  pb::WatchSessionsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.session().name(), before.ToString());
  Begin("b");
  registry_.End(before.session_id, EndReason::kIdleTimeout, "");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.session().state(), pb::Session::STATE_ENDED);
  EXPECT_EQ(response.session().end_reason(), "idle_timeout");
  context.TryCancel();
  reader->Finish();
}

TEST(SessionWatch, ListsManyAndThenCutsASlowReaderOff) {
  workers::SessionRegistry registry(Clock::System());
  domain::Session session;
  session.name.transport = TransportNamed("a");
  constexpr size_t kLiveCount = 600;  // more than a batch
  for (size_t i = 0; i < kLiveCount; ++i) registry.Begin(session, nullptr);
  int ready_count = 0;
  const auto watch = WatchSessions(registry, TransportNamed("-"), [&] { ++ready_count; });
  for (size_t i = 0; i < kLiveCount; ++i) {
    const auto next = watch->Next();
    ASSERT_TRUE(next.ok() && next->has_value()) << i;
  }
  ASSERT_FALSE(watch->Next()->has_value());
  for (size_t i = 0; i < kSessionWatchQueueMax; ++i) registry.Begin(session, nullptr);
  EXPECT_EQ(ready_count, static_cast<int>(kSessionWatchQueueMax));
  EXPECT_TRUE(watch->Next().ok());
  registry.Begin(session, nullptr);
  registry.Begin(session, nullptr);
  EXPECT_EQ(watch->Next().status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace penstock::api
