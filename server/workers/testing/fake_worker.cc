// A worker that speaks the protocol but runs no guests, for tests of those who supervise workers.
//
// What a session does is the transport's file "watm.cfg" (see OnStartSession); what a module does
// is its "digest" (see OnLoadModule and Inspect); what the process does is its arguments:
//   --await=FIFO        says Hello only when somebody opens FIFO for writing
//   --silent            never says Hello
//   --exit              ends at once
//   --ignore-shutdown   does not end when told to
//   --inspect           answers one InspectModule
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/end_reason.h"
#include "base/seqpacket.h"
#include "base/shared_counters.h"
#include "penstock/worker/v1/worker.pb.h"

namespace {

namespace pb = ::penstock::worker::v1;
using penstock::EndReason;
using penstock::Packet;
using penstock::SeqpacketSocket;
using penstock::SharedCounters;
using penstock::UniqueFd;

// "0,1,2,3,4 env=2": the open descriptors and the size of the environment, for the test to see.
std::string DescribeSelf() {
  std::vector<int> open;
  for (int fd = 0; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) open.push_back(fd);
  }
  std::string text;
  for (const int fd : open) text += (text.empty() ? "" : ",") + std::to_string(fd);
  int environment_size = 0;
  while (environ[environment_size] != nullptr) ++environment_size;
  return text + " env=" + std::to_string(environment_size);
}

class FakeWorker {
 public:
  FakeWorker(SharedCounters counters, bool ignore_shutdown)
      : counters_(std::move(counters)), ignore_shutdown_(ignore_shutdown) {}

  int Run(std::string self) {
    pb::FromWorker hello;
    hello.mutable_hello()->set_v8_version("fake");
    hello.mutable_hello()->set_isolation_mode(std::move(self));
    Send(hello);
    while (!done_) PollOnce();
    return 0;
  }

 private:
  struct Session {
    UniqueFd socket;
    uint32_t slot = 0;
    std::string command;
    bool echo = false;
  };

  void Send(const pb::FromWorker& message) {
    if (!channel_.Send({.bytes = message.SerializeAsString(), .fds = {}}).ok()) exit(4);
  }

