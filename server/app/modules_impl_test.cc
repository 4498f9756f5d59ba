#include "server/app/modules_impl.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "server/app/testing/fixture.h"

namespace penstock::app {
namespace {

using absl::StatusCode;

class ModulesTest : public AppFixture {
 protected:
  const domain::ModuleName name_{.tenant = "default", .module = "m"};
};

TEST_F(ModulesTest, AnUploadIsInspectedAndStored) {
  const domain::Module module = Upload("m", "bytes");
  EXPECT_EQ(module.sha256, store::Sha256::HexOf("bytes"));
  EXPECT_EQ(module.byte_count, 5u);
  EXPECT_EQ(module.roles, std::vector<domain::Role>{domain::Role::kDialer});
  EXPECT_FALSE(module.uid.empty());
  EXPECT_TRUE(blobs_->Contains(module.sha256));
  EXPECT_EQ(modules_->Get(name_)->revision, module.revision);
}

TEST_F(ModulesTest, KnownBytesNeedNotBeSentAgain) {
  Upload("m", "bytes");
  const auto upload = modules_->BeginUpload(UploadOf("n", "bytes"));
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE((*upload)->complete());
  EXPECT_FALSE((*modules_->BeginUpload(UploadOf("n", "others")))->complete());
  auto lying = UploadOf("n", "bytes");
  lying.byte_count = 6;
  EXPECT_EQ(ReasonOf(Upload(lying, "").status()), "SIZE_MISMATCH");
}

struct BadUpload {
  const char* name;
  std::function<void(Modules::UploadRequest&)> spoil;
  StatusCode code;
  const char* reason;
  const char* field;
};
const BadUpload kBadUploads[] = {
    {"Tenant", [](auto& r) { r.parent.tenant = "other"; }, StatusCode::kNotFound,
     "TENANT_NOT_FOUND", ""},
    {"Id", [](auto& r) { r.module_id = "Bad"; }, StatusCode::kInvalidArgument, "INVALID_ID",
     "header.module_id"},
    {"Digest", [](auto& r) { r.sha256 = "abc"; }, StatusCode::kInvalidArgument, "INVALID_DIGEST",
     "header.sha256"},
    {"WrongDigest", [](auto& r) { r.sha256 = std::string(64, '0'); }, StatusCode::kInvalidArgument,
     "DIGEST_MISMATCH", "header.sha256"},
    {"NoSize", [](auto& r) { r.byte_count = 0; }, StatusCode::kInvalidArgument, "INVALID_SIZE",
     "header.size_bytes"},
    {"TooLarge", [](auto& r) { r.byte_count = (64 << 20) + 1; }, StatusCode::kResourceExhausted,
     "MODULE_TOO_LARGE", "header.size_bytes"},
    {"MoreBytes", [](auto& r) { r.byte_count = 4; }, StatusCode::kInvalidArgument, "SIZE_MISMATCH",
     "header.size_bytes"},
    {"FewerBytes", [](auto& r) { r.byte_count = 6; }, StatusCode::kInvalidArgument, "SIZE_MISMATCH",
     "header.size_bytes"},
    {"RequestId", [](auto& r) { r.request_id = "7"; }, StatusCode::kInvalidArgument,
     "INVALID_REQUEST_ID", "header.request_id"},
    {"Label", [](auto& r) { r.labels["Bad"] = ""; }, StatusCode::kInvalidArgument, "INVALID_LABEL",
     "header.module.labels"},
};
class BadUploadTest : public AppFixture, public testing::WithParamInterface<BadUpload> {};
TEST_P(BadUploadTest, IsRefusedAndLeavesNothing) {
  auto request = UploadOf("m", "bytes");
  GetParam().spoil(request);
  const absl::Status status = Upload(request, "bytes").status();
  EXPECT_EQ(status.code(), GetParam().code);
  EXPECT_EQ(ReasonOf(status), GetParam().reason);
  EXPECT_EQ(FieldOf(status), GetParam().field);
  EXPECT_TRUE(blobs_->List()->empty());
  EXPECT_EQ(*store_.Revision(), 0);
  EXPECT_EQ(pool_.inspect_count, 0);
}
INSTANTIATE_TEST_SUITE_P(All, BadUploadTest, testing::ValuesIn(kBadUploads),
                         [](const auto& param_info) { return param_info.param.name; });

TEST_F(ModulesTest, WhatTheInspectionRefusesIsNotStored) {
  pool_.inspected = domain::InvalidField("module", "NOT_WASM", "no");
  const absl::Status status = Upload(UploadOf("m", "bytes"), "bytes").status();
  EXPECT_EQ(ReasonOf(status), "NOT_WASM");
  EXPECT_TRUE(blobs_->List()->empty());
  EXPECT_EQ(modules_->Get(name_).status().code(), StatusCode::kNotFound);
}

TEST_F(ModulesTest, ValidateOnlyChecksAllAndStoresNothing) {
  auto request = UploadOf("m", "bytes");
  request.validate_only = true;
  EXPECT_TRUE(Upload(request, "bytes").ok());
  EXPECT_EQ(pool_.inspect_count, 1);
  EXPECT_TRUE(blobs_->List()->empty());
  EXPECT_EQ(*store_.Revision(), 0);
}

TEST_F(ModulesTest, ATakenNameIsReplacedOnlyWhereAsked) {
  const domain::Module first = Upload("m", "one");
  auto request = UploadOf("m", "two");
  const absl::Status taken = Upload(request, "two").status();
  EXPECT_EQ(taken.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(taken), "MODULE_EXISTS");
  request.replace = true;
  const auto second = Upload(request, "two");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->uid, first.uid);
  EXPECT_FALSE(blobs_->Contains(first.sha256));
  EXPECT_TRUE(blobs_->Contains(second->sha256));
}

TEST_F(ModulesTest, AReplacementMustServeTheTransportsThatUseIt) {
  Upload("m", "one");
  Create("t");
  pool_.inspected->roles = {domain::Role::kListener};
  auto request = UploadOf("m", "two");
  request.replace = true;
  const absl::Status status = Upload(request, "two").status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "ROLE_NOT_SUPPORTED");
  EXPECT_EQ(blobs_->List()->size(), 1u);
}

