#include "server/api/update_mask.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "penstock/v1/transport.pb.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Paths = std::vector<std::string>;

google::protobuf::FieldMask MaskOf(const Paths& paths) {
  google::protobuf::FieldMask mask;
  for (const std::string& path : paths) mask.add_paths(path);
  return mask;
}

Paths Resolve(const v1::Transport& transport, const Paths& mask) {
  const auto paths = ResolveUpdateMask(transport, MaskOf(mask));
  EXPECT_TRUE(paths.ok()) << paths.status();
  return paths.ok() ? *paths : Paths{"error"};
}

TEST(ResolveUpdateMask, WithoutAMaskTheSetFieldsCount) {
  v1::Transport transport;
  transport.set_description("d");
  transport.mutable_limits()->mutable_idle_timeout();
  transport.mutable_configuration()->set_watm_cfg("c");
  (*transport.mutable_labels())["a"] = "b";
  EXPECT_THAT(Resolve(transport, {}), UnorderedElementsAre("description", "limits.idle_timeout",
                                                           "configuration.watm_cfg", "labels"));
}

TEST(ResolveUpdateMask, AResourceSentBackAsItWasReadClearsNoSecrets) {
  v1::Transport transport;
  transport.set_name("tenants/default/transports/t");
  transport.set_etag("3");
  transport.set_state(v1::Transport::STATE_ACTIVE);
  transport.mutable_configuration()->set_sha256("digest");
  transport.mutable_limits();
  EXPECT_THAT(Resolve(transport, {}), IsEmpty());
}

TEST(ResolveUpdateMask, TakesGivenPathsOnceAndInOrder) {
  EXPECT_THAT(Resolve({}, {"remote", "limits.idle_timeout", "remote", "configuration", "labels"}),
              ElementsAre("remote", "limits.idle_timeout", "configuration", "labels"));
  EXPECT_THAT(Resolve({}, {"*"}), ElementsAre("*"));
}

TEST(ResolveUpdateMask, IgnoresWhatOnlyTheServerSets) {
  EXPECT_THAT(Resolve({}, {"state", "name", "etag", "uid", "conditions", "configuration.size_bytes",
                           "enabled"}),
              ElementsAre("enabled"));
}

class UnknownPath : public ::testing::TestWithParam<const char*> {};

TEST_P(UnknownPath, IsRefused) {
  const auto paths = ResolveUpdateMask(v1::Transport(), MaskOf({"remote", GetParam()}));
  ASSERT_EQ(paths.status().code(), absl::StatusCode::kInvalidArgument);
  const domain::ErrorDetail detail = domain::DetailOf(paths.status());
  EXPECT_EQ(detail.reason, "UNKNOWN_FIELD");
  EXPECT_EQ(detail.field_violations.at(0).field, "update_mask");
}

INSTANTIATE_TEST_SUITE_P(All, UnknownPath,
                         ::testing::Values("colour", "limits.colour", "listen.host", "labels.team",
                                           "limits.idle_timeout.seconds", "", ".", "limits.", "*",
                                           "Remote"));

TEST(ResolveUpdateMask, IsBounded) {
  EXPECT_FALSE(ResolveUpdateMask(v1::Transport(), MaskOf(Paths(101, "remote"))).ok());
}

}  // namespace
}  // namespace penstock::api