  void PollOnce() {
    std::vector<pollfd> polls = {{.fd = channel_.fd(), .events = POLLIN, .revents = 0}};
    std::vector<uint64_t> ids;
    for (const auto& [id, session] : sessions_) {
      if (!session.echo) continue;
      polls.push_back({.fd = session.socket.get(), .events = POLLIN, .revents = 0});
      ids.push_back(id);
    }
    if (poll(polls.data(), polls.size(), -1) < 0) return;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (polls[i + 1].revents != 0) Echo(ids[i]);
    }
    if (polls[0].revents != 0) Receive();
  }

  void Receive() {
    auto packet = channel_.Receive();
    if (!packet.ok()) exit(0);
    if (!packet->has_value()) return;
    pb::ToWorker message;
    if (!message.ParseFromString((*packet)->bytes)) exit(5);
    switch (message.message_case()) {
      case pb::ToWorker::kLoadModule:
        return OnLoadModule(message.load_module());
      case pb::ToWorker::kPutTransport:
        return OnPutTransport(message.put_transport(), **packet);
      case pb::ToWorker::kStartSession:
        return OnStartSession(message.start_session(), **packet);
      case pb::ToWorker::kDialResult:
        return OnDialResult(message.dial_result(), **packet);
      case pb::ToWorker::kStopSessions:
        for (const uint64_t id : message.stop_sessions().session_ids()) {
          End(id, EndReason::kStopped, "told to");
        }
        return;
      case pb::ToWorker::kShutdown:
        if (ignore_shutdown_) return;
        while (!sessions_.empty()) End(sessions_.begin()->first, EndReason::kStopped, "shutdown");
        done_ = true;
        return;
      case pb::ToWorker::kUnloadModule:
      case pb::ToWorker::kRemoveTransport:
      default:
        return;
    }
  }

  // "fail..." cannot be loaded.
  void OnLoadModule(const pb::LoadModule& load) {
    ++counters_->module_compile_count;
    pb::FromWorker answer;
    answer.mutable_module_loaded()->set_module_key(load.module_key());
    if (load.sha256().starts_with("fail")) answer.mutable_module_loaded()->set_error("no good");
    Send(answer);
  }

  void OnPutTransport(const pb::PutTransport& put, const Packet& packet) {
    auto bytes = penstock::ReadSealedMemfd(packet.fds.at(0).get(), 1 << 20);
    pb::TransportFiles files;
    if (!bytes.ok() || !files.ParseFromString(*bytes)) exit(6);
    commands_[put.transport_key()] = files.files().at("watm.cfg");
  }

  // Commands: "echo"; "hold" (does nothing); "remote", "upstream", "dial NETWORK ADDRESS" (dials
  // and writes "connected" or the error to the client); "exit N"; and breaches of the protocol, see
  // Misbehave().
  void OnStartSession(const pb::StartSession& start, Packet& packet) {
    const uint64_t id = start.session_id();
    const std::string command = commands_.at(start.transport_key());
    sessions_[id] = {.socket = std::move(packet.fds.at(0)),
                     .slot = start.slot(),
                     .command = command,
                     .echo = command == "echo"};
    if (command.starts_with("exit ")) _exit(std::stoi(command.substr(5)));
    if (command == "remote") return Dial(id, pb::DialRequest::TARGET_REMOTE, "", "");
    if (command == "upstream") return Dial(id, pb::DialRequest::TARGET_UPSTREAM, "", "");
    if (command.starts_with("dial ")) {
      const size_t space = command.find(' ', 5);
      return Dial(id, pb::DialRequest::TARGET_NAMED, command.substr(5, space - 5),
                  command.substr(space + 1));
    }
    if (command != "echo" && command != "hold") return Misbehave(id, command);
    ++counters_->instantiate_count;
    pb::FromWorker active;
    active.mutable_session_active()->set_session_id(id);
    Send(active);
  }

  void Dial(uint64_t id, pb::DialRequest::Target target, std::string network, std::string address) {
    pb::FromWorker message;
    pb::DialRequest& request = *message.mutable_dial_request();
    request.set_session_id(id);
    request.set_dial_id(next_dial_id_++);
    request.set_target(target);
    request.set_network(std::move(network));
    request.set_address(std::move(address));
    Send(message);
  }

  void OnDialResult(const pb::DialResult& result, const Packet& packet) {
    const auto found = sessions_.find(result.session_id());
    if (found == sessions_.end()) return;
    const std::string text = packet.fds.empty() ? result.error() : "connected";
    (void)!write(found->second.socket.get(), text.data(), text.size());
    End(result.session_id(), EndReason::kCompleted, "");
  }

  void Misbehave(uint64_t id, const std::string& command) {
    pb::FromWorker message;
    Packet packet;
    if (command == "hello") message.mutable_hello();
    if (command == "reason") {
      message.mutable_session_ended()->set_session_id(id);
      message.mutable_session_ended()->set_reason(penstock::kEndReasonCount);
    }
    if (command == "long-end") {
      message.mutable_session_ended()->set_session_id(id);
      message.mutable_session_ended()->set_message(std::string(4097, 'x'));
    }
    if (command == "long-line") {
      message.mutable_guest_log()->set_session_id(id);
      message.mutable_guest_log()->set_line(std::string(4097, 'x'));
    }
    if (command == "inspected") message.mutable_module_inspected();
    if (command == "loaded") {  // again
      message.mutable_module_loaded()->set_module_key(1);
    }
    if (command == "descriptor") {
      message.mutable_session_active()->set_session_id(id);
      packet.fds.emplace_back(dup(STDIN_FILENO));
    }
    packet.bytes = message.SerializeAsString();
    if (command == "garbage") packet.bytes = "\xff\xff\xff";
    if (command == "unknown") packet.bytes = std::string("\x9a\x06\x00", 3);  // field 99, empty
    if (command == "dial-flood") {
      for (int i = 0; i < 9; ++i) Dial(id, pb::DialRequest::TARGET_REMOTE, "", "");
      return;
    }
    if (command == "dial-id") {
      for (int i = 0; i < 2; ++i) {
        next_dial_id_ = 7;
        Dial(id, pb::DialRequest::TARGET_REMOTE, "", "");
      }
      return;
    }
    if (command == "stray") return Stray(id);
    (void)channel_.Send(std::move(packet)).ok();
  }

  // Talks about sessions that it does not have, then completes its own.
  void Stray(uint64_t id) {
    pb::FromWorker message;
    message.mutable_session_active()->set_session_id(id + 1000);
    Send(message);
    message.mutable_session_ended()->set_session_id(1);
    Send(message);
    message.mutable_guest_log()->set_session_id(id + 1);
    Send(message);
    End(id, EndReason::kCompleted, "");
  }

  void Echo(uint64_t id) {
    Session& session = sessions_.at(id);
    std::array<char, 4096> buffer;
    const ssize_t size = read(session.socket.get(), buffer.data(), buffer.size());
    if (size <= 0) return End(id, EndReason::kCompleted, "end of stream");
    (void)!write(session.socket.get(), buffer.data(), static_cast<size_t>(size));
    auto& bytes = counters_->sessions[session.slot].byte_count;
    bytes[static_cast<size_t>(penstock::Direction::kAcceptedReceived)] +=
        static_cast<uint64_t>(size);
    bytes[static_cast<size_t>(penstock::Direction::kAcceptedSent)] += static_cast<uint64_t>(size);
  }

  void End(uint64_t id, EndReason reason, std::string text) {
    sessions_.erase(id);
    pb::FromWorker message;
    message.mutable_session_ended()->set_session_id(id);
    message.mutable_session_ended()->set_reason(static_cast<uint32_t>(reason));
    message.mutable_session_ended()->set_message(std::move(text));
    Send(message);
  }

  SeqpacketSocket channel_{UniqueFd(3)};
  SharedCounters counters_;
  bool ignore_shutdown_;
  bool done_ = false;
  uint32_t next_dial_id_ = 1;
  std::map<uint64_t, std::string> commands_;  // by transport_key
  std::map<uint64_t, Session> sessions_;
};

