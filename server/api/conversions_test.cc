#include "server/api/conversions.h"

#include <string>

#include "gtest/gtest.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

using std::chrono::seconds;

pb::Transport FullTransport() {
  pb::Transport transport;
  transport.set_description("to the office");
  (*transport.mutable_labels())["team"] = "blue";
  transport.set_module("tenants/default/modules/reverse");
  transport.set_role(pb::ROLE_RELAY);
  transport.set_listen("tcp://127.0.0.1:0");
  transport.set_remote("tcp://example.com:443");
  transport.set_upstream("unix:///run/app.sock");
  transport.add_dial_allow("*.example.com:443");
  transport.mutable_configuration()->set_watm_cfg("secret");
  (*transport.mutable_configuration()->mutable_files())["ca.pem"] = "certificate";
  transport.mutable_limits()->set_sessions_max(7);
  transport.mutable_limits()->mutable_idle_timeout()->set_seconds(90);
  transport.mutable_limits()->mutable_stop_grace()->set_nanos(5);
  transport.mutable_limits()->set_memory_bytes_max(1 << 20);
  transport.set_enabled(true);
  return transport;
}

TEST(TransportFromProto, TakesEverythingThatACallerSets) {
  const auto transport = TransportFromProto(FullTransport(), "transport");
  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ(transport->description, "to the office");
  EXPECT_EQ(transport->labels.at("team"), "blue");
  EXPECT_EQ(transport->module.module, "reverse");
  EXPECT_EQ(transport->role, domain::Role::kRelay);
  EXPECT_EQ(transport->files.at("watm.cfg"), "secret");
  EXPECT_EQ(transport->files.at("ca.pem"), "certificate");
  EXPECT_EQ(transport->limits.sessions_max, 7u);
  EXPECT_EQ(transport->limits.idle_timeout, seconds(90));
  EXPECT_EQ(transport->limits.stop_grace, std::chrono::nanoseconds(5));
  EXPECT_EQ(transport->limits.lifetime_max, std::nullopt);
  EXPECT_TRUE(transport->enabled);
}

