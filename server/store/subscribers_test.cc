#include "server/store/subscribers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace penstock::store {
namespace {

TEST(SubscribersTest, EachIsCalledUntilItsHandleIsGone) {
  Subscribers<int> subscribers;
  int first = 0;
  int second = 0;
  auto first_handle = subscribers.Add([&](int value) { first += value; });
  const auto second_handle = subscribers.Add([&](int value) { second += value; });
  subscribers.Notify(1);
  first_handle.reset();
  subscribers.Notify(10);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 11);
}

TEST(SubscribersTest, AHandleMayOutliveTheSubscribers) {
  auto subscribers = std::make_unique<Subscribers<>>();
  auto handle = subscribers->Add([] {});
  subscribers.reset();
  handle.reset();
}

TEST(SubscribersTest, ACallbackMayEndItself) {
  Subscribers<> subscribers;
  int count = 0;
  std::shared_ptr<void> handle;
  handle = subscribers.Add([&] {
    ++count;
    handle.reset();
    ++count;
  });
  subscribers.Notify();
  subscribers.Notify();
  EXPECT_EQ(count, 2);
}

TEST(SubscribersTest, DestroyingAHandleWaitsForTheCallUnderWay) {
  Subscribers<> subscribers;
  std::atomic<bool> entered{false};
  std::atomic<bool> leave{false};
  std::atomic<bool> left{false};
  auto handle = subscribers.Add([&] {
    entered = true;
    entered.notify_all();
    leave.wait(false);
    left = true;
  });
  std::thread notifier([&] { subscribers.Notify(); });
  entered.wait(false);
  std::thread releaser([&] {
    leave = true;
    leave.notify_all();
  });
  handle.reset();
  EXPECT_TRUE(left);
  releaser.join();
  notifier.join();
}

}  // namespace
}  // namespace penstock::store
