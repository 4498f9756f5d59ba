#include "server/api/transport_service.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/testing/api_fixture.h"

namespace penstock::api {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using Change = app::TransportChange;

class TransportServiceTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    transports_.views["t"].transport.name = TransportNamed("t");
    stub_ = pb::TransportService::NewStub(channel_);
  }

  grpc::Status Update(const pb::UpdateTransportRequest& request) {
    grpc::ClientContext context;
    return stub_->UpdateTransport(&context, request, &response_);
  }

  static Change Put(const std::string& id, int64_t revision) {
    Change change;
    change.view.transport.name = TransportNamed(id);
    change.revision = revision;
    return change;
  }

  std::unique_ptr<pb::TransportService::Stub> stub_;
  pb::Transport response_;
};

TEST_F(TransportServiceTest, CreateHandsOnWhatTheCallerSet) {
  grpc::ClientContext context;
  pb::CreateTransportRequest request;
  request.set_parent("tenants/default");
  request.set_transport_id("new");
  request.mutable_transport()->set_listen("tcp://127.0.0.1:0");
  request.mutable_transport()->set_role(pb::ROLE_DIALER);
  request.set_validate_only(true);
  request.set_request_id("uuid");
  ASSERT_TRUE(stub_->CreateTransport(&context, request, &response_).ok());
  EXPECT_EQ(response_.name(), "tenants/default/transports/new");
  EXPECT_EQ(transports_.create.transport.listen, "tcp://127.0.0.1:0");
  EXPECT_EQ(transports_.create.transport.role, domain::Role::kDialer);
  EXPECT_TRUE(transports_.create.validate_only);
  EXPECT_EQ(transports_.create.request_id, "uuid");
}

TEST_F(TransportServiceTest, CreateReportsWhatTheUseCaseRefuses) {
  transports_.create_status = domain::InvalidField("transport.listen", "INVALID_ADDRESS", "bad");
  grpc::ClientContext context;
  pb::CreateTransportRequest request;
  request.set_parent("tenants/default");
  const grpc::Status status = stub_->CreateTransport(&context, request, &response_);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "transport.listen");
}

TEST_F(TransportServiceTest, GetsListsStartsStopsAndDeletes) {
  const std::string name = "tenants/default/transports/t";
  pb::GetTransportRequest get;
  get.set_name(name);
  grpc::ClientContext get_context;
  ASSERT_TRUE(stub_->GetTransport(&get_context, get, &response_).ok());
  pb::ListTransportsRequest list;
  list.set_parent("tenants/default");
  grpc::ClientContext list_context;
  pb::ListTransportsResponse page;
  ASSERT_TRUE(stub_->ListTransports(&list_context, list, &page).ok());
  EXPECT_EQ(page.transports(0).name(), name);
  pb::StartTransportRequest start;
  start.set_name(name);
  start.set_etag("3");
  grpc::ClientContext start_context;
  ASSERT_TRUE(stub_->StartTransport(&start_context, start, &response_).ok());
  EXPECT_TRUE(response_.enabled());
  EXPECT_EQ(transports_.enabled_etag, "3");
  pb::StopTransportRequest stop;
  stop.set_name(name);
  grpc::ClientContext stop_context;
  ASSERT_TRUE(stub_->StopTransport(&stop_context, stop, &response_).ok());
  EXPECT_FALSE(response_.enabled());
  pb::DeleteTransportRequest remove;
  remove.set_name(name);
  google::protobuf::Empty empty;
  grpc::ClientContext delete_context;
  EXPECT_TRUE(stub_->DeleteTransport(&delete_context, remove, &empty).ok());
}

