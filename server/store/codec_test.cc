#include "server/store/codec.h"

#include <gtest/gtest.h>

#include "server/store/keys.h"

namespace penstock::store {
namespace {

using namespace std::chrono_literals;

domain::Transport FullTransport() {
  domain::Transport transport;
  transport.name = {.tenant = "default", .transport = "t"};
  transport.uid = "u-1";
  transport.description = "what it is for";
  transport.labels = {{"a", "1"}, {"b", ""}};
  transport.module = {.tenant = "default", .module = "m"};
  transport.role = domain::Role::kRelay;
  transport.listen = "tcp://127.0.0.1:0";
  transport.remote = "tcp://a:1";
  transport.upstream = "tcp://b:2";
  transport.dial_allow = {"*:443", "a:1"};
  transport.files = {{"watm.cfg", std::string("\0\xff", 2)}, {"ca.pem", ""}};
  transport.limits = {.sessions_max = 1,
                      .handshake_timeout = 2ns,
                      .idle_timeout = 3ns,
                      .lifetime_max = 0ns,
                      .cpu_burst_max = 5ns,
                      .memory_byte_count_max = 6,
                      .stop_grace = 7ns};
  transport.enabled = true;
  transport.create_time = WallTime(1'000'000'007ns);
  transport.update_time = WallTime(2'000'000'009ns);
  return transport;
}

KeyValue At(std::string key, std::string value, int64_t revision) {
  return {.key = std::move(key), .value = std::move(value), .mod_revision = revision};
}

TEST(CodecTest, ATransportComesBackWhole) {
  const domain::Transport in = FullTransport();
  const auto out = DecodeTransport(At(KeyOf(in.name), Encode(in), 42));
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(out->name, in.name);
  EXPECT_EQ(out->revision, 42);
  EXPECT_EQ(out->uid, in.uid);
  EXPECT_EQ(out->description, in.description);
  EXPECT_EQ(out->labels, in.labels);
  EXPECT_EQ(out->module, in.module);
  EXPECT_EQ(out->role, in.role);
  EXPECT_EQ(out->listen, in.listen);
  EXPECT_EQ(out->remote, in.remote);
  EXPECT_EQ(out->upstream, in.upstream);
  EXPECT_EQ(out->dial_allow, in.dial_allow);
  EXPECT_EQ(out->files, in.files);
  EXPECT_EQ(out->limits, in.limits);
  EXPECT_EQ(out->enabled, in.enabled);
  EXPECT_EQ(out->create_time, in.create_time);
  EXPECT_EQ(out->update_time, in.update_time);
}

TEST(CodecTest, UnsetLimitsStayUnset) {
  domain::Transport in = FullTransport();
  in.limits = {};
  const auto out = DecodeTransport(At(KeyOf(in.name), Encode(in), 1));
  EXPECT_EQ(out->limits, domain::TransportLimits{});
}

TEST(CodecTest, TheSameResourceIsTheSameBytes) {
  EXPECT_EQ(Encode(FullTransport()), Encode(FullTransport()));
}

TEST(CodecTest, AModuleComesBackWhole) {
  domain::Module in;
  in.name = {.tenant = "default", .module = "m"};
  in.uid = "u";
  in.description = "d";
  in.labels = {{"k", "v"}};
  in.sha256 = std::string(64, 'a');
  in.byte_count = 1ull << 33;
  in.roles = {domain::Role::kDialer, domain::Role::kListener};
  in.imports = {"env.water_dial"};
  in.memory_minimum_byte_count = 65536;
  in.create_time = WallTime(1ns);
  in.update_time = WallTime(2ns);
  for (const std::optional<uint64_t> maximum : {std::optional<uint64_t>(), {0}, {1 << 20}}) {
    in.memory_maximum_byte_count = maximum;
    const auto out = DecodeModule(At(KeyOf(in.name), Encode(in), 7));
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_EQ(out->name, in.name);
    EXPECT_EQ(out->uid, in.uid);
    EXPECT_EQ(out->description, in.description);
    EXPECT_EQ(out->labels, in.labels);
    EXPECT_EQ(out->sha256, in.sha256);
    EXPECT_EQ(out->byte_count, in.byte_count);
    EXPECT_EQ(out->roles, in.roles);
    EXPECT_EQ(out->imports, in.imports);
    EXPECT_EQ(out->memory_minimum_byte_count, in.memory_minimum_byte_count);
    EXPECT_EQ(out->memory_maximum_byte_count, maximum);
    EXPECT_EQ(out->create_time, in.create_time);
    EXPECT_EQ(out->update_time, in.update_time);
    EXPECT_EQ(out->revision, 7);
  }
}

TEST(CodecTest, RequestsAndPortsComeBack) {
  const auto request = DecodeCompletedRequest(
      At("/requests/default/r",
         Encode(CompletedRequest{
             .method = "M", .request_sha256 = "s", .resource_name = "n", .complete_time = {}}),
         1));
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->method, "M");
  EXPECT_EQ(request->request_sha256, "s");
  EXPECT_EQ(request->resource_name, "n");
  EXPECT_EQ(*DecodePort(At("/ports/default/t", EncodePort(65535), 1)), 65535);
  EXPECT_EQ(DecodePort(At("/ports/default/t", "", 1)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CodecTest, DamageIsDataLoss) {
  const auto lost = absl::StatusCode::kDataLoss;
  const std::string good = Encode(FullTransport());
  EXPECT_EQ(DecodeTransport(At("/transports/default/t", "\xff", 1)).status().code(), lost);
  EXPECT_EQ(DecodeTransport(At("/transports/default/t", "", 1)).status().code(), lost);
  EXPECT_EQ(DecodeTransport(At("/transports/t", good, 1)).status().code(), lost);
  EXPECT_EQ(DecodeModule(At("/modules/default/t", "\xff", 1)).status().code(), lost);
  EXPECT_EQ(DecodeModule(At("/transports/default/t", "", 1)).status().code(), lost);
}

TEST(KeysTest, FixedAddressesOfEnabledTransportsCollide) {
  const auto key = [](const char* listen, bool enabled = true) {
    domain::Transport transport = FullTransport();
    transport.listen = listen;
    transport.enabled = enabled;
    const std::vector<std::string> keys = IndexKeys(transport);
    return keys.size() == 2 ? keys[1] : std::string();
  };
  EXPECT_EQ(key("tcp://127.0.0.1:0"), "");
  EXPECT_EQ(key("tcp://127.0.0.1:80", false), "");
  const auto collide = [&](const char* left, const char* right) {
    return AddressKeysCollide(key(left), key(right));
  };
  EXPECT_TRUE(collide("tcp://127.0.0.1:80", "tcp://127.0.0.1:80"));
  EXPECT_TRUE(collide("tcp://127.0.0.1:80", "tcp://0.0.0.0:80"));
  EXPECT_TRUE(collide("tcp://[::]:80", "tcp://[::1]:80"));
  EXPECT_FALSE(collide("tcp://127.0.0.1:80", "tcp://127.0.0.2:80"));
  EXPECT_FALSE(collide("tcp://0.0.0.0:80", "tcp://[::]:80"));
  EXPECT_TRUE(collide("unix:///a/b", "unix:///a/b"));
  EXPECT_FALSE(collide("unix:///a/0.0.0.0", "unix:///b/0.0.0.0"));
}

}  // namespace
}  // namespace penstock::store
