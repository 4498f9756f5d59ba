#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/io/stream.h"
#include "runtime/wasi/fd_table.h"
#include "runtime/wasi/host_function.h"
#include "runtime/wasi/host_table.h"
#include "runtime/wasi/stream_descriptor.h"
#include "runtime/wasi/stream_set.h"
#include "runtime/wasm/inspector.h"
#include "runtime/watm/dialer.h"

namespace penstock::watm {

// The rows of the WATM imports, for a `self` of class WatmHost.
inline constexpr std::string_view kWatmModule = "env";
std::span<const wasi::HostFunction> WatmTable();

// All that a module may import, for wasm::Inspect().
std::vector<wasm::HostSignature> HostSignatures();

// What the operator sees a connection as; decides which counters its bytes go to.
struct StreamCounters {
  Stream::Counters accepted;  // the connection that came in
  Stream::Counters dialed;    // those that went out
};

// The connections of one session: the one that was accepted, those that the guest dials, and the
// plain side of a listener. Holds the water_* imports.
//
// Threads: the worker's, on the session's fiber.
class WatmHost final : private wasi::StreamSource {
 public:
  struct Options {
    wasm::Role role;
    wasi::FdTable& fds;
    wasi::StreamSet& streams;
    Dialer& dialer;
    StreamCounters counters;
    UniqueFd connection;  // the accepted connection; non-blocking
  };
  // The references of `options` are borrowed.
  explicit WatmHost(Options options);

  // water_dial, water_dial_fixed, water_accept: a descriptor, or -errno (see WATM v1). A dial
  // parks.
  wasi::Result<wasi::RawResult> WaterDial(wasi::HostCall& call,
                                          wasi::GuestSpan<wasi::IoVec> network,
                                          wasi::GuestSpan<wasi::IoVec> address);
  wasi::Result<wasi::RawResult> WaterDialFixed(wasi::HostCall& call);
  wasi::Result<wasi::RawResult> WaterAccept(wasi::HostCall& call);

  // Gives the guest its `internal` descriptor: the accepted connection of a dialer, the upstream of
  // a listener (connected by ConnectUpstream(), or the guest's first read or write). Precondition:
  // the role has one.
  wasi::Result<wasi::Fd> InsertInternal();

  // Connects the listener's upstream, if that has not happened. Parks.
  wasi::Result<wasi::Unit> ConnectUpstream();

  // Starts the record of what water_* give out: each role call has its own.
  void BeginRoleCall() { obtained_.clear(); }
  // True when `fd` was obtained since BeginRoleCall() and is still open.
  bool ObtainedInRoleCall(int32_t fd);

  // Why the latest dial failed, for the log; nullopt when it succeeded or there was none.
  const std::optional<std::string>& dial_error() const { return dial_error_; }
  const std::optional<std::string>& upstream_error() const { return upstream_error_; }

 private:
  struct Obtained {
    wasi::Fd fd;
    std::weak_ptr<wasi::Descriptor> descriptor;
  };

  wasi::Result<std::shared_ptr<Stream>> Connect() override;  // the upstream
  wasi::Result<wasi::RawResult> Dial(const DialRequest& request);
  // Gives the guest a descriptor for `stream` and records it.
  wasi::Result<wasi::RawResult> Hand(std::shared_ptr<Stream> stream);

  const wasm::Role role_;
  wasi::FdTable& fds_;
  wasi::StreamSet& streams_;
  Dialer& dialer_;
  const StreamCounters counters_;
  UniqueFd connection_;  // until it is taken
  std::shared_ptr<wasi::StreamDescriptor> upstream_;
  std::vector<Obtained> obtained_;
  std::optional<std::string> dial_error_;
  std::optional<std::string> upstream_error_;
};

}  // namespace penstock::watm
