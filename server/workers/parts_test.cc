// The small parts of the pool that stand alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "base/end_reason.h"
#include "server/net/testing/fake_timers.h"
#include "server/workers/backoff.h"
#include "server/workers/pending_queue.h"
#include "server/workers/placement.h"
#include "server/workers/pool_view.h"
#include "server/workers/protocol.h"
#include "server/workers/route.h"
#include "server/workers/slot_allocator.h"
#include "server/workers/stats.h"

namespace penstock::workers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, StartsAtOnceGrowsAndStartsAnewAfterAHealthyRun) {
  Backoff backoff({.delay_min = milliseconds(50),
                   .delay_max = milliseconds(150),
                   .healthy_after = seconds(60)});
  EXPECT_EQ(backoff.Next(seconds(1)), milliseconds(0));
  EXPECT_EQ(backoff.Next(seconds(1)), milliseconds(50));
  EXPECT_EQ(backoff.Next(seconds(1)), milliseconds(100));
  EXPECT_EQ(backoff.Next(seconds(1)), milliseconds(150));
  EXPECT_EQ(backoff.Next(seconds(59)), milliseconds(150));
  EXPECT_EQ(backoff.Next(seconds(60)), milliseconds(0));
  EXPECT_EQ(backoff.Next(seconds(1)), milliseconds(50));
}

TEST(SlotAllocator, GivesEachSlotOnce) {
  SlotAllocator slots;
  std::set<uint32_t> taken;
  while (const auto slot = slots.Take()) taken.insert(*slot);
  EXPECT_EQ(taken.size(), kSessionSlotCount);
  EXPECT_EQ(*taken.rbegin(), kSessionSlotCount - 1);
  slots.Free(7);
  EXPECT_EQ(slots.Take(), 7u);
  EXPECT_EQ(slots.Take(), std::nullopt);
}

TEST(Place, PrefersACompiledModuleThenTheFewestSessions) {
  EXPECT_EQ(Place({}, 0), std::nullopt);
  EXPECT_EQ(Place({{0, true, 5}, {1, true, 3}, {2, true, 4}}, 0), 1);
  EXPECT_EQ(Place({{0, false, 0}, {1, true, 9}}, 0), 1);
  EXPECT_EQ(Place({{0, false, 1}, {1, false, 0}}, 0), 1);
}

TEST(Place, TiesGoRound) {
  const std::vector<Candidate> equal = {{0, true, 1}, {1, true, 1}, {2, true, 1}};
  for (size_t turn = 0; turn < 6; ++turn) {
    EXPECT_EQ(Place(equal, turn), static_cast<int>(turn % 3));
  }
}

TEST(DurationHistogram, CountsIntoTheBucketOfTheBound) {
  DurationHistogram<2> histogram({0.001, 0.01});
  histogram.Observe(milliseconds(1));
  histogram.Observe(milliseconds(2));
  histogram.Observe(seconds(3));
  EXPECT_EQ(histogram.count(0), 1u);
  EXPECT_EQ(histogram.count(1), 1u);
  EXPECT_EQ(histogram.count(2), 1u);
  EXPECT_DOUBLE_EQ(histogram.sum_s(), 3.003);
}

class PendingQueueTest : public testing::Test {
 protected:
  bool Push(const std::string& transport) {
    PendingQueue::Entry entry = {.transport = {"default", transport}, .connection = {}};
    return queue_.Push(entry);
  }
  net::FakeTimers timers_;
  std::vector<std::string> expired_;
  PendingQueue queue_{timers_, 3, seconds(1), [this](PendingQueue::Entry entry) {
                        expired_.push_back(entry.transport.transport);
                      }};
};

