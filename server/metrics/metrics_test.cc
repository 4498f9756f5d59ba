#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/shared_counters.h"
#include "gtest/gtest.h"
#include "prometheus/text_serializer.h"
#include "server/metrics/family.h"
#include "server/metrics/metrics_server.h"

namespace penstock::metrics {
namespace {

// A pool of two workers whose counters the test writes.
class FakePool final : public workers::WorkerPool {
 public:
  void Put(std::shared_ptr<const workers::TransportRevision>,
           std::function<void(absl::Status)>) override {}
  void Remove(const domain::TransportName&) override {}
  absl::Status StartSession(const domain::TransportName&, UniqueFd, std::string) override {
    return absl::OkStatus();
  }
  void StopSessions(const domain::TransportName&) override {}
  absl::Status StopSession(const domain::SessionName&) override { return absl::OkStatus(); }
  void Inspect(std::string, std::shared_ptr<const UniqueFd>,
               std::function<void(absl::StatusOr<workers::InspectedModule>)>) override {}
  void Shutdown(std::chrono::nanoseconds, std::function<void()>) override {}
  std::vector<workers::WorkerStatus> status() const override { return statuses; }
  std::string v8_version() const override { return "10.2"; }
  std::string isolation_mode() const override { return "strict"; }
  void VisitCounters(const std::function<void(const WorkerCounters&)>& visit) const override {
    for (const SharedCounters& worker : counters) visit(*worker);
  }

  std::vector<workers::WorkerStatus> statuses;
  std::vector<SharedCounters> counters;
};

class MetricsTest : public ::testing::Test {
 protected:
  void AddWorker() { pool_.counters.push_back(*SharedCounters::Create()); }

  std::shared_ptr<prometheus::Collectable> Collector() {
    return MakeCollector({.version = "1.2.3",
                          .start_time = WallTime(std::chrono::seconds(1000)),
                          .registry = registry_,
                          .pool = pool_,
                          .pool_stats = stats_,
                          .methods = [this] { return methods_; },
                          .reconcile = [this] { return reconcile_; }});
  }

  std::string Scrape() { return prometheus::TextSerializer().Serialize(Collector()->Collect()); }

  // Whether the exposition has exactly this line.
  ::testing::AssertionResult Has(const std::string& line) {
    const std::string text = Scrape();
    if (("\n" + text).find("\n" + line + "\n") != std::string::npos) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << line << " is not in\n" << text;
  }

