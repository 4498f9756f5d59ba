#include "runtime/watm/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "runtime/wasi/fake_guest.h"

namespace penstock::watm {
namespace {

using Kind = CallOutcome::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using wasi::Fd;

class FakeDialer final : public Dialer {
 public:
  bool Configured(DialRequest::Target) const override { return configured; }
  DialReply Dial(const DialRequest& request) override {
    requests.push_back(request);
    if (answer != DialReply::Kind::kConnected) {
      return {.kind = answer, .socket = {}, .error = "refused"};
    }
    auto ends = StreamFixture::Connect(SocketKind::kUnix);
    peers.emplace_back(std::move(ends.second));
    return {.kind = answer, .socket = std::move(ends.first), .error = {}};
  }

  bool configured = true;
  DialReply::Kind answer = DialReply::Kind::kConnected;
  std::vector<DialRequest> requests;
  std::vector<Peer> peers;
};

// A module whose exports are written in C++.
class ScriptedModule final : public Guest {
 public:
  using Body = std::function<CallOutcome(std::span<const int32_t>)>;

  static CallOutcome Return(int32_t value) { return {.kind = Kind::kReturned, .value = value}; }

  bool HasExport(std::string_view name) const override { return exports.contains(name); }
  CallOutcome Call(std::string_view name, std::span<const int32_t> args) override {
    calls.emplace_back(name);
    return exports.find(name)->second(args);
  }
  void On(std::string_view name, Body body) { exports[std::string(name)] = std::move(body); }
  void Returns(std::string_view name, int32_t value) {
    On(name, [value](auto) { return Return(value); });
  }

  std::map<std::string, Body, std::less<>> exports;
  std::vector<std::string> calls;
};

class SequenceTest : public wasi::FakeGuest, private SequenceObserver {
 protected:
  SequenceTest() {
    module_.Returns("watm_init_v1", 0);
    module_.Returns("watm_ctrlpipe_v1", 0);
    module_.Returns("watm_start_v1", 0);
    wasi::InstallStdio(fds_, log_);
    control_ = std::make_shared<wasi::ControlPipe>(scheduler_, *fiber_);
  }

  // Runs the sequence for `role` with a client connected, and returns how it ended.
  SequenceResult Run(wasm::Role role) {
    fds_.CloseAll();
    wasi::InstallStdio(fds_, log_);
    PrepareHost(role);
    SequenceResult result;
    StartTask([&] {
      result = RunSequence({.role = role,
                            .guest = module_,
                            .host = *host_,
                            .fds = fds_,
                            .control_pipe = control_,
                            .observer = *this});
    });
    EXPECT_TRUE(Finish());
    return result;
  }
  void PrepareHost(wasm::Role role) {
    auto ends = StreamFixture::Connect(SocketKind::kUnix);
    client_.emplace(std::move(ends.second));
    host_.emplace(WatmHost::Options{.role = role,
                                    .fds = fds_,
                                    .streams = *streams_,
                                    .dialer = dialer_,
                                    .counters = {},
                                    .connection = std::move(ends.first)});
  }

  // Calls a WATM import, on the fiber.
  int32_t Import(std::string_view name, std::vector<uint64_t> args = {}) {
    const auto rows = WatmTable();
    const auto row = std::ranges::find(rows, name, &wasi::HostFunction::name);
    args.resize(4);
    wasi::HostCall call(*this, scheduler_);
    last_import_ = row->call(&*host_, call, args.data());
    return last_import_.value;
  }
  ScriptedModule::Body DialsFixed() {
    return [this](auto) { return ScriptedModule::Return(Import("water_dial_fixed")); };
  }
  ScriptedModule::Body Accepts() {
    return [this](auto) { return ScriptedModule::Return(Import("water_accept")); };
  }
  void OnActive() override { ++active_count_; }

