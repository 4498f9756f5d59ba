#include "server/api/api_server.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "grpcpp/impl/codegen/client_unary_call.h"
#include "gtest/gtest.h"
#include "server/api/testing/api_fixture.h"

namespace penstock::api {
namespace {

using namespace testing;

// What grpc.health.v1 answers, as bytes: field 1, SERVING or NOT_SERVING.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

class ApiServerTest : public ApiFixture {
 protected:
  // One message to `method` and one back, as bytes: health and reflection have no generated client
  // here.
  static std::string CallRaw(const std::shared_ptr<grpc::Channel>& channel, const char* method,
                             const std::string& request) {
    const grpc::Slice slice(request);
    const grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    grpc::ClientContext context;
    const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Status status =
        grpc::internal::BlockingUnaryCallImpl<grpc::ByteBuffer, grpc::ByteBuffer>(
            channel.get(), rpc, &context, sent, &received)
            .status();
    if (!status.ok()) return status.error_message();
    std::vector<grpc::Slice> slices;
    received.Dump(&slices);
    std::string bytes;
    for (const grpc::Slice& part : slices) {
      bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
    return bytes;
  }

  std::string Health(const std::string& service) const {
    const std::string request =
        "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
    return CallRaw(channel_, "/grpc.health.v1.Health/Check", request);
  }

  // The answer to a file_containing_symbol, or to list_services.
  std::string Reflect(char field, const std::string& argument) const {
    const std::string request = std::string(1, static_cast<char>(field << 3 | 2)) +
                                std::string(1, static_cast<char>(argument.size())) + argument;
    return CallRaw(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                   request);
  }
};

TEST_F(ApiServerTest, ReportsTheChosenPortAndTheSocket) {
  const std::vector<std::string>& bound = server_->bound_addresses();
  ASSERT_EQ(bound.size(), 2u);
  EXPECT_EQ(bound[0].rfind("tcp://127.0.0.1:", 0), 0u);
  EXPECT_NE(bound[0], "tcp://127.0.0.1:0");
  EXPECT_EQ(bound[1], "unix://" + socket_path());
}

TEST_F(ApiServerTest, SaysWhatItIsOnBothAddresses) {
  for (const std::string& address : server_->bound_addresses()) {
    const auto stub = pb::ServerService::NewStub(ChannelTo(address));
    grpc::ClientContext context;
    pb::ServerInfo info;
    ASSERT_TRUE(stub->GetServerInfo(&context, {}, &info).ok()) << address;
    EXPECT_EQ(info.version(), "1.2.3");
    EXPECT_EQ(info.v8_version(), "10.2");
    EXPECT_EQ(info.isolation_mode(), "strict");
    EXPECT_EQ(info.metrics_address(), "http://m/metrics");
    ASSERT_EQ(info.workers_size(), 1);
    EXPECT_EQ(info.workers(0).state(), pb::WorkerInfo::STATE_READY);
    EXPECT_EQ(info.workers(0).pid(), 42);
  }
}

TEST_F(ApiServerTest, HealthFollowsTheServer) {
  for (const char* service : {"", "penstock.v1.ModuleService", "penstock.v1.TransportService",
                              "penstock.v1.SessionService", "penstock.v1.ServerService"}) {
    server_->SetServing(false);
    EXPECT_EQ(Health(service), kNotServing) << service;
    server_->SetServing(true);
    EXPECT_EQ(Health(service), kServing) << service;
  }
}

TEST_F(ApiServerTest, ReflectionKnowsEveryService) {
  const std::string services = Reflect(7, "");
  for (const char* service :
       {"penstock.v1.ModuleService", "penstock.v1.TransportService", "penstock.v1.SessionService",
        "penstock.v1.ServerService", "grpc.health.v1.Health"}) {
    EXPECT_NE(services.find(service), std::string::npos) << service;
  }
  EXPECT_NE(Reflect(4, "penstock.v1.TransportService").find("WatchTransports"), std::string::npos);
}

TEST_F(ApiServerTest, TheSocketIsForThisUserAndGoesWithTheServer) {
  struct stat found {};
  ASSERT_EQ(::stat(socket_path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  server_->ShutDown(std::chrono::seconds(10));
  EXPECT_FALSE(std::filesystem::exists(socket_path()));
}

TEST_F(ApiServerTest, RefusesAddressesThatItMustNotOrCannotHave) {
  const auto start = [&](const domain::Address& address) {
    return ApiServer::Start(
               {modules_, transports_, sessions_, registry_, pool_, stats_, Clock::System()},
               {.listen = {address}, .facts = {}})
        .status();
  };
  EXPECT_EQ(start({domain::Address::Kind::kTcp, "0.0.0.0", 0, {}}).code(),
            absl::StatusCode::kInvalidArgument);
  const std::string bound = server_->bound_addresses().front();
  const absl::Status taken = start(*domain::Address::Parse(bound, "listen"));
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(taken.message().find(bound), std::string::npos);
  EXPECT_EQ(start({domain::Address::Kind::kUnix, {}, 0, socket_path()}).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(start({domain::Address::Kind::kUnix, {}, 0, directory_ + "/no/such.sock"}).ok());
}

TEST_F(ApiServerTest, RefusesMessagesOverTheLimit) {
  const auto stub = pb::ServerService::NewStub(channel_);
  EXPECT_NE(
      CallRaw(channel_, "/penstock.v1.ServerService/GetServerInfo", std::string(5 << 20, '\0'))
          .find("larger than max"),
      std::string::npos);
}

}  // namespace
}  // namespace penstock::api