  workers::SessionRegistry registry_{Clock::System()};
  FakePool pool_;
  workers::PoolStats stats_;
  std::vector<MethodSample> methods_ = {{"GetTransport", {}, {0.001, 0.01}, {0, 0, 0}, 0}};
  ReconcileSample reconcile_;
};

TEST_F(MetricsTest, EverySeriesExistsAtZero) {
  for (const char* series : {
           "penstock_sessions_active{role=\"dialer\"} 0",
           "penstock_sessions_total{role=\"dialer_fixed\"} 0",
           "penstock_sessions_ended_total{role=\"relay\",reason=\"worker_lost\"} 0",
           "penstock_session_setup_seconds_count 0",
           "penstock_session_duration_seconds_count 0",
           "penstock_session_bytes_total{role=\"listener\",direction=\"dialed_sent\"} 0",
           "penstock_accepts_total 0",
           "penstock_rejects_total{reason=\"sessions_max\"} 0",
           "penstock_pending_connections 0",
           "penstock_dials_total{target=\"named\",result=\"denied\"} 0",
           "penstock_dial_resolve_seconds_count 0",
           "penstock_dial_connect_seconds_count 0",
           "penstock_module_compilations_total 0",
           "penstock_module_compile_seconds_total 0",
           "penstock_module_inspections_active 0",
           "penstock_instantiations_total 0",
           "penstock_instances 0",
           "penstock_isolates 0",
           "penstock_guest_traps_total{cause=\"unreachable\"} 0",
           "penstock_guest_cpu_seconds_total 0",
           "penstock_guest_memory_bytes 0",
           "penstock_guest_preemptions_total 0",
           "penstock_guest_log_dropped_total 0",
           "penstock_buffer_bytes 0",
           "penstock_host_calls_total 0",
           "penstock_scheduler_wait_seconds_bucket{le=\"1e-05\"} 0",
           "penstock_workers{state=\"ready\"} 0",
           "penstock_worker_restarts_total 0",
           "penstock_worker_stray_messages_total 0",
           "penstock_worker_protocol_violations_total 0",
           "penstock_worker_isolation_mode{mode=\"dense\"} 0",
           "penstock_grpc_requests_total{method=\"GetTransport\",code=\"OK\"} 0",
           "penstock_grpc_request_seconds_count{method=\"GetTransport\"} 0",
           "penstock_reconcile_runs_total 0",
           "penstock_reconcile_failures_total 0",
           "penstock_reconcile_pending 0",
           "penstock_reconcile_lag_seconds 0",
       }) {
    EXPECT_TRUE(Has(series));
  }
  EXPECT_TRUE(Has("penstock_build_info{version=\"1.2.3\",v8_version=\"10.2\"} 1"));
  EXPECT_TRUE(Has("penstock_worker_isolation_mode{mode=\"strict\"} 1"));
  EXPECT_TRUE(Has("process_start_time_seconds 1000"));
}

TEST_F(MetricsTest, AddsTheWorkersUp) {
  AddWorker();
  AddWorker();
  for (const SharedCounters& worker : pool_.counters) {
    worker->host_call_count = 5;
    worker->guest_cpu_ns = 1'500'000'000;
    worker->byte_count[3][static_cast<size_t>(Direction::kDialedReceived)] = 10;
    worker->trap_count[static_cast<size_t>(TrapCause::kStackOverflow)] = 2;
    worker->scheduler_wait_count[0] = 3;
    worker->scheduler_wait_count[10] = 1;
    worker->scheduler_wait_sum_ns = 2'000'000'000;
  }
  pool_.statuses = {{.state = workers::WorkerStatus::State::kReady, .restart_count = 2},
                    {.state = workers::WorkerStatus::State::kRestarting, .restart_count = 3}};
  EXPECT_TRUE(Has("penstock_host_calls_total 10"));
  EXPECT_TRUE(Has("penstock_guest_cpu_seconds_total 3"));
  EXPECT_TRUE(
      Has("penstock_session_bytes_total{role=\"listener\",direction=\"dialed_received\"} 20"));
  EXPECT_TRUE(Has("penstock_guest_traps_total{cause=\"stack_overflow\"} 4"));
  EXPECT_TRUE(Has("penstock_scheduler_wait_seconds_bucket{le=\"1\"} 6"));
  EXPECT_TRUE(Has("penstock_scheduler_wait_seconds_bucket{le=\"+Inf\"} 8"));
  EXPECT_TRUE(Has("penstock_scheduler_wait_seconds_sum 4"));
  EXPECT_TRUE(Has("penstock_workers{state=\"restarting\"} 1"));
  EXPECT_TRUE(Has("penstock_worker_restarts_total 5"));
}

TEST_F(MetricsTest, FollowsSessionsDialsAndCalls) {
  domain::Session session;
  session.role = domain::Role::kRelay;
  registry_.Begin(session, nullptr);
  const domain::SessionName name = registry_.Begin(session, nullptr);
  registry_.End(name.session_id, EndReason::kGuestTrap, "");
  stats_.dial_count[2][1] = 7;
  stats_.session_setup_time.Observe(std::chrono::milliseconds(3));
  methods_[0].count_by_code[5] = 4;
  methods_[0].latency_counts = {1, 2, 3};
  methods_[0].latency_sum_s = 0.5;
  reconcile_ = {.run_count = 9, .failure_count = 1, .pending_count = 2, .lag_s = 1.5};
  EXPECT_TRUE(Has("penstock_sessions_active{role=\"relay\"} 1"));
  EXPECT_TRUE(Has("penstock_sessions_total{role=\"relay\"} 2"));
  EXPECT_TRUE(Has("penstock_sessions_ended_total{role=\"relay\",reason=\"guest_trap\"} 1"));
  EXPECT_TRUE(Has("penstock_dials_total{target=\"upstream\",result=\"denied\"} 7"));
  EXPECT_TRUE(Has("penstock_session_setup_seconds_bucket{le=\"0.0025\"} 0"));
  EXPECT_TRUE(Has("penstock_session_setup_seconds_bucket{le=\"0.005\"} 1"));
  EXPECT_TRUE(
      Has("penstock_grpc_requests_total{method=\"GetTransport\","
          "code=\"NOT_FOUND\"} 4"));
  EXPECT_TRUE(
      Has("penstock_grpc_request_seconds_bucket{method=\"GetTransport\","
          "le=\"0.01\"} 3"));
  EXPECT_TRUE(Has("penstock_grpc_request_seconds_count{method=\"GetTransport\"} 6"));
  EXPECT_TRUE(Has("penstock_reconcile_lag_seconds 1.5"));
}

TEST_F(MetricsTest, NamesAreUniqueAndDescribed) {
  std::set<std::string> names;
  for (const Family& family : Collector()->Collect()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    EXPECT_FALSE(family.metric.empty()) << family.name;
  }
}

TEST_F(MetricsTest, PromtoolFindsNothing) {
  const std::filesystem::path promtool = PENSTOCK_PROMTOOL;
  if (!std::filesystem::exists(promtool)) GTEST_SKIP() << "promtool is not installed";
  const std::string file = ::testing::TempDir() + "/metrics.txt";
  std::ofstream(file) << Scrape();
  const std::string command = promtool.string() + " check metrics < " + file + " 2>&1";
  FILE* output = ::popen(command.c_str(), "r");
  ASSERT_NE(output, nullptr);
  std::string said;
  for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) {
    said.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(::pclose(output), 0) << said;
  EXPECT_EQ(said, "");
}

TEST_F(MetricsTest, IsServedOverHttpOnTheChosenPort) {
  const auto server =
      MetricsServer::Start({domain::Address::Kind::kTcp, "127.0.0.1", 0, {}}, Collector());
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string& url = (*server)->url();
  EXPECT_EQ(url.rfind("http://127.0.0.1:", 0), 0u) << url;
  EXPECT_EQ(url.find(":0/"), std::string::npos) << url;
  const auto taken =
      domain::Address::Parse("tcp://" + url.substr(7, url.find("/metrics") - 7), "metrics_listen");
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(MetricsServer::Start(*taken, Collector()).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(MetricsTest, NeedsATcpAddress) {
  EXPECT_EQ(MetricsServer::Start({domain::Address::Kind::kUnix, {}, 0, "/x"}, Collector())
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace penstock::metrics