TEST_F(PendingQueueTest, KeepsOrderAndBound) {
  EXPECT_EQ(queue_.front(), nullptr);
  EXPECT_TRUE(Push("a"));
  EXPECT_TRUE(Push("b"));
  EXPECT_TRUE(Push("a"));
  EXPECT_FALSE(Push("c"));
  EXPECT_EQ(queue_.Count({"default", "a"}), 2u);
  EXPECT_EQ(queue_.front()->transport.transport, "a");
  EXPECT_EQ(queue_.TakeFront().transport.transport, "a");
  EXPECT_EQ(queue_.TakeFront().transport.transport, "b");
  EXPECT_EQ(queue_.Drop({"default", "a"}), 1u);
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(PendingQueueTest, EachExpiresByItself) {
  Push("a");
  timers_.Advance(milliseconds(600));
  Push("b");
  timers_.Advance(milliseconds(600));
  EXPECT_THAT(expired_, testing::ElementsAre("a"));
  EXPECT_EQ(queue_.TakeFront().transport.transport, "b");
  timers_.Advance(seconds(5));
  EXPECT_THAT(expired_, testing::ElementsAre("a"));
}

TEST(PoolView, AddsUpGenerationsWithoutTheirGauges) {
  PoolView view(1);
  for (int generation = 1; generation <= 2; ++generation) {
    auto counters = std::make_shared<SharedCounters>(*SharedCounters::Create());
    (*counters)->host_call_count = 10;
    (*counters)->byte_count[4][2] = 5;
    (*counters)->scheduler_wait_count[10] = 1;
    (*counters)->isolate_count = 3;
    view.SetCounters(0, counters);
    view.FoldCounters(0);
    view.FoldCounters(0);  // gone already
  }
  uint64_t host_call_count = 0;
  view.VisitCounters([&](const WorkerCounters& counters) {
    host_call_count += counters.host_call_count;
    EXPECT_EQ(counters.byte_count[4][2], 10u);
    EXPECT_EQ(counters.scheduler_wait_count[10], 2u);
    EXPECT_EQ(counters.isolate_count, 0u);
  });
  EXPECT_EQ(host_call_count, 20u);
}

TEST(PutTransportMessage, FillsInDefaults) {
  auto revision = std::make_shared<TransportRevision>();
  revision->transport.role = domain::Role::kRelay;
  revision->transport.remote = "tcp://192.0.2.1:443";
  revision->transport.limits.idle_timeout = seconds(5);
  revision->transport.files = {{"watm.cfg", std::string("\0\xff", 2)}};
  const auto route = MakeRoute(revision);
  ASSERT_TRUE(route.ok()) << route.status();
  const pb::PutTransport put = PutTransportMessage(*route).put_transport();
  EXPECT_EQ(put.role(), pb::ROLE_RELAY);
  EXPECT_TRUE(put.has_remote());
  EXPECT_FALSE(put.has_dial_allow());
  EXPECT_EQ(put.limits().idle_timeout_ns(), 5'000'000'000u);
  EXPECT_EQ(put.limits().handshake_timeout_ns(), 30'000'000'000u);
  EXPECT_EQ(put.limits().lifetime_ns(), 0u);
  pb::TransportFiles files;
  ASSERT_TRUE(files.ParseFromString(SerializedFiles(revision->transport)));
  EXPECT_EQ(files.files().at("watm.cfg"), std::string("\0\xff", 2));
}

// An exact fit passes, one more does not.
struct TextCase {
  const char* name;
  void (*fill)(pb::FromWorker& message, std::string text);
  size_t size_max;
};

class DecodeTextTest : public testing::TestWithParam<TextCase> {};

TEST_P(DecodeTextTest, HasABound) {
  const TextCase& c = GetParam();
  for (const bool fits : {true, false}) {
    pb::FromWorker message;
    c.fill(message, std::string(c.size_max + (fits ? 0 : 1), 'X'));
    const Packet packet = {.bytes = message.SerializeAsString(), .fds = {}};
    EXPECT_EQ(Decode(packet).ok(), fits);
  }
}
const TextCase kTextCases[] = {
    {"Version",
     [](pb::FromWorker& m, std::string t) { m.mutable_hello()->set_v8_version(std::move(t)); },
     256},
    {"Mode",
     [](pb::FromWorker& m, std::string t) { m.mutable_hello()->set_isolation_mode(std::move(t)); },
     256},
    {"LoadError",
     [](pb::FromWorker& m, std::string t) { m.mutable_module_loaded()->set_error(std::move(t)); },
     4096},
    {"Network",
     [](pb::FromWorker& m, std::string t) {
       m.mutable_dial_request()->set_target(pb::DialRequest::TARGET_NAMED);
       m.mutable_dial_request()->set_network(std::move(t));
     },
     256},
    {"Address",
     [](pb::FromWorker& m, std::string t) {
       m.mutable_dial_request()->set_target(pb::DialRequest::TARGET_NAMED);
       m.mutable_dial_request()->set_address(std::move(t));
     },
     256},
    {"EndMessage",
     [](pb::FromWorker& m, std::string t) { m.mutable_session_ended()->set_message(std::move(t)); },
     4096},
    {"Line",
     [](pb::FromWorker& m, std::string t) { m.mutable_guest_log()->set_line(std::move(t)); }, 4096},
    {"Reason",
     [](pb::FromWorker& m, std::string t) {
       m.mutable_module_inspected()->set_error_reason(std::move(t));
     },
     64},
};
INSTANTIATE_TEST_SUITE_P(All, DecodeTextTest, testing::ValuesIn(kTextCases),
                         [](const auto& test) { return test.param.name; });

TEST(Decode, KnowsTheClosedLists) {
  pb::FromWorker message;
  message.mutable_session_ended()->set_reason(kEndReasonCount - 1);
  EXPECT_TRUE(Decode({.bytes = message.SerializeAsString(), .fds = {}}).ok());
  for (const int target : {0, 4, -1}) {
    message.mutable_dial_request()->set_target(static_cast<pb::DialRequest::Target>(target));
    EXPECT_FALSE(Decode({.bytes = message.SerializeAsString(), .fds = {}}).ok()) << target;
  }
  message.mutable_module_inspected()->add_roles(static_cast<pb::Role>(5));
  EXPECT_FALSE(Decode({.bytes = message.SerializeAsString(), .fds = {}}).ok());
}

}  // namespace
}  // namespace penstock::workers
