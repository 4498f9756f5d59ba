#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/gateway.h"

namespace penstock::api {

// Where the messages of one watch come from. Its queue is bounded: when the reader falls behind,
// Next() fails with RESOURCE_EXHAUSTED.
template <typename Response>
class WatchSource {
 public:
  virtual ~WatchSource() = default;
  // The next message; nullopt when there is none now. An error ends the watch.
  virtual absl::StatusOr<std::optional<Response>> Next() = 0;
};

// Opens a source that calls `on_ready`, on any thread, when Next() may have something again.
template <typename Response>
using OpenWatch = std::function<absl::StatusOr<std::unique_ptr<WatchSource<Response>>>(
    std::function<void()> on_ready)>;

// One call of a Watch method: writes what its source has, one message at a time.
//
// Operations start under the lock, so that none starts after Finish(); gRPC never runs a reaction
// within the call that starts its operation.
// Frees itself when the call is over; borrows the gateway until then.
template <typename Response>
class WatchReactor final : public grpc::ServerWriteReactor<Response>,
                           public Stream,
                           public std::enable_shared_from_this<WatchReactor<Response>> {
 public:
  WatchReactor(Gateway& gateway, Rpc rpc) : gateway_(gateway), rpc_(rpc) {}

  // `resource_name` is the request's parent.
  static grpc::ServerWriteReactor<Response>* Start(Gateway& gateway, Rpc rpc,
                                                   std::string_view resource_name,
                                                   const OpenWatch<Response>& open) {
    auto reactor = std::make_shared<WatchReactor>(gateway, rpc);
    reactor->Begin(resource_name, open);
    return reactor.get();
  }

  void End(const absl::Status& status) override {
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(ended_, true)) return;
    }
    this->Finish(gateway_.Complete(rpc_, begin_, status));
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError("the reader went away"));
    Resume(State::kWriting);
  }

  void OnCancel() override { End(absl::CancelledError("the reader went away")); }

  void OnDone() override {
    gateway_.Leave(self_);
    std::shared_ptr<WatchSource<Response>> source;
    {
      std::lock_guard lock(mutex_);
      source = std::move(source_);
    }
    source.reset();
    self_.reset();
  }

 private:
  enum class State { kIdle, kPumping, kWriting };

  void Begin(std::string_view resource_name, const OpenWatch<Response>& open) {
    self_ = this->shared_from_this();
    if (!gateway_.Enter(self_)) return End(Gateway::ShuttingDown());
    if (absl::Status status = Gateway::CheckTenant(resource_name); !status.ok()) {
      return End(status);
    }
    auto source = open([weak = this->weak_from_this()] {
      if (auto self = weak.lock()) self->Resume(State::kIdle);
    });
    if (!source.ok()) return End(source.status());
    {
      std::lock_guard lock(mutex_);
      if (ended_) return;
      source_ = *std::move(source);
      state_ = State::kIdle;
      // The caller learns at once that the watch stands, even if nothing happens for a while.
      this->StartSendInitialMetadata();
    }
    Resume(State::kIdle);
  }

  // Goes on from state `from`. In any other somebody else is at it already, and will look again.
  void Resume(State from) {
    {
      std::lock_guard lock(mutex_);
      if (from == State::kIdle) more_ = true;
      if (ended_ || state_ != from) return;
      state_ = State::kPumping;
    }
    Pump();
  }

  void Pump() {
    while (std::shared_ptr<WatchSource<Response>> source = Claim()) {
      absl::StatusOr<std::optional<Response>> next = source->Next();
      if (!next.ok()) return End(next.status());
      if (!next->has_value()) continue;
      std::lock_guard lock(mutex_);
      if (ended_) return;
      more_ = true;
      state_ = State::kWriting;
      response_ = **std::move(next);
      this->StartWrite(&response_);
      return;
    }
  }

  // The source, if there may be more in it; else null, and the watch is idle.
  std::shared_ptr<WatchSource<Response>> Claim() {
    std::lock_guard lock(mutex_);
    if (ended_ || !std::exchange(more_, false)) {
      state_ = State::kIdle;
      return nullptr;
    }
    return source_;
  }

  Gateway& gateway_;
  const Rpc rpc_;
  const MonotonicTime begin_ = gateway_.Now();
  std::shared_ptr<WatchReactor> self_;  // until OnDone()
  Response response_;                   // being written
  std::mutex mutex_;
  State state_ = State::kPumping;                  // guarded by mutex_
  bool more_ = false;                              // guarded by mutex_: the source may have more
  bool ended_ = false;                             // guarded by mutex_
  std::shared_ptr<WatchSource<Response>> source_;  // guarded by mutex_
};

}  // namespace penstock::api
