#pragma once

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "fmt/format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/api/api_server.h"
#include "server/api/testing/fakes.h"

namespace penstock::api::testing {

namespace pb = ::penstock::v1;

// The detail of type T in `status`, if it has one.
template <typename T>
std::optional<T> DetailIn(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : details.details()) {
    T detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

inline std::string ReasonOf(const grpc::Status& status) {
  return DetailIn<google::rpc::ErrorInfo>(status).value_or(google::rpc::ErrorInfo()).reason();
}

// The first field that `status` blames.
inline std::string FieldOf(const grpc::Status& status) {
  const auto bad = DetailIn<google::rpc::BadRequest>(status);
  return bad && bad->field_violations_size() > 0 ? bad->field_violations(0).field() : "";
}

// A server in this process, on a port and a socket of its own, over fakes.
class ApiFixture : public ::testing::Test {
 protected:
  ApiFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "api-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ApiFixture() override {
    if (server_ != nullptr) server_->ShutDown(std::chrono::seconds(10));
    std::filesystem::remove_all(directory_);
  }

  void SetUp() override { StartServer(); }

  std::string socket_path() const { return directory_ + "/api.sock"; }

  void StartServer() {
    ApiServerOptions options;
    options.listen = {{domain::Address::Kind::kTcp, "127.0.0.1", 0, {}},
                      {domain::Address::Kind::kUnix, {}, 0, socket_path()}};
    options.facts = {.version = "1.2.3", .start_time = {}, .metrics_address = "http://m/metrics"};
    options.upload_idle_timeout = upload_idle_timeout_;
    auto server = ApiServer::Start(
        {modules_, transports_, sessions_, registry_, pool_, stats_, Clock::System()}, options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = ChannelTo(server_->bound_addresses().front());
  }

  // A connection of its own to a bound address.
  static std::shared_ptr<grpc::Channel> ChannelTo(std::string address) {
    if (address.rfind("tcp://", 0) == 0) address = address.substr(6);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }

  std::string directory_;
  std::chrono::nanoseconds upload_idle_timeout_ = std::chrono::seconds(60);
  FakeModules modules_;
  FakeTransports transports_;
  FakeSessions sessions_;
  workers::SessionRegistry registry_{Clock::System()};
  FakePool pool_;
  MethodStats stats_;
  std::unique_ptr<ApiServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace penstock::api::testing
