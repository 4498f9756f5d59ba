#include "server/store/event_history.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::store {
namespace {

Event PutEvent(int64_t revision, std::string key, std::string value = "v") {
  return {.kind = Event::Kind::kPut,
          .kv = {.key = std::move(key), .value = std::move(value), .mod_revision = revision}};
}

TEST(EventHistoryTest, GivesWhatCameAfterARevision) {
  EventHistory history(10);
  history.Append(11, {PutEvent(11, "/a/1"), PutEvent(11, "/b/1")});
  history.Append(12, {PutEvent(12, "/a/2")});
  EXPECT_EQ(history.Since("/a/", 10)->size(), 2u);
  EXPECT_EQ(history.Since("/a/", 11)->size(), 1u);
  EXPECT_EQ(history.Since("/a/", 12)->size(), 0u);
  EXPECT_EQ(history.Since("", 10)->size(), 3u);
}

TEST(EventHistoryTest, WhatIsNotKnownIsOutOfRange) {
  EventHistory history(10);
  EXPECT_EQ(history.Since("", 9).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(history.Since("", 10).ok());
  EXPECT_EQ(history.Since("", 11).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(EventHistoryTest, ForgetsWholeTransactionsFromTheOldest) {
  EventHistory history(0);
  history.Append(1, {PutEvent(1, "/a"), PutEvent(1, "/b")});
  for (size_t i = 0; i < StateStore::kHistoryMin - 1; ++i) {
    const auto revision = static_cast<int64_t>(i + 2);
    history.Append(revision, {PutEvent(revision, "/c")});
  }
  // One event too many: the first transaction goes, both of its events.
  EXPECT_EQ(history.Since("", 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(history.Since("", 1)->size(), StateStore::kHistoryMin - 1);
}

TEST(EventHistoryTest, ForgetsByBytesToo) {
  EventHistory history(0);
  history.Append(1, {PutEvent(1, "/a", std::string(StateStore::kHistoryByteCountMax / 2, 'x'))});
  history.Append(2, {PutEvent(2, "/b", std::string(StateStore::kHistoryByteCountMax / 2, 'x'))});
  EXPECT_EQ(history.Since("", 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(history.Since("", 1)->size(), 1u);
}

}  // namespace
}  // namespace penstock::store
