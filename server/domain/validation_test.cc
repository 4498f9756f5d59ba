#include "server/domain/validation.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/domain/error.h"

namespace penstock::domain {
namespace {

using std::chrono::nanoseconds;

Transport Make(Role role) {
  Transport transport;
  transport.name = {.tenant = "default", .transport = "t"};
  transport.module = {.tenant = "default", .module = "m"};
  transport.role = role;
  transport.listen = "tcp://127.0.0.1:0";
  if (role == Role::kDialer || role == Role::kRelay) transport.remote = "tcp://example.com:443";
  if (role == Role::kDialerFixed) transport.dial_allow = {"*.example.com:443"};
  if (role == Role::kListener) transport.upstream = "unix:///run/app.sock";
  return transport;
}

TEST(ValidateTransportTest, TheLeastOfEachRoleIsAccepted) {
  for (const Role role : {Role::kDialer, Role::kDialerFixed, Role::kListener, Role::kRelay}) {
    EXPECT_TRUE(ValidateTransport(Make(role)).ok()) << static_cast<int>(role);
  }
}

TEST(ValidateTransportTest, TheMostOfEverythingIsAccepted) {
  Transport transport = Make(Role::kRelay);
  transport.dial_allow.assign(kDialAllowMax, "*:*");
  transport.limits = {.sessions_max = kSessionsMaxMax,
                      .handshake_timeout = kDurationMax,
                      .idle_timeout = kDurationMax,
                      .lifetime_max = nanoseconds(0),
                      .cpu_burst_max = kCpuBurstMin,
                      .memory_byte_count_max = kMemoryByteCountMax,
                      .stop_grace = nanoseconds(0)};
  transport.files["watm.cfg"] = std::string(kConfigurationByteCountMax - 8, 'x');
  transport.description = std::string(kDescriptionSizeMax, 'd');
  transport.labels["app.example/name-1"] = std::string(kLabelValueSizeMax, 'v');
  EXPECT_TRUE(ValidateTransport(transport).ok()) << ValidateTransport(transport);
}

struct BadCase {
  const char* name;
  Role role;
  std::function<void(Transport&)> spoil;
  const char* field;
  const char* reason;
};
const BadCase kBadCases[] = {
    {"NoRole", Role::kDialer, [](Transport& t) { t.role = Role::kUnspecified; }, "transport.role",
     "REQUIRED_FIELD_MISSING"},
    {"NoModule", Role::kDialer, [](Transport& t) { t.module = {}; }, "transport.module",
     "REQUIRED_FIELD_MISSING"},
    {"ForeignModule", Role::kDialer, [](Transport& t) { t.module.tenant = "other"; },
     "transport.module", "MODULE_OF_OTHER_TENANT"},
    {"NoListen", Role::kDialer, [](Transport& t) { t.listen.clear(); }, "transport.listen",
     "REQUIRED_FIELD_MISSING"},
    {"BadListen", Role::kDialer, [](Transport& t) { t.listen = "localhost:1"; }, "transport.listen",
     "INVALID_ADDRESS"},
    {"ListenOnName", Role::kDialer, [](Transport& t) { t.listen = "tcp://example.com:1"; },
     "transport.listen", "INVALID_ADDRESS"},
    {"UnixListener", Role::kListener, [](Transport& t) { t.listen = "unix:///run/a"; },
     "transport.listen", "INVALID_ADDRESS"},
    {"UnixRelay", Role::kRelay, [](Transport& t) { t.listen = "unix:///run/a"; },
     "transport.listen", "INVALID_ADDRESS"},
    {"DialerWithoutRemote", Role::kDialer, [](Transport& t) { t.remote.clear(); },
     "transport.remote", "REQUIRED_FIELD_MISSING"},
    {"RelayToNowhere", Role::kRelay, [](Transport& t) { t.remote.clear(); }, "transport.remote",
     "REQUIRED_FIELD_MISSING"},
    {"UnixRemote", Role::kDialer, [](Transport& t) { t.remote = "unix:///run/a"; },
     "transport.remote", "INVALID_ADDRESS"},
    {"RemotePortZero", Role::kDialer, [](Transport& t) { t.remote = "tcp://a:0"; },
     "transport.remote", "INVALID_ADDRESS"},
    {"ListenerWithRemote", Role::kListener, [](Transport& t) { t.remote = "tcp://a:1"; },
     "transport.remote", "FIELD_NOT_APPLICABLE"},
    {"ListenerWithoutUpstream", Role::kListener, [](Transport& t) { t.upstream.clear(); },
     "transport.upstream", "REQUIRED_FIELD_MISSING"},
    {"DialerWithUpstream", Role::kDialer, [](Transport& t) { t.upstream = "tcp://a:1"; },
     "transport.upstream", "FIELD_NOT_APPLICABLE"},
    {"UpstreamPortZero", Role::kListener, [](Transport& t) { t.upstream = "tcp://a:0"; },
     "transport.upstream", "INVALID_ADDRESS"},
    {"FixedWithoutPatterns", Role::kDialerFixed, [](Transport& t) { t.dial_allow.clear(); },
     "transport.dial_allow", "REQUIRED_FIELD_MISSING"},
    {"BadPattern", Role::kDialerFixed, [](Transport& t) { t.dial_allow.push_back("nope"); },
     "transport.dial_allow[1]", "INVALID_DIAL_PATTERN"},
    {"TooManyPatterns", Role::kDialerFixed,
     [](Transport& t) { t.dial_allow.assign(kDialAllowMax + 1, "*:*"); }, "transport.dial_allow",
     "TOO_MANY"},
    {"FileWithSlash", Role::kDialer, [](Transport& t) { t.files["a/b"] = "x"; },
     "transport.configuration.files", "INVALID_FILE_NAME"},
    {"FileDotDot", Role::kDialer, [](Transport& t) { t.files[".."] = "x"; },
     "transport.configuration.files", "INVALID_FILE_NAME"},
    {"FileWithoutName", Role::kDialer, [](Transport& t) { t.files[""] = "x"; },
     "transport.configuration.files", "INVALID_FILE_NAME"},
    {"FilesTooBig", Role::kDialer,
     [](Transport& t) { t.files["watm.cfg"] = std::string(kConfigurationByteCountMax - 7, 'x'); },
     "transport.configuration", "CONFIGURATION_TOO_LARGE"},
    {"TooManyFiles", Role::kDialer,
     [](Transport& t) {
       for (size_t i = 0; i <= kFilesMax; ++i) t.files["f" + std::to_string(i)] = "";
     },
     "transport.configuration.files", "TOO_MANY"},
    {"NoSessions", Role::kDialer, [](Transport& t) { t.limits.sessions_max = 0; },
     "transport.limits.sessions_max", "LIMIT_OUT_OF_RANGE"},
    {"NegativeIdle", Role::kDialer, [](Transport& t) { t.limits.idle_timeout = nanoseconds(-1); },
     "transport.limits.idle_timeout", "LIMIT_OUT_OF_RANGE"},
    {"NoHandshake", Role::kDialer,
     [](Transport& t) { t.limits.handshake_timeout = nanoseconds(0); },
     "transport.limits.handshake_timeout", "LIMIT_OUT_OF_RANGE"},
    {"LongLife", Role::kDialer,
     [](Transport& t) { t.limits.lifetime_max = kDurationMax + nanoseconds(1); },
     "transport.limits.lifetime_max", "LIMIT_OUT_OF_RANGE"},
    {"ShortBurst", Role::kDialer,
     [](Transport& t) { t.limits.cpu_burst_max = kCpuBurstMin - nanoseconds(1); },
     "transport.limits.cpu_burst_max", "LIMIT_OUT_OF_RANGE"},
    {"LongGrace", Role::kDialer,
     [](Transport& t) { t.limits.stop_grace = kStopGraceMax + nanoseconds(1); },
     "transport.limits.stop_grace", "LIMIT_OUT_OF_RANGE"},
    {"TooMuchMemory", Role::kDialer,
     [](Transport& t) { t.limits.memory_byte_count_max = kMemoryByteCountMax + 1; },
     "transport.limits.memory_bytes_max", "LIMIT_OUT_OF_RANGE"},
    {"LabelKey", Role::kDialer, [](Transport& t) { t.labels["Upper"] = "x"; }, "transport.labels",
     "INVALID_LABEL"},
    {"LabelValue", Role::kDialer, [](Transport& t) { t.labels["a"] = "x\ny"; }, "transport.labels",
     "INVALID_LABEL"},
    {"TooManyLabels", Role::kDialer,
     [](Transport& t) {
       for (size_t i = 0; i <= kLabelsMax; ++i) t.labels["l" + std::to_string(i)] = "";
     },
     "transport.labels", "TOO_MANY"},
    {"LongDescription", Role::kDialer,
     [](Transport& t) { t.description = std::string(kDescriptionSizeMax + 1, 'x'); },
     "transport.description", "TOO_LONG"},
};
class BadTransport : public testing::TestWithParam<BadCase> {};
TEST_P(BadTransport, IsRefusedWithFieldAndReason) {
  Transport transport = Make(GetParam().role);
  GetParam().spoil(transport);
  const absl::Status status = ValidateTransport(transport);
  ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const ErrorDetail detail = DetailOf(status);
  EXPECT_EQ(detail.reason, GetParam().reason);
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, GetParam().field);
}
INSTANTIATE_TEST_SUITE_P(All, BadTransport, testing::ValuesIn(kBadCases),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(ValidateTransportModuleTest, RoleAndMemoryMustFit) {
  Module module;
  module.name = {.tenant = "default", .module = "m"};
  module.roles = {Role::kDialer};
  module.memory_minimum_byte_count = kMemoryByteCountDefault;
  Transport transport = Make(Role::kDialer);
  EXPECT_TRUE(ValidateTransportModule(transport, module).ok());

  transport.limits.memory_byte_count_max = kMemoryByteCountDefault - 1;
  EXPECT_EQ(DetailOf(ValidateTransportModule(transport, module)).reason, "LIMIT_OUT_OF_RANGE");

  EXPECT_EQ(DetailOf(ValidateTransportModule(Make(Role::kRelay), module)).reason,
            "ROLE_NOT_SUPPORTED");
}

}  // namespace
}  // namespace penstock::domain
