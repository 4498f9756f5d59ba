#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/end_reason.h"
#include "base/seqpacket.h"
#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "penstock/worker/v1/worker.pb.h"
#include "runtime/v8/wasm_builder.h"

namespace penstock::worker {

namespace pb = penstock::worker::v1;

// A real penstock-worker, with the test in penstockd's place. Every wait fails the test when it
// takes unreasonably long.
class WorkerHarness final {
 public:
  // Starts the program with `argument`, if that is not empty.
  explicit WorkerHarness(std::string_view argument = "");
  ~WorkerHarness();  // kills it, if it still runs

  void Send(const pb::ToWorker& message, std::vector<UniqueFd> fds = {});
  // The next message of that kind; others are kept for later.
  pb::FromWorker Expect(pb::FromWorker::MessageCase kind);
  // Closes penstockd's end of the channel.
  void CloseChannel() { (void)channel_.TakeFd(); }
  // Waits for the program's end: its exit status, or 128 + the signal.
  int WaitForExit();

  // Loads `module` under `key` and puts a transport of it under the same key.
  void PutTransport(uint64_t key, const std::vector<uint8_t>& module, pb::Role role,
                    const pb::SessionLimits& limits,
                    const std::map<std::string, std::string>& files = {});
  // Starts a session with one end of a socket pair as the accepted connection; returns the other.
  UniqueFd StartSession(uint64_t id, uint64_t transport_key);
  // Awaits the session's dial and answers it with a socket; returns the other end.
  UniqueFd AnswerDial(uint64_t session_id);
  void Stop(uint64_t session_id, std::chrono::nanoseconds grace);
  // Awaits the end of any session: its id, reason and message.
  pb::SessionEnded ExpectEnd();

  WorkerCounters& counters() { return *counters_; }
  pid_t pid() const { return pid_; }

 private:
  SeqpacketSocket channel_;
  SharedCounters counters_;
  pid_t pid_ = -1;
  std::vector<pb::FromWorker> kept_;
};

// Limits that no test runs into by accident.
pb::SessionLimits WideLimits();

// Writes all of `bytes` to a blocking socket.
void WriteAll(const UniqueFd& socket, std::string_view bytes);
// Reads until the end of the stream or an error; `error` gets its errno, 0 at the end.
std::string ReadAll(const UniqueFd& socket, int* error = nullptr);
// Reads exactly `count` bytes, or what came before the end.
std::string ReadExactly(const UniqueFd& socket, size_t count);

// Bodies of a relay module; empty parts do what a good module does: associate accepts and dials the
// operator's address, start copies accepted to dialed until its end, passes that on, then copies
// back.
struct RelayParts {
  engine::Code init = {};
  engine::Code associate = {};
  engine::Code start = {};
};
std::vector<uint8_t> RelayModule(const RelayParts& parts = {});

}  // namespace penstock::worker