TEST_F(ModulesTest, ARepeatedRequestGetsTheFirstAnswer) {
  auto request = UploadOf("m", "bytes");
  request.request_id = kRequestId;
  const auto first = Upload(request, "bytes");
  const auto again = Upload(request, "bytes");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->revision, first->revision);
  request.module_id = "n";
  EXPECT_EQ(ReasonOf(Upload(request, "bytes").status()), "REQUEST_ID_REUSED");
}

TEST_F(ModulesTest, UploadsAtOnceAreBounded) {
  modules_ = std::make_unique<ModulesImpl>(ModuleDeps(), ModulesImpl::Limits{.uploads_max = 2});
  auto one = modules_->BeginUpload(UploadOf("a", "1"));
  const auto two = modules_->BeginUpload(UploadOf("b", "2"));
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(ReasonOf(modules_->BeginUpload(UploadOf("c", "3")).status()), "TOO_MANY_UPLOADS");
  one->reset();
  EXPECT_TRUE(modules_->BeginUpload(UploadOf("c", "3")).ok());
}

TEST_F(ModulesTest, UpdateChangesMetadataOnly) {
  const domain::Module module = Upload("m");
  Modules::UpdateRequest request{.name = name_,
                                 .description = "new",
                                 .labels = {{"a", "b"}},
                                 .update_mask = {"description"},
                                 .etag = std::to_string(module.revision)};
  const auto updated = modules_->Update(request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->description, "new");
  EXPECT_TRUE(updated->labels.empty());
  EXPECT_GT(updated->revision, module.revision);
  EXPECT_EQ(ReasonOf(modules_->Update(request).status()), "STALE_ETAG");
  request.etag.clear();
  EXPECT_EQ(modules_->Update(request)->revision, updated->revision);
  request.update_mask = {"sha256"};
  EXPECT_EQ(ReasonOf(modules_->Update(request).status()), "UNKNOWN_FIELD");
}

TEST_F(ModulesTest, AModuleInUseIsNotDeleted) {
  const domain::Module module = Upload("m");
  Create("t");
  EXPECT_EQ(ReasonOf(modules_->Delete(name_, "")), "MODULE_IN_USE");
  ASSERT_TRUE(transports_.Delete(NameOf("t"), "").ok());
  EXPECT_EQ(ReasonOf(modules_->Delete(name_, "999")), "STALE_ETAG");
  EXPECT_TRUE(modules_->Delete(name_, std::to_string(module.revision)).ok());
  EXPECT_FALSE(blobs_->Contains(module.sha256));
  EXPECT_EQ(ReasonOf(modules_->Delete(name_, "")), "MODULE_NOT_FOUND");
}

TEST_F(ModulesTest, BytesStayWhileAnotherModuleNamesThem) {
  const domain::Module module = Upload("m");
  Upload("n");
  ASSERT_TRUE(modules_->Delete(name_, "").ok());
  EXPECT_TRUE(blobs_->Contains(module.sha256));
}

TEST_F(ModulesTest, GarbageIsCollectedAtStart) {
  const domain::Module module = Upload("m");
  const auto writer = *blobs_->NewWriter();
  ASSERT_TRUE(writer->Append("orphan").ok());
  ASSERT_TRUE(writer->Finish().ok());
  ASSERT_TRUE(writer->Commit().ok());
  ASSERT_TRUE(modules_->CollectGarbage().ok());
  EXPECT_EQ(*blobs_->List(), std::vector<std::string>{module.sha256});
}

TEST_F(ModulesTest, ListsArePagedByATokenOfTheirOwn) {
  for (const char* id : {"a", "b", "c"}) Upload(id);
  const domain::TenantName parent{.tenant = "default"};
  const auto first = modules_->List(parent, 2, "");
  ASSERT_EQ(first->items.size(), 2u);
  const auto second = modules_->List(parent, 2, first->next_page_token);
  ASSERT_EQ(second->items.size(), 1u);
  EXPECT_EQ(second->items[0].name.module, "c");
  EXPECT_EQ(second->next_page_token, "");
  EXPECT_EQ(ReasonOf(transports_.List(parent, 2, first->next_page_token).status()),
            "INVALID_PAGE_TOKEN");
  EXPECT_EQ(ReasonOf(modules_->List(parent, 2, "nonsense").status()), "INVALID_PAGE_TOKEN");
  EXPECT_EQ(ReasonOf(modules_->List(parent, -1, "").status()), "NEGATIVE_PAGE_SIZE");
  EXPECT_EQ(modules_->List(parent, 1'000'000, "")->items.size(), 3u);
}

TEST_F(ModulesTest, OldRequestsAreForgotten) {
  auto request = UploadOf("m", "bytes");
  request.request_id = kRequestId;
  ASSERT_TRUE(Upload(request, "bytes").ok());
  clock_.Advance(RequestLog::kKeptFor - std::chrono::seconds(1));
  ASSERT_TRUE(requests_.Purge().ok());
  EXPECT_TRUE(Upload(request, "bytes").ok());
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(requests_.Purge().ok());
  EXPECT_EQ(ReasonOf(Upload(request, "bytes").status()), "MODULE_EXISTS");
}

}  // namespace
}  // namespace penstock::app