  ScriptedModule module_;
  FakeDialer dialer_;
  std::optional<WatmHost> host_;
  std::optional<Peer> client_;
  std::shared_ptr<wasi::ControlPipe> control_;
  wasi::HostResult last_import_;
  int active_count_ = 0;
};

TEST_F(SequenceTest, DialerCallsInOrder) {
  int32_t internal = -1;
  int32_t control = -1;
  module_.Returns("_start", 0);
  module_.On("watm_dial_v1", [&](auto args) {
    internal = args[0];
    return DialsFixed()(args);
  });
  module_.On("watm_ctrlpipe_v1", [&](auto args) {
    control = args[0];
    return ScriptedModule::Return(0);
  });
  const auto result = Run(wasm::Role::kDialer);
  EXPECT_EQ(result.reason, EndReason::kCompleted) << result.message;
  EXPECT_THAT(module_.calls, ElementsAre("_start", "watm_init_v1", "watm_dial_v1",
                                         "watm_ctrlpipe_v1", "watm_start_v1"));
  EXPECT_EQ(internal, 3);
  EXPECT_EQ(control, 5);
  EXPECT_EQ(active_count_, 1);
  ASSERT_EQ(dialer_.requests.size(), 1u);
  EXPECT_EQ(dialer_.requests[0].target, DialRequest::Target::kRemote);
}

TEST_F(SequenceTest, InitializeIsPreferredAndExitZeroOfStartSurvives) {
  module_.On("watm_dial_v1", DialsFixed());
  module_.On("_start", [](auto) { return CallOutcome{.kind = Kind::kExited, .value = 0}; });
  EXPECT_EQ(Run(wasm::Role::kDialer).reason, EndReason::kCompleted);
  module_.calls.clear();
  module_.Returns("_initialize", 0);
  EXPECT_EQ(Run(wasm::Role::kDialer).reason, EndReason::kCompleted);
  EXPECT_EQ(module_.calls.front(), "_initialize");
  EXPECT_THAT(module_.calls, testing::Not(testing::Contains("_start")));
}

TEST_F(SequenceTest, ListenerDialsItsUpstreamAfterTheHandshake) {
  size_t dials_in_handshake = 99;
  module_.On("watm_accept_v1", [&](auto args) {
    const CallOutcome outcome = Accepts()(args);
    dials_in_handshake = dialer_.requests.size();
    return outcome;
  });
  module_.On("watm_start_v1", [&](auto) {
    EXPECT_EQ(dialer_.requests.size(), 1u);
    return ScriptedModule::Return(-64);
  });
  EXPECT_EQ(Run(wasm::Role::kListener).reason, EndReason::kCompleted);
  EXPECT_EQ(dials_in_handshake, 0u);
  EXPECT_EQ(dialer_.requests[0].target, DialRequest::Target::kUpstream);
}

TEST_F(SequenceTest, FailedHandshakeNeverReachesTheUpstream) {
  module_.Returns("watm_accept_v1", -65);
  EXPECT_EQ(Run(wasm::Role::kListener).reason, EndReason::kGuestError);
  EXPECT_TRUE(dialer_.requests.empty());
  EXPECT_EQ(active_count_, 0);
}

TEST_F(SequenceTest, UpstreamThatRefusesEndsTheSession) {
  dialer_.answer = DialReply::Kind::kFailed;
  module_.On("watm_accept_v1", Accepts());
  const auto result = Run(wasm::Role::kListener);
  EXPECT_EQ(result.reason, EndReason::kUpstreamFailed);
  EXPECT_EQ(result.message, "refused");
  EXPECT_THAT(module_.calls, ElementsAre("watm_init_v1", "watm_accept_v1"));
}

TEST_F(SequenceTest, RelayAcceptsAndDials) {
  module_.On("watm_associate_v1", [this](auto) {
    const bool both = Import("water_accept") >= 0 && Import("water_dial_fixed") >= 0;
    return ScriptedModule::Return(both ? 0 : -53);
  });
  EXPECT_EQ(Run(wasm::Role::kRelay).reason, EndReason::kCompleted);
  EXPECT_THAT(module_.calls, ElementsAre("watm_init_v1", "watm_associate_v1", "watm_ctrlpipe_v1",
                                         "watm_start_v1"));
}

TEST_F(SequenceTest, DialFailureIsTold) {
  dialer_.answer = DialReply::Kind::kFailed;
  module_.On("watm_dial_v1", DialsFixed());
  const auto result = Run(wasm::Role::kDialer);
  EXPECT_EQ(result.reason, EndReason::kDialFailed);
  EXPECT_THAT(result.message, HasSubstr("watm_dial_v1 returned -53"));
}

TEST_F(SequenceTest, CancelledDialIsATrap) {
  dialer_.answer = DialReply::Kind::kCancelled;
  module_.On("watm_dial_v1", [this](auto) {
    (void)Import("water_dial_fixed");
    EXPECT_EQ(last_import_.trap->kind, wasi::Trap::Kind::kCancelled);
    return CallOutcome{.kind = Kind::kCancelled};
  });
  EXPECT_EQ(Run(wasm::Role::kDialer).reason, EndReason::kStopped);
}

TEST_F(SequenceTest, RoleCallMustReturnWhatItObtained) {
  for (const int32_t fd : {0, 3, 7, INT32_MAX}) {  // stdin, internal, nothing, nonsense
    module_.Returns("watm_dial_v1", fd);
    EXPECT_EQ(Run(wasm::Role::kDialer).reason, EndReason::kBadDescriptor) << fd;
  }
  module_.On("watm_dial_v1", [this](auto) {
    const int32_t fd = Import("water_dial_fixed");
    EXPECT_TRUE(fds_.Close(static_cast<Fd>(fd)).ok());
    return ScriptedModule::Return(fd);
  });
  EXPECT_EQ(Run(wasm::Role::kDialer).reason, EndReason::kBadDescriptor);
}

struct EndCase {
  const char* name;
  CallOutcome outcome;  // of watm_start_v1
  bool exit_sent;
  EndReason want;
};
const EndCase kEndCases[] = {
    {"Zero", {}, false, EndReason::kCompleted},
    {"BrokenPipe", {.value = -64}, false, EndReason::kCompleted},
    {"CancelledByExit", {.value = -11}, true, EndReason::kCompleted},
    {"CancelledByItself", {.value = -11}, false, EndReason::kGuestError},
    {"OtherError", {.value = -29}, false, EndReason::kGuestError},
    {"Garbage", {.value = 12}, false, EndReason::kGuestError},
    {"Exit", {.kind = Kind::kExited, .value = 0}, false, EndReason::kGuestExit},
    {"Trap", {.kind = Kind::kTrapped, .message = "unreachable"}, false, EndReason::kGuestTrap},
    {"Cpu", {.kind = Kind::kCpuLimit}, false, EndReason::kCpuLimit},
    {"Memory", {.kind = Kind::kMemoryLimit}, false, EndReason::kMemoryLimit},
    {"Stopped", {.kind = Kind::kCancelled}, true, EndReason::kStopped},
};

TEST_F(SequenceTest, ClassifiesTheEnd) {
  for (const EndCase& c : kEndCases) {
    control_ = std::make_shared<wasi::ControlPipe>(scheduler_, *fiber_);
    if (c.exit_sent) control_->SendExit();
    module_.On("watm_dial_v1", DialsFixed());
    module_.On("watm_start_v1", [&](auto) { return c.outcome; });
    EXPECT_EQ(Run(wasm::Role::kDialer).reason, c.want) << c.name;
  }
}

TEST_F(SequenceTest, FailureOfAnyStepEndsIt) {
  for (const char* name : {"watm_init_v1", "watm_ctrlpipe_v1", "watm_dial_v1"}) {
    module_.On("watm_dial_v1", DialsFixed());
    const auto good = module_.exports[name];
    module_.Returns(name, -8);
    EXPECT_EQ(Run(wasm::Role::kDialer).reason, EndReason::kGuestError) << name;
    EXPECT_EQ(module_.calls.back(), name);
    module_.On(name, [](auto) {
      return CallOutcome{.kind = Kind::kTrapped, .value = 0, .message = std::string(9000, 'x')};
    });
    const auto trapped = Run(wasm::Role::kDialer);
    EXPECT_EQ(trapped.reason, EndReason::kGuestTrap) << name;
    EXPECT_LE(trapped.message.size(), 4096u);
    module_.exports[name] = good;
  }
}

// ---- The imports ----

class WatmImports : public SequenceTest {
 protected:
  int32_t Call(std::string_view name, std::vector<uint64_t> args = {}) {
    int32_t value = 0;
    StartTask([&] { value = Import(name, args); });
    EXPECT_TRUE(Finish());
    return value;
  }
  // Two strings as arrays of one and two pieces.
  void PutStrings(std::string_view network, std::string_view address) {
    PutText(1000, network);
    PutText(2000, address);
    const auto half = static_cast<uint32_t>(address.size() / 2);
    Put(kVector, wasi::IoVec{1000, static_cast<uint32_t>(network.size())});
    Put(kVector + 8, wasi::IoVec{2000, half});
    Put(kVector + 16, wasi::IoVec{2000 + half, static_cast<uint32_t>(address.size()) - half});
  }
  int32_t Dial(std::string_view network, std::string_view address) {
    PutStrings(network, address);
    return Call("water_dial", {kVector, 1, kVector + 8, 2});
  }
};

TEST_F(WatmImports, DialJoinsItsIovecs) {
  PrepareHost(wasm::Role::kDialerFixed);
  EXPECT_EQ(Dial("tcp", "example.org:443"), 3);
  ASSERT_EQ(dialer_.requests.size(), 1u);
  EXPECT_EQ(dialer_.requests[0].target, DialRequest::Target::kNamed);
  EXPECT_EQ(dialer_.requests[0].network, "tcp");
  EXPECT_EQ(dialer_.requests[0].address, "example.org:443");
  EXPECT_EQ(Dial("tcp6", std::string(256, 'a')), 4);
}

TEST_F(WatmImports, DialRefusesBadArgumentsWithoutDialling) {
  PrepareHost(wasm::Role::kDialerFixed);
  EXPECT_EQ(Dial("udp", "a:1"), -28);
  EXPECT_EQ(Dial("", "a:1"), -28);
  EXPECT_EQ(Dial("tcp", std::string(257, 'a')), -28);
  PutStrings("tcp", "a:1");
  EXPECT_EQ(Call("water_dial", {kVector, 1, kEnd - 4, 1}), -28);
  EXPECT_EQ(Call("water_dial", {kVector, 0x2000'0001, kVector + 8, 2}), -28);
  Put(kVector, wasi::IoVec{kEnd - 2, 3});
  EXPECT_EQ(Call("water_dial", {kVector, 1, kVector + 8, 2}), -28);
  EXPECT_TRUE(dialer_.requests.empty());
}

TEST_F(WatmImports, CodesOfFailure) {
  PrepareHost(wasm::Role::kDialer);
  dialer_.configured = false;
  EXPECT_EQ(Call("water_dial_fixed"), -43);
  EXPECT_EQ(Call("water_accept"), -43);  // not this role's
  dialer_.configured = true;
  dialer_.answer = DialReply::Kind::kFailed;
  EXPECT_EQ(Call("water_dial_fixed"), -53);
  dialer_.answer = DialReply::Kind::kConnected;
  while (!fds_.full()) EXPECT_GE(Call("water_dial_fixed"), 0);
  const size_t dials = dialer_.requests.size();
  EXPECT_EQ(Call("water_dial_fixed"), -33);
  EXPECT_EQ(dialer_.requests.size(), dials);
}

TEST_F(WatmImports, AcceptGivesTheConnectionOnce) {
  PrepareHost(wasm::Role::kRelay);
  const int32_t fd = Call("water_accept");
  EXPECT_EQ(fd, 3);
  EXPECT_EQ(Call("water_accept"), -28);
  EXPECT_TRUE(host_->ObtainedInRoleCall(fd));
  EXPECT_FALSE(host_->ObtainedInRoleCall(-1));
  host_->BeginRoleCall();
  EXPECT_FALSE(host_->ObtainedInRoleCall(fd));
  EXPECT_EQ(Write(static_cast<Fd>(fd), "hello"), wasi::Errno::kSuccess);
  streams_->FlushAll();
  EXPECT_TRUE(client_->Receive());
  EXPECT_EQ(client_->received(), "hello");
}

// A module that dials and closes without end must not pile up sockets that still close.
TEST_F(WatmImports, ClosingStreamsCountAgainstTheLimit) {
  PrepareHost(wasm::Role::kRelay);
  int32_t fd = 0;
  for (uint32_t i = 0; i < wasi::kDescriptorCountMax; ++i) {
    fd = Call("water_dial_fixed");
    ASSERT_GE(fd, 0) << i;
    ASSERT_TRUE(fds_.Close(static_cast<Fd>(fd)).ok());
  }
  EXPECT_EQ(Call("water_dial_fixed"), -33);
}

TEST(WatmTables, NameEveryImportOfAModule) {
  const auto signatures = HostSignatures();
  EXPECT_EQ(signatures.size(), 49u);
  const auto dial = std::ranges::find(signatures, "water_dial", &wasm::HostSignature::name);
  ASSERT_NE(dial, signatures.end());
  EXPECT_EQ(dial->module, "env");
  EXPECT_EQ(dial->params, "iiii");
  const auto exit = std::ranges::find(signatures, "proc_exit", &wasm::HostSignature::name);
  EXPECT_EQ(exit->result, '\0');
}

}  // namespace
}  // namespace penstock::watm
