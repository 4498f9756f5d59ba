#include "runtime/worker/worker_harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/status.h"

namespace penstock::worker {
namespace {

using engine::Code;

// Far beyond what anything here takes, also on a machine that is busy with other things.
constexpr std::chrono::seconds kPatience{30};
constexpr int kChannelFd = 3;
constexpr int kCountersFd = 4;
// Out of the way of the child's 3 and 4.
constexpr int kHighFd = 100;

std::pair<SeqpacketSocket, SeqpacketSocket> MakeChannel() {
  auto pair = SeqpacketSocket::Pair();
  PENSTOCK_CHECK(pair.ok());
  return *std::move(pair);
}

SharedCounters MakeCounters() {
  auto counters = SharedCounters::Create();
  PENSTOCK_CHECK(counters.ok());
  return *std::move(counters);
}

pid_t Spawn(int channel_fd, int counters_fd, std::string_view argument) {
  const UniqueFd channel(fcntl(channel_fd, F_DUPFD_CLOEXEC, kHighFd));
  const UniqueFd counters(fcntl(counters_fd, F_DUPFD_CLOEXEC, kHighFd));
  posix_spawn_file_actions_t actions;
  PENSTOCK_CHECK(posix_spawn_file_actions_init(&actions) == 0);
  (void)posix_spawn_file_actions_adddup2(&actions, channel.get(), kChannelFd);
  (void)posix_spawn_file_actions_adddup2(&actions, counters.get(), kCountersFd);
  std::string path = PENSTOCK_WORKER_PATH;
  std::string text(argument);
  std::array<char*, 3> argv = {path.data(), text.empty() ? nullptr : text.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
  (void)posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(error, 0) << path;
  return pid;
}

UniqueFd Memfd(std::string_view bytes) {
  auto fd = SealedMemfd("test", bytes);
  PENSTOCK_CHECK(fd.ok());
  return *std::move(fd);
}

// A connected pair: the worker's end non-blocking, ours blocking with a bound on every wait.
std::pair<UniqueFd, UniqueFd> MakeConnection() {
  std::array<int, 2> raw{};
  PENSTOCK_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, raw.data()) == 0);
  PENSTOCK_CHECK(fcntl(raw[0], F_SETFL, O_NONBLOCK) == 0);
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  (void)setsockopt(raw[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)setsockopt(raw[1], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return {UniqueFd(raw[0]), UniqueFd(raw[1])};
}

std::vector<UniqueFd> One(UniqueFd fd) {
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(fd));
  return fds;
}

}  // namespace

WorkerHarness::WorkerHarness(std::string_view argument)
    : channel_(UniqueFd()), counters_(MakeCounters()) {
  auto [ours, theirs] = MakeChannel();
  channel_ = std::move(ours);
  pid_ = Spawn(theirs.fd(), counters_.fd(), argument);
}

WorkerHarness::~WorkerHarness() {
  if (pid_ <= 0) return;
  (void)kill(pid_, SIGKILL);
  (void)waitpid(pid_, nullptr, 0);
}

void WorkerHarness::Send(const pb::ToWorker& message, std::vector<UniqueFd> fds) {
  const absl::Status sent =
      channel_.Send({.bytes = message.SerializeAsString(), .fds = std::move(fds)});
  ASSERT_TRUE(sent.ok()) << MessageOf(sent);
}

pb::FromWorker WorkerHarness::Expect(pb::FromWorker::MessageCase kind) {
  const auto kept = std::ranges::find_if(
      kept_, [&](const pb::FromWorker& message) { return message.message_case() == kind; });
  if (kept != kept_.end()) {
    pb::FromWorker message = *kept;
    kept_.erase(kept);
    return message;
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd readable{.fd = channel_.fd(), .events = POLLIN, .revents = 0};
    (void)poll(&readable, 1, 100);
    auto packet = channel_.Receive();
    if (!packet.ok()) {
      ADD_FAILURE() << "channel: " << MessageOf(packet.status());
      return {};
    }
    pb::FromWorker message;
    if (!packet->has_value() || !message.ParseFromString((*packet)->bytes)) continue;
    if (message.message_case() == kind) return message;
    kept_.push_back(message);
  }
  ADD_FAILURE() << "message " << kind << " did not come";
  return {};
}

int WorkerHarness::WaitForExit() {
  int status = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "the worker does not end";
      return -1;
    }
    (void)poll(nullptr, 0, 5);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void WorkerHarness::PutTransport(uint64_t key, const std::vector<uint8_t>& module, pb::Role role,
                                 const pb::SessionLimits& limits,
                                 const std::map<std::string, std::string>& files) {
  pb::ToWorker load;
  load.mutable_load_module()->set_module_key(key);
  load.mutable_load_module()->set_memory_bytes_max(16u << 20);
  Send(load, One(Memfd({reinterpret_cast<const char*>(module.data()), module.size()})));
  const pb::FromWorker loaded = Expect(pb::FromWorker::kModuleLoaded);
  EXPECT_EQ(loaded.module_loaded().module_key(), key);
  EXPECT_EQ(loaded.module_loaded().error(), "");
  pb::ToWorker put;
  pb::PutTransport& transport = *put.mutable_put_transport();
  transport.set_transport_key(key);
  transport.set_transport_name("tenants/default/transports/test");
  transport.set_module_key(key);
  transport.set_role(role);
  *transport.mutable_limits() = limits;
  transport.set_has_remote(true);
  pb::TransportFiles tree;
  for (const auto& [path, bytes] : files) (*tree.mutable_files())[path] = bytes;
  Send(put, One(Memfd(tree.SerializeAsString())));
}

UniqueFd WorkerHarness::StartSession(uint64_t id, uint64_t transport_key) {
  auto [theirs, ours] = MakeConnection();
  pb::ToWorker start;
  start.mutable_start_session()->set_session_id(id);
  start.mutable_start_session()->set_transport_key(transport_key);
  start.mutable_start_session()->set_slot(static_cast<uint32_t>(id));
  Send(start, One(std::move(theirs)));
  return std::move(ours);
}

UniqueFd WorkerHarness::AnswerDial(uint64_t session_id) {
  const pb::FromWorker dial = Expect(pb::FromWorker::kDialRequest);
  EXPECT_EQ(dial.dial_request().session_id(), session_id);
  auto [theirs, ours] = MakeConnection();
  pb::ToWorker result;
  result.mutable_dial_result()->set_session_id(session_id);
  result.mutable_dial_result()->set_dial_id(dial.dial_request().dial_id());
  Send(result, One(std::move(theirs)));
  return std::move(ours);
}

void WorkerHarness::Stop(uint64_t session_id, std::chrono::nanoseconds grace) {
  pb::ToWorker stop;
  stop.mutable_stop_sessions()->add_session_ids(session_id);
  stop.mutable_stop_sessions()->set_grace_ns(static_cast<uint64_t>(grace.count()));
  Send(stop);
}

pb::SessionEnded WorkerHarness::ExpectEnd() {
  return Expect(pb::FromWorker::kSessionEnded).session_ended();
}

pb::SessionLimits WideLimits() {
  constexpr uint64_t kMinute_ns = 60'000'000'000;
  pb::SessionLimits limits;
  limits.set_handshake_timeout_ns(10 * kMinute_ns);
  limits.set_idle_timeout_ns(10 * kMinute_ns);
  limits.set_cpu_burst_ns(10 * kMinute_ns);
  limits.set_stop_grace_ns(10 * kMinute_ns);
  return limits;
}

void WriteAll(const UniqueFd& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(count, 0) << errno;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

std::string ReadAll(const UniqueFd& socket, int* error) {
  std::string bytes;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (error != nullptr) *error = got < 0 ? errno : 0;
    if (got <= 0) return bytes;
    bytes.append(buffer.data(), static_cast<size_t>(got));
  }
}

std::string ReadExactly(const UniqueFd& socket, size_t count) {
  std::string bytes;
  std::array<char, 65536> buffer;
  while (bytes.size() < count) {
    const ssize_t got =
        recv(socket.get(), buffer.data(), std::min(buffer.size(), count - bytes.size()), 0);
    if (got <= 0) break;
    bytes.append(buffer.data(), static_cast<size_t>(got));
  }
  return bytes;
}

std::vector<uint8_t> RelayModule(const RelayParts& parts) {
  const auto or_default = [](const Code& given, Code standard) {
    return given.bytes().empty() ? std::move(standard) : given;
  };
  engine::WasmBuilder wasm;
  const uint32_t read = wasm.Import("wasi_snapshot_preview1", "fd_read", "iiii", "i");
  const uint32_t write = wasm.Import("wasi_snapshot_preview1", "fd_write", "iiii", "i");
  const uint32_t shutdown = wasm.Import("wasi_snapshot_preview1", "sock_shutdown", "ii", "i");
  const uint32_t accept = wasm.Import("env", "water_accept", "", "i");
  const uint32_t dial = wasm.Import("env", "water_dial_fixed", "", "i");
  // Guest memory: 0 iovec of the buffer, 8 count read, 16 iovec of what is to be written, 24 count
  // written, 64 the buffer.
  constexpr int32_t kBufferByteCount = 32 * 1024;
  const uint32_t copy = wasm.Function("copy", "ii", "",
                                      Code()
                                          .I32Const(0)
                                          .I32Const(64)
                                          .I32Store()
                                          .I32Const(0)
                                          .I32Const(kBufferByteCount)
                                          .I32Store(4)
                                          .I32Const(16)
                                          .I32Const(64)
                                          .I32Store()
                                          .Block()
                                          .Loop()
                                          .LocalGet(0)
                                          .I32Const(0)
                                          .I32Const(1)
                                          .I32Const(8)
                                          .Call(read)
                                          .BrIf(1)
                                          .I32Const(0)
                                          .I32Load(8)
                                          .I32Eqz()
                                          .BrIf(1)
                                          .I32Const(16)
                                          .I32Const(0)
                                          .I32Load(8)
                                          .I32Store(4)
                                          .LocalGet(1)
                                          .I32Const(16)
                                          .I32Const(1)
                                          .I32Const(24)
                                          .Call(write)
                                          .I32Eqz()
                                          .BrIf(0)
                                          .End()
                                          .End());
  wasm.Function("watm_init_v1", "", "i", or_default(parts.init, Code().I32Const(0)));
  wasm.Function("watm_ctrlpipe_v1", "i", "i", Code().I32Const(0));
  wasm.Function("watm_associate_v1", "", "i",
                or_default(parts.associate, Code()
                                                .Call(accept)
                                                .GlobalSet(0)
                                                .Call(dial)
                                                .GlobalSet(1)
                                                .Block()
                                                .GlobalGet(1)
                                                .I32Const(0)
                                                .I32LtS()
                                                .I32Eqz()
                                                .BrIf(0)
                                                .GlobalGet(1)
                                                .Return()
                                                .End()
                                                .I32Const(0)));
  wasm.Function("watm_start_v1", "", "i",
                or_default(parts.start, Code()
                                            .GlobalGet(0)
                                            .GlobalGet(1)
                                            .Call(copy)
                                            .GlobalGet(1)
                                            .I32Const(2)
                                            .Call(shutdown)
                                            .Drop()
                                            .GlobalGet(1)
                                            .GlobalGet(0)
                                            .Call(copy)
                                            .I32Const(0)));
  wasm.Global(-1).Global(-1).Memory(1, 64);
  return wasm.Build();
}

}  // namespace penstock::worker