TEST(TransportToProto, ShowsAllButTheSecrets) {
  app::TransportView view;
  view.transport = *TransportFromProto(FullTransport(), "transport");
  view.transport.name = {"default", "t"};
  view.transport.revision = 12;
  view.status.state = domain::TransportState::kActive;
  view.status.bound_address = "tcp://127.0.0.1:8443";
  view.status.conditions = {{"AddressBound", true, "Bound", "", {}}};
  const pb::Transport transport = ToProto(view);
  EXPECT_EQ(transport.name(), "tenants/default/transports/t");
  EXPECT_EQ(transport.etag(), "12");
  EXPECT_EQ(transport.state(), pb::Transport::STATE_ACTIVE);
  EXPECT_EQ(transport.bound_address(), "tcp://127.0.0.1:8443");
  EXPECT_EQ(transport.conditions(0).status(), pb::Condition::STATUS_TRUE);
  EXPECT_EQ(transport.limits().idle_timeout().seconds(), 90);
  EXPECT_FALSE(transport.limits().has_lifetime_max());
  EXPECT_EQ(transport.configuration().size_bytes(), 6);
  ASSERT_EQ(transport.configuration().file_names_size(), 1);
  EXPECT_EQ(transport.configuration().file_names(0), "ca.pem");
  EXPECT_EQ(transport.configuration().sha256(),
            "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
  EXPECT_EQ(transport.SerializeAsString().find("certificate"), std::string::npos);
  EXPECT_EQ(transport.configuration().watm_cfg(), "");
}

struct BadTransport {
  const char* name;
  void (*spoil)(pb::Transport&);
  const char* field;
  const char* reason;
};

class BadTransportTest : public ::testing::TestWithParam<BadTransport> {};

TEST_P(BadTransportTest, NamesTheField) {
  pb::Transport transport = FullTransport();
  GetParam().spoil(transport);
  const absl::Status status = TransportFromProto(transport, "transport").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const domain::ErrorDetail detail = domain::DetailOf(status);
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, GetParam().field);
  EXPECT_EQ(detail.reason, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadTransportTest,
    ::testing::Values(
        BadTransport{"Module", [](pb::Transport& to) { to.set_module("modules/m"); },
                     "transport.module", "INVALID_NAME"},
        BadTransport{"Role", [](pb::Transport& to) { to.set_role(static_cast<pb::Role>(9)); },
                     "transport.role", "UNKNOWN_ROLE"},
        BadTransport{"Sessions",
                     [](pb::Transport& to) { to.mutable_limits()->set_sessions_max(-1); },
                     "transport.limits.sessions_max", "NEGATIVE_LIMIT"},
        BadTransport{"Memory",
                     [](pb::Transport& to) { to.mutable_limits()->set_memory_bytes_max(-1); },
                     "transport.limits.memory_bytes_max", "NEGATIVE_LIMIT"},
        BadTransport{
            "NegativeDuration",
            [](pb::Transport& to) { to.mutable_limits()->mutable_idle_timeout()->set_seconds(-1); },
            "transport.limits.idle_timeout", "INVALID_DURATION"},
        BadTransport{"DurationThatOverflows",
                     [](pb::Transport& to) {
                       to.mutable_limits()->mutable_lifetime_max()->set_seconds(1LL << 62);
                     },
                     "transport.limits.lifetime_max", "INVALID_DURATION"},
        BadTransport{"Nanoseconds",
                     [](pb::Transport& to) {
                       to.mutable_limits()->mutable_stop_grace()->set_nanos(2'000'000'000);
                     },
                     "transport.limits.stop_grace", "INVALID_DURATION"},
        BadTransport{"FileTwice",
                     [](pb::Transport& to) {
                       (*to.mutable_configuration()->mutable_files())["watm.cfg"] = "other";
                     },
                     "transport.configuration.files", "DUPLICATE_FILE"}),
    [](const auto& tested) { return tested.param.name; });

TEST(ModuleToProto, SaysWhatItIs) {
  domain::Module module;
  module.name = {"default", "m"};
  module.byte_count = 3;
  module.roles = {domain::Role::kDialer, domain::Role::kRelay};
  module.imports = {"env.water_dial"};
  module.memory_minimum_byte_count = 65536;
  module.create_time = WallTime(std::chrono::milliseconds(1500));
  module.revision = 4;
  const pb::Module to = ToProto(module);
  EXPECT_EQ(to.name(), "tenants/default/modules/m");
  EXPECT_EQ(to.abi(), "watm/v1");
  EXPECT_EQ(to.roles(1), pb::ROLE_RELAY);
  EXPECT_EQ(to.memory().minimum_bytes(), 65536);
  EXPECT_FALSE(to.memory().has_maximum_bytes());
  EXPECT_EQ(to.create_time().seconds(), 1);
  EXPECT_EQ(to.create_time().nanos(), 500'000'000);
  EXPECT_EQ(to.etag(), "4");
}

TEST(SessionToProto, CountsEachDirectionOnItsOwn) {
  domain::Session session;
  session.name = {{"default", "t"}, 17};
  session.state = domain::SessionState::kEnded;
  session.role = domain::Role::kListener;
  session.byte_count = {1, 2, 3, 4};
  session.cpu_time = std::chrono::milliseconds(1250);
  session.end_time = WallTime(seconds(5));
  session.end_reason = EndReason::kGuestTrap;
  const pb::Session to = ToProto(session);
  EXPECT_EQ(to.name(), "tenants/default/transports/t/sessions/17");
  EXPECT_EQ(to.state(), pb::Session::STATE_ENDED);
  EXPECT_EQ(to.accepted_bytes_received(), 1);
  EXPECT_EQ(to.accepted_bytes_sent(), 2);
  EXPECT_EQ(to.dialed_bytes_received(), 3);
  EXPECT_EQ(to.dialed_bytes_sent(), 4);
  EXPECT_EQ(to.cpu_time().nanos(), 250'000'000);
  EXPECT_EQ(to.end_time().seconds(), 5);
  EXPECT_EQ(to.end_reason(), "guest_trap");
}

TEST(UploadRequestFromProto, TakesDescriptionAndLabelsOfTheModuleOnly) {
  pb::UploadModuleHeader header;
  header.set_parent("tenants/default");
  header.set_module_id("m");
  header.mutable_module()->set_description("d");
  header.mutable_module()->set_name("ignored");
  header.set_size_bytes(9);
  header.set_replace(true);
  const auto request = UploadRequestFromProto(header, "header");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->module_id, "m");
  EXPECT_EQ(request->description, "d");
  EXPECT_EQ(request->byte_count, 9);
  EXPECT_TRUE(request->replace);
  header.set_size_bytes(-1);
  EXPECT_EQ(domain::DetailOf(UploadRequestFromProto(header, "header").status()).reason,
            "NEGATIVE_SIZE");
}

}  // namespace
}  // namespace penstock::api