TEST_F(TransportServiceTest, UpdateTakesTheSetFieldsWhereThereIsNoMask) {
  pb::UpdateTransportRequest request;
  request.mutable_transport()->set_name("tenants/default/transports/t");
  request.mutable_transport()->set_etag("9");
  request.mutable_transport()->set_remote("tcp://example.com:443");
  request.mutable_transport()->mutable_limits()->set_sessions_max(5);
  request.set_allow_missing(true);
  ASSERT_TRUE(Update(request).ok());
  EXPECT_THAT(transports_.update.update_mask,
              UnorderedElementsAre("remote", "limits.sessions_max"));
  EXPECT_EQ(transports_.update.etag, "9");
  EXPECT_EQ(transports_.update.transport.name.transport, "t");
  EXPECT_TRUE(transports_.update.allow_missing);
}

TEST_F(TransportServiceTest, UpdateRefusesUnknownFields) {
  pb::UpdateTransportRequest request;
  request.mutable_transport()->set_name("tenants/default/transports/t");
  request.mutable_update_mask()->add_paths("colour");
  const grpc::Status status = Update(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_FIELD");
  EXPECT_EQ(FieldOf(status), "update_mask");
}

TEST_F(TransportServiceTest, AWatchShowsChangesInOrder) {
  grpc::ClientContext context;
  pb::WatchTransportsRequest request;
  request.set_parent("tenants/default");
  request.set_revision(4);
  const auto reader = stub_->WatchTransports(&context, request);
  reader->WaitForInitialMetadata();  // the watch stands
  EXPECT_EQ(transports_.watch_revision, 4);
  transports_.feed->Push(Put("a", 5));
  Change deleted = Put("a", 6);
  deleted.kind = Change::Kind::kDeleted;
  transports_.feed->Push(deleted);
  pb::WatchTransportsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.change(), pb::WatchTransportsResponse::CHANGE_PUT);
  EXPECT_EQ(response.revision(), 5);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.change(), pb::WatchTransportsResponse::CHANGE_DELETED);
  EXPECT_EQ(response.transport().name(), "tenants/default/transports/a");
  EXPECT_EQ(response.transport().etag(), "");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
}

TEST_F(TransportServiceTest, AWatchIsNeverLostBetweenWrites) {
  constexpr int kChangeCount = 2000;
  grpc::ClientContext context;
  pb::WatchTransportsRequest request;
  request.set_parent("tenants/default");
  const auto reader = stub_->WatchTransports(&context, request);
  reader->WaitForInitialMetadata();
  std::thread producer([&] {
    for (int i = 1; i <= kChangeCount; ++i) transports_.feed->Push(Put("a", i));
  });
  pb::WatchTransportsResponse response;
  for (int i = 1; i <= kChangeCount; ++i) {
    ASSERT_TRUE(reader->Read(&response));
    ASSERT_EQ(response.revision(), i);
  }
  producer.join();
  context.TryCancel();
  reader->Finish();
}

TEST_F(TransportServiceTest, AReaderThatFellBehindIsCutOff) {
  grpc::ClientContext context;
  pb::WatchTransportsRequest request;
  request.set_parent("tenants/default");
  const auto reader = stub_->WatchTransports(&context, request);
  reader->WaitForInitialMetadata();
  transports_.feed->Push(absl::ResourceExhaustedError("the reader fell behind"));
  pb::WatchTransportsResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::RESOURCE_EXHAUSTED);
}

TEST_F(TransportServiceTest, AWatchOfANonsenseParentIsRefused) {
  grpc::ClientContext context;
  pb::WatchTransportsRequest request;
  request.set_parent("nobody");
  const grpc::Status status = stub_->WatchTransports(&context, request)->Finish();
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "parent");
}

TEST_F(TransportServiceTest, AShutdownEndsWatchesAndRefusesNewOnes) {
  grpc::ClientContext context;
  pb::WatchTransportsRequest request;
  request.set_parent("tenants/default");
  const auto reader = stub_->WatchTransports(&context, request);
  reader->WaitForInitialMetadata();
  server_->ShutDown(std::chrono::seconds(60));
  pb::WatchTransportsResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
}

}  // namespace
}  // namespace penstock::api
