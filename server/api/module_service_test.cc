#include "server/api/module_service.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/testing/api_fixture.h"
#include "server/api/upload.h"

namespace penstock::api {
namespace {

using namespace testing;
using ::testing::ElementsAre;

class ModuleServiceTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    modules_.modules["m"].name = ModuleNamed("m");
    stub_ = pb::ModuleService::NewStub(channel_);
  }

  static pb::UploadModuleRequest Header(const std::string& sha256) {
    pb::UploadModuleRequest request;
    request.mutable_header()->set_parent("tenants/default");
    request.mutable_header()->set_module_id("m");
    request.mutable_header()->set_sha256(sha256);
    request.mutable_header()->set_size_bytes(6);
    return request;
  }
  static pb::UploadModuleRequest Chunk(const std::string& bytes) {
    pb::UploadModuleRequest request;
    request.set_chunk(bytes);
    return request;
  }

  // Sends all of `requests`, as far as the server takes them.
  grpc::Status Upload(const std::vector<pb::UploadModuleRequest>& requests) {
    grpc::ClientContext context;
    response_.Clear();
    const auto writer = stub_->UploadModule(&context, &response_);
    for (const auto& request : requests) {
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }

  std::unique_ptr<pb::ModuleService::Stub> stub_;
  pb::Module response_;
};

TEST_F(ModuleServiceTest, GetsListsUpdatesAndDeletes) {
  grpc::ClientContext get_context;
  pb::GetModuleRequest get;
  get.set_name("tenants/default/modules/m");
  ASSERT_TRUE(stub_->GetModule(&get_context, get, &response_).ok());
  EXPECT_EQ(response_.name(), get.name());

  grpc::ClientContext list_context;
  pb::ListModulesRequest list;
  list.set_parent("tenants/default");
  list.set_page_size(7);
  list.set_page_token("token");
  pb::ListModulesResponse page;
  ASSERT_TRUE(stub_->ListModules(&list_context, list, &page).ok());
  EXPECT_EQ(page.modules_size(), 1);
  EXPECT_EQ(page.next_page_token(), "next");
  EXPECT_EQ(modules_.list_page_size, 7);
  EXPECT_EQ(modules_.list_page_token, "token");

  grpc::ClientContext update_context;
  pb::UpdateModuleRequest update;
  update.mutable_module()->set_name(get.name());
  update.mutable_module()->set_description("new");
  update.mutable_module()->set_etag("5");
  ASSERT_TRUE(stub_->UpdateModule(&update_context, update, &response_).ok());
  EXPECT_THAT(modules_.update.update_mask, ElementsAre("description"));
  EXPECT_EQ(modules_.update.etag, "5");

  grpc::ClientContext delete_context;
  pb::DeleteModuleRequest remove;
  remove.set_name(get.name());
  remove.set_etag("6");
  google::protobuf::Empty empty;
  ASSERT_TRUE(stub_->DeleteModule(&delete_context, remove, &empty).ok());
  EXPECT_EQ(modules_.delete_etag, "6");
}

TEST_F(ModuleServiceTest, ABadNameIsBlamedOnItsField) {
  grpc::ClientContext context;
  pb::GetModuleRequest get;
  get.set_name("modules/m");
  const grpc::Status status = stub_->GetModule(&context, get, &response_);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "name");
}

TEST_F(ModuleServiceTest, AnotherTenantDoesNotExist) {
  grpc::ClientContext context;
  pb::GetModuleRequest get;
  get.set_name("tenants/other/modules/m");
  const grpc::Status status = stub_->GetModule(&context, get, &response_);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "TENANT_NOT_FOUND");
}

TEST_F(ModuleServiceTest, UploadsInChunks) {
  ASSERT_TRUE(Upload({Header("new"), Chunk("abc"), Chunk("def")}).ok());
  EXPECT_EQ(response_.size_bytes(), 6);
  EXPECT_EQ(modules_.log->bytes, "abcdef");
  EXPECT_EQ(modules_.log->request.byte_count, 6);
}

TEST_F(ModuleServiceTest, KnownBytesNeedTheHeaderOnly) {
  grpc::ClientContext context;
  const auto writer = stub_->UploadModule(&context, &response_);
  ASSERT_TRUE(writer->Write(Header("known")));
  // Neither a chunk nor an end of the stream: the answer comes all the same.
  EXPECT_TRUE(writer->Finish().ok());
  EXPECT_EQ(response_.name(), "tenants/default/modules/m");
}

struct BadUpload {
  const char* name;
  std::vector<pb::UploadModuleRequest> requests;
  const char* reason;
};

