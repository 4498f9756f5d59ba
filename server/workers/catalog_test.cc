#include "server/workers/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/seqpacket.h"
#include "server/net/testing/fake_timers.h"

namespace penstock::workers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Writes down what it is told.
class FakeLink final : public WorkerLink {
 public:
  explicit FakeLink(int index) : index_(index) {}
  int index() const override { return index_; }
  void Send(const pb::ToWorker& message, std::vector<UniqueFd> fds) override {
    fd_count += fds.size();
    switch (message.message_case()) {
      case pb::ToWorker::kLoadModule:
        return Log("load", message.load_module().module_key());
      case pb::ToWorker::kUnloadModule:
        return Log("unload", message.unload_module().module_key());
      case pb::ToWorker::kPutTransport:
        return Log("put", message.put_transport().transport_key());
      case pb::ToWorker::kRemoveTransport:
        return Log("remove", message.remove_transport().transport_key());
      default:
        return Log("other", 0);
    }
  }
  const std::shared_ptr<SharedCounters>& counters() const override { return counters_; }

  std::vector<std::string> TakeLog() { return std::exchange(log_, {}); }
  size_t fd_count = 0;

 private:
  void Log(const std::string& what, uint64_t key) {
    log_.push_back(what + " " + std::to_string(key));
  }
  int index_;
  std::shared_ptr<SharedCounters> counters_;
  std::vector<std::string> log_;
};

class CatalogTest : public testing::Test {
 protected:
  static domain::TransportName Name(const std::string& id) { return {"default", id}; }

  void Put(const std::string& id, const std::string& sha256,
           std::optional<uint64_t> memory = std::nullopt) {
    auto revision = std::make_shared<TransportRevision>();
    revision->transport.name = Name(id);
    revision->transport.remote = remote_;
    revision->transport.limits.memory_byte_count_max = memory;
    revision->module_sha256 = sha256;
    revision->module_fd = module_fd_;
    catalog_.Put(revision, [this, id](absl::Status status) {
      results_.push_back(id + " " + std::string(absl::StatusCodeToString(status.code())));
    });
  }
  absl::Status Loaded(int worker, uint64_t key, const std::string& error = "") {
    pb::ModuleLoaded loaded;
    loaded.set_module_key(key);
    loaded.set_error(error);
    return catalog_.OnModuleLoaded(worker, loaded);
  }
  std::vector<std::string> Results() {
    timers_.Advance({});
    return std::exchange(results_, {});
  }

  net::FakeTimers timers_;
  Catalog catalog_{timers_};
  FakeLink a_{0};
  FakeLink b_{1};
  std::string remote_;
  std::shared_ptr<const UniqueFd> module_fd_ =
      std::make_shared<const UniqueFd>(*SealedMemfd("module", "bytes"));
  std::vector<std::string> results_;
};

TEST_F(CatalogTest, EachPairOfDigestAndLimitIsLoadedOnce) {
  catalog_.OnReady(a_);
  Put("x", "digest");
  Put("y", "digest");
  Put("z", "digest", 1 << 20);
  EXPECT_THAT(a_.TakeLog(), ElementsAre("load 1", "load 2"));
  EXPECT_EQ(a_.fd_count, 2u);
}

TEST_F(CatalogTest, PutIsDoneWhenEveryReadyWorkerHasLoaded) {
  catalog_.OnReady(a_);
  catalog_.OnReady(b_);
  Put("x", "digest");
  EXPECT_TRUE(Loaded(0, 1).ok());
  EXPECT_THAT(Results(), IsEmpty());
  EXPECT_TRUE(Loaded(1, 1).ok());
  EXPECT_THAT(results_, IsEmpty()) << "called from within";
  EXPECT_THAT(Results(), ElementsAre("x OK"));
  // Known already: nothing to wait for.
  Put("y", "digest");
  EXPECT_THAT(Results(), ElementsAre("y OK"));
}

TEST_F(CatalogTest, PutFailsWhenAnyWorkerFailsAndTheNextPutTriesAgain) {
  catalog_.OnReady(a_);
  catalog_.OnReady(b_);
  Put("x", "digest");
  EXPECT_TRUE(Loaded(0, 1, "no memory").ok());
  EXPECT_TRUE(Loaded(1, 1).ok());
  EXPECT_THAT(Results(), ElementsAre("x FAILED_PRECONDITION"));
  EXPECT_EQ(catalog_.StateOn(0, 1), Catalog::ModuleState::kFailed);
  EXPECT_EQ(catalog_.StateOn(1, 1), Catalog::ModuleState::kLoaded);
  (void)a_.TakeLog();
  Put("x", "digest");
  EXPECT_THAT(a_.TakeLog(), ElementsAre("load 1"));
  EXPECT_TRUE(Loaded(0, 1).ok());
  EXPECT_THAT(Results(), ElementsAre("x OK"));
}