// "bad..." is refused, "crash..." ends the process, "hang..." is never answered, "nonsense..." is
// answered with what is no answer; everything else is a good listener.
int Inspect() {
  SeqpacketSocket channel{UniqueFd(3)};
  pollfd ready{.fd = channel.fd(), .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, -1) != 1) return 7;
  auto packet = channel.Receive();
  pb::ToWorker request;
  if (!packet.ok() || !packet->has_value() || !request.ParseFromString((*packet)->bytes)) return 8;
  const std::string& sha256 = request.inspect_module().sha256();
  if (sha256.starts_with("crash")) return 9;
  if (sha256.starts_with("hang")) pause();
  pb::FromWorker message;
  pb::ModuleInspected& answer = *message.mutable_module_inspected();
  if (sha256.starts_with("bad")) {
    answer.set_error_reason("NOT_WASM");
    answer.set_error_message("the bytes do not begin with \\0asm");
  } else {
    answer.add_roles(pb::ROLE_LISTENER);
    answer.add_imports("env.water_accept");
    answer.set_memory_minimum_bytes(65536);
    answer.set_memory_maximum_bytes(131072);
  }
  if (sha256.starts_with("nonsense")) answer.set_error_reason("not upper snake");
  (void)channel.Send({.bytes = message.SerializeAsString(), .fds = {}}).ok();
  pause();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool ignore_shutdown = false;
  const std::string self = DescribeSelf();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (std::find(arguments.begin(), arguments.end(), "--inspect") != arguments.end()) {
    return Inspect();
  }
  for (const std::string& argument : arguments) {
    if (argument == "--exit") return 3;
    if (argument == "--silent") pause();
    if (argument == "--ignore-shutdown") ignore_shutdown = true;
    if (argument.starts_with("--await=")) {
      const UniqueFd fifo(open(argument.substr(8).c_str(), O_RDONLY | O_CLOEXEC));
    }
  }
  auto counters = SharedCounters::Attach(UniqueFd(4));
  if (!counters.ok()) return 2;
  return FakeWorker(*std::move(counters), ignore_shutdown).Run(self);
}