TEST_F(ModuleServiceTest, RefusesUploadsOutOfOrder) {
  pb::UploadModuleRequest foreign = Header("new");
  foreign.mutable_header()->set_parent("tenants/other");
  const BadUpload cases[] = {
      {"nothing", {}, "MISSING_HEADER"},
      {"chunk first", {Chunk("abc")}, "MISSING_HEADER"},
      {"neither", {pb::UploadModuleRequest()}, "MISSING_HEADER"},
      {"header twice", {Header("new"), Header("new")}, "DUPLICATE_HEADER"},
      {"large chunk",
       {Header("new"), Chunk(std::string(kUploadChunkByteCountMax + 1, 'x'))},
       "CHUNK_TOO_LARGE"},
      {"other tenant", {foreign}, "TENANT_NOT_FOUND"},
  };
  for (const BadUpload& c : cases) {
    EXPECT_EQ(ReasonOf(Upload(c.requests)), c.reason) << c.name;
  }
  EXPECT_TRUE(Upload({Header("new"), Chunk(std::string(kUploadChunkByteCountMax, 'x'))}).ok());
}

TEST_F(ModuleServiceTest, AnErrorOfTheUseCaseEndsTheUpload) {
  modules_.byte_count_max = 4;
  const grpc::Status too_large = Upload({Header("new"), Chunk("abc"), Chunk("def")});
  EXPECT_EQ(too_large.error_code(), grpc::RESOURCE_EXHAUSTED);
  modules_.byte_count_max = 100;
  modules_.finish_status = domain::InvalidField("module", "NOT_WASM", "it is not wasm");
  EXPECT_EQ(ReasonOf(Upload({Header("new"), Chunk("abc")})), "NOT_WASM");
  modules_.begin_status = absl::AlreadyExistsError("taken");
  EXPECT_EQ(Upload({Header("new")}).error_code(), grpc::ALREADY_EXISTS);
}

TEST_F(ModuleServiceTest, ACallerThatGoesAwayTakesItsBytesAlong) {
  auto context = std::make_unique<grpc::ClientContext>();
  auto writer = stub_->UploadModule(context.get(), &response_);
  ASSERT_TRUE(writer->Write(Header("new")));
  ASSERT_TRUE(writer->Write(Chunk("abc")));
  context->TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::CANCELLED);
  server_->ShutDown(std::chrono::seconds(10));  // waits for every call
  EXPECT_TRUE(modules_.log == nullptr || modules_.log->destroyed);
}

TEST_F(ModuleServiceTest, AnAnswerThatComesTooLateIsDropped) {
  modules_.hold_finish = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  const auto writer = stub_->UploadModule(&context, &response_);
  writer->Write(Header("known"));
  EXPECT_EQ(writer->Finish().error_code(), grpc::DEADLINE_EXCEEDED);
  server_->ShutDown(std::chrono::seconds(10));
  if (modules_.held) modules_.held(domain::Module());
}

class IdleUploadTest : public ModuleServiceTest {
 protected:
  IdleUploadTest() { upload_idle_timeout_ = std::chrono::milliseconds(50); }
};

TEST_F(IdleUploadTest, AnUploadThatStandsStillIsEnded) {
  grpc::ClientContext context;
  const auto writer = stub_->UploadModule(&context, &response_);
  ASSERT_TRUE(writer->Write(Header("new")));
  const grpc::Status status = writer->Finish();
  EXPECT_EQ(status.error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(ReasonOf(status), "UPLOAD_IDLE");
}

TEST_F(ModuleServiceTest, AShutdownEndsUploads) {
  grpc::ClientContext context;
  const auto writer = stub_->UploadModule(&context, &response_);
  ASSERT_TRUE(writer->Write(Header("new")));
  context.TryCancel();
  server_->ShutDown(std::chrono::seconds(10));
  EXPECT_FALSE(writer->Finish().ok());
}

TEST_F(ModuleServiceTest, CountsCallsByMethodAndCode) {
  grpc::ClientContext context;
  pb::GetModuleRequest get;
  get.set_name("tenants/default/modules/none");
  stub_->GetModule(&context, get, &response_);
  ASSERT_TRUE(Upload({Header("known")}).ok());
  EXPECT_EQ(stats_.count(Rpc::kGetModule, grpc::NOT_FOUND), 1u);
  EXPECT_EQ(stats_.count(Rpc::kGetModule, grpc::OK), 0u);
  EXPECT_EQ(stats_.count(Rpc::kUploadModule, grpc::OK), 1u);
}

}  // namespace
}  // namespace penstock::api