TEST_F(CatalogTest, AWorkerThatIsLostIsNotWaitedFor) {
  catalog_.OnReady(a_);
  catalog_.OnReady(b_);
  Put("x", "digest");
  EXPECT_TRUE(Loaded(0, 1).ok());
  catalog_.OnLost(1);
  EXPECT_THAT(Results(), ElementsAre("x OK"));
}

TEST_F(CatalogTest, WhenAllAreLostTheNextOneAnswers) {
  catalog_.OnReady(a_);
  Put("x", "digest");
  catalog_.OnLost(0);
  EXPECT_THAT(Results(), IsEmpty());
  catalog_.OnReady(b_);
  EXPECT_THAT(b_.TakeLog(), ElementsAre("load 1"));
  EXPECT_TRUE(Loaded(1, 1).ok());
  EXPECT_THAT(Results(), ElementsAre("x OK"));
}

TEST_F(CatalogTest, ARestartedWorkerIsToldOfEverythingAgain) {
  Put("x", "one");
  Put("y", "two");
  catalog_.OnReady(a_);
  ASSERT_TRUE(catalog_.Introduce(a_, *catalog_.Find(Name("x"))).ok());
  EXPECT_THAT(a_.TakeLog(), ElementsAre("load 1", "load 2", "put 1"));
  catalog_.OnLost(0);
  catalog_.OnReady(a_);
  ASSERT_TRUE(catalog_.Introduce(a_, *catalog_.Find(Name("x"))).ok());
  ASSERT_TRUE(catalog_.Introduce(a_, *catalog_.Find(Name("x"))).ok());
  EXPECT_THAT(a_.TakeLog(), ElementsAre("load 1", "load 2", "put 1"));
}

TEST_F(CatalogTest, ANewRevisionTakesTheOldOnesPlace) {
  catalog_.OnReady(a_);
  Put("x", "one");
  const auto old_route = catalog_.Find(Name("x"));
  ASSERT_TRUE(catalog_.Introduce(a_, *old_route).ok());
  Put("x", "two");
  EXPECT_NE(catalog_.Find(Name("x"))->transport_key, old_route->transport_key);
  EXPECT_THAT(a_.TakeLog(), ElementsAre("load 1", "put 1", "load 2", "remove 1", "unload 1"));
  EXPECT_THAT(Results(), ElementsAre("x CANCELLED"));
}

TEST_F(CatalogTest, ARevisionWithTheSameModuleDoesNotLoadItAgain) {
  catalog_.OnReady(a_);
  Put("x", "one");
  Put("x", "one");
  EXPECT_THAT(a_.TakeLog(), ElementsAre("load 1"));
}

TEST_F(CatalogTest, RemoveUnloadsWhatNobodyElseUses) {
  catalog_.OnReady(a_);
  Put("x", "one");
  Put("y", "one");
  ASSERT_TRUE(catalog_.Introduce(a_, *catalog_.Find(Name("x"))).ok());
  (void)a_.TakeLog();
  catalog_.Remove(Name("x"));
  EXPECT_THAT(a_.TakeLog(), ElementsAre("remove 1"));
  EXPECT_EQ(catalog_.Find(Name("x")), nullptr);
  catalog_.Remove(Name("y"));
  EXPECT_THAT(a_.TakeLog(), ElementsAre("unload 1"));
  catalog_.Remove(Name("y"));
  EXPECT_TRUE(Loaded(0, 1).ok()) << "the answer may cross the unloading";
}

TEST_F(CatalogTest, AnAnswerWithoutAQuestionIsABreach) {
  catalog_.OnReady(a_);
  Put("x", "one");
  EXPECT_TRUE(Loaded(0, 1).ok());
  EXPECT_FALSE(Loaded(0, 1).ok());
}

TEST_F(CatalogTest, PutRefusesWhatDoesNotParse) {
  remote_ = "nonsense";
  Put("x", "one");
  EXPECT_THAT(Results(), ElementsAre("x INVALID_ARGUMENT"));
  EXPECT_EQ(catalog_.Find(Name("x")), nullptr);
}

}  // namespace
}  // namespace penstock::workers
