#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/stream.h"
#include "runtime/io/stream_test_fixture.h"
#include "runtime/wasi/fd_table.h"
#include "runtime/wasi/host_call.h"
#include "runtime/wasi/mem_fs.h"
#include "runtime/wasi/preview1.h"
#include "runtime/wasi/stdio.h"
#include "runtime/wasi/stream_descriptor.h"
#include "runtime/wasi/stream_set.h"

namespace penstock::wasi {

// Keeps the lines of a guest.
class FakeLog final : public LogSink {
 public:
  void WriteLine(GuestOutput output, std::string_view line) override {
    (output == GuestOutput::kStdout ? out : err).emplace_back(line);
  }
  std::vector<std::string> out;
  std::vector<std::string> err;
};

// A guest without an engine: one page of memory, a fiber that calls the host for the test, real
// sockets, and a clock that stands still unless it is turned.
class FakeGuest : public testing::Test, protected MemorySource {
 public:
  static constexpr uint32_t kEnd = 65'536;

  FakeGuest() {
    fiber_ = scheduler_.Spawn([this] { RunCalls(); });
    scheduler_.RunReady();
    streams_.emplace(io_, *fiber_, clock_);
    wasi_.emplace(Preview1::Environment{
        .fds = fds_, .streams = *streams_, .clock = clock_, .args = args_, .environ = environ_});
  }
  ~FakeGuest() override {
    fds_.CloseAll();
    streams_->ResetAll();
    stopping_ = true;
    scheduler_.Cancel(*fiber_);
    while (scheduler_.fiber_count() > 0) scheduler_.RunReady();
  }

 protected:
  std::span<uint8_t> Bytes() override { return memory_; }

  static const HostFunction& RowOf(std::string_view name) {
    const auto rows = Preview1Table();
    const auto row = std::ranges::find(rows, name, &HostFunction::name);
    EXPECT_NE(row, rows.end()) << name;
    return *row;
  }

  // Begins a preview 1 call on the fiber and runs it until it waits or is done.
  template <typename... A>
  void Start(std::string_view name, A... args) {
    StartRow(RowOf(name), &*wasi_, {static_cast<uint64_t>(args)...});
  }
  void StartRow(const HostFunction& row, void* self, std::vector<uint64_t> args) {
    ASSERT_EQ(args.size(), static_cast<size_t>(row.param_count)) << row.name;
    StartTask([this, &row, self, args = std::move(args)] {
      HostCall call(*this, scheduler_);
      result_ = row.call(self, call, args.data());
    });
  }
  void StartTask(std::function<void()> task) {
    result_.reset();
    task_ = std::move(task);
    scheduler_.Ready(*fiber_);
    Pump();
  }

  // Hands out what has happened, and runs everything that is ready.
  void Pump(MonotonicTime wait_until = MonotonicTime::min()) {
    EXPECT_TRUE(reactor_.Poll(wait_until).ok());
    while (scheduler_.has_ready()) scheduler_.RunReady();
  }
  bool done() const { return !task_; }
  // Waits, in real time, until the call that was started is done.
  bool Finish() {
    return PumpUntil([this] { return done(); });
  }
  bool PumpUntil(const std::function<bool()>& condition) {
    const MonotonicTime give_up = Clock::System().Now() + std::chrono::seconds(20);
    while (!condition()) {
      if (Clock::System().Now() >= give_up) return false;
      Pump(Clock::System().Now() + std::chrono::milliseconds(1));
    }
    return true;
  }

  // A call that does not wait for long.
  template <typename... A>
  Errno Call(std::string_view name, A... args) {
    Start(name, args...);
    if (!Finish() || !result_) ADD_FAILURE() << name << " did not return";
    return code();
  }
  Errno code() const {
    if (!result_ || result_->trap) return Errno::kSuccess;
    return static_cast<Errno>(result_->value);
  }
  bool trapped(Trap::Kind kind) const {
    return result_ && result_->trap && result_->trap->kind == kind;
  }

  // A socket of the guest, and the other end.
  std::pair<Fd, Peer> OpenSocket() {
    auto [local, peer] = StreamFixture::Connect(SocketKind::kUnix);
    auto stream = streams_->Open(std::move(local), {});
    last_stream_ = stream.get();
    const Fd fd =
        fds_.InsertSocket(std::make_shared<StreamDescriptor>(*streams_, std::move(stream))).value();
    return {fd, Peer(std::move(peer))};
  }
  void SetNonblocking(Fd fd) {
    EXPECT_EQ(Call("fd_fdstat_set_flags", fd, FdFlags::kNonblock), Errno::kSuccess);
  }

  template <typename T>
  void Put(uint32_t at, const T& value) {
    ASSERT_TRUE(GuestMemory(memory_).Write(GuestPtr<T>{at}, value).ok());
  }
  template <typename T>
  T At(uint32_t at) {
    return GuestMemory(memory_).Read(GuestPtr<T>{at}).value();
  }
  void PutText(uint32_t at, std::string_view text) { std::ranges::copy(text, &memory_[at]); }
  std::string TextAt(uint32_t at, size_t count) {
    return std::string(reinterpret_cast<const char*>(&memory_[at]), count);
  }
  // An IoVec array of one at kVector, for `count` bytes at kBuffer.
  void PutBuffer(uint32_t count) { Put(kVector, IoVec{kBuffer, count}); }

  // fd_read of at most `count` bytes; what came is in the text.
  Errno Read(Fd fd, uint32_t count, std::string* text = nullptr) {
    PutBuffer(count);
    const Errno error = Call("fd_read", fd, kVector, 1, kOut);
    if (error == Errno::kSuccess && text) *text = TextAt(kBuffer, At<uint32_t>(kOut));
    return error;
  }
  Errno Write(Fd fd, std::string_view text) {
    PutText(kBuffer, text);
    PutBuffer(static_cast<uint32_t>(text.size()));
    return Call("fd_write", fd, kVector, 1, kOut);
  }

  static constexpr uint32_t kOut = 16;      // where results go
  static constexpr uint32_t kVector = 64;   // an IoVec array
  static constexpr uint32_t kBuffer = 256;  // payload

  std::vector<uint8_t> memory_ = std::vector<uint8_t>(kEnd, uint8_t{'?'});
  FakeClock clock_;
  Scheduler scheduler_{clock_, {.stack_byte_count = 128 * 1024}};
  Reactor reactor_ = *Reactor::Create();
  BufferPool buffers_{4, nullptr};
  IoContext io_{.reactor = reactor_, .scheduler = scheduler_, .buffers = buffers_};
  Fiber* fiber_ = nullptr;
  std::vector<std::string> args_ = {"module.wasm", "-v"};
  std::vector<std::string> environ_ = {"A=b"};
  FakeLog log_;
  std::optional<StreamSet> streams_;
  FdTable fds_{8};
  std::optional<Preview1> wasi_;
  std::optional<HostResult> result_;
  Stream* last_stream_ = nullptr;

 private:
  void RunCalls() {
    while (!stopping_) {
      if (task_) {
        task_();
        task_ = nullptr;
      } else if (scheduler_.Park(kNoDeadline) == Wake::kCancelled) {
        scheduler_.ClearCancel(*fiber_);
      }
    }
  }

  std::function<void()> task_;
  bool stopping_ = false;
};

}  // namespace penstock::wasi
