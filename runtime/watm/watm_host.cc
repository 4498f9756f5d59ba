#include "runtime/watm/watm_host.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "runtime/wasi/preview1.h"
#include "runtime/watm/limits.h"

namespace penstock::watm {
namespace {

using wasi::Errno;
using wasi::Fd;
using wasi::RawResult;
using wasi::Result;
using wasi::StreamDescriptor;
using wasi::Trap;
using wasi::Unit;

constexpr wasi::Traits kDials{.blocking = wasi::Blocking::kMay,
                              .note = "Strings are at most 256 bytes each."};
constexpr wasi::Traits kDialsFixed{.blocking = wasi::Blocking::kMay};
constexpr wasi::Traits kAccepts{.note = "Once in an instance."};

constexpr std::array kWatm = {
    wasi::Host<&WatmHost::WaterDial>(
        "water_dial", {"network_iovs", "network_iovs_len", "address_iovs", "address_iovs_len"},
        kDials),
    wasi::Host<&WatmHost::WaterDialFixed>("water_dial_fixed", kDialsFixed),
    wasi::Host<&WatmHost::WaterAccept>("water_accept", kAccepts),
};
static_assert(kWatm[0].signature() == "iiii");
static_assert(kWatm[1].signature().empty() && kWatm[2].signature().empty());

// Joins the guest's pieces. kInval for anything that is not a short string in its memory.
Result<std::string> ShortString(const wasi::GuestMemory& memory,
                                wasi::GuestSpan<wasi::IoVec> pieces) {
  auto parts = memory.Iovecs(pieces);
  if (!parts.ok() || wasi::ByteCountOf(parts.value()) > kDialStringByteCountMax) {
    return Errno::kInval;
  }
  std::string joined;
  for (const iovec& part : parts.value()) {
    joined.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return joined;
}

bool IsKnownNetwork(std::string_view network) {
  return network == "tcp" || network == "tcp4" || network == "tcp6";
}

}  // namespace

std::span<const wasi::HostFunction> WatmTable() { return kWatm; }

std::vector<wasm::HostSignature> HostSignatures() {
  std::vector<wasm::HostSignature> signatures;
  const auto append = [&](std::string_view module, std::span<const wasi::HostFunction> table) {
    for (const wasi::HostFunction& row : table) {
      signatures.push_back({.module = module,
                            .name = row.name,
                            .params = row.signature(),
                            .result = row.has_result ? 'i' : '\0'});
    }
  };
  append(wasi::kPreview1Module, wasi::Preview1Table());
  append(kWatmModule, WatmTable());
  return signatures;
}

WatmHost::WatmHost(Options options)
    : role_(options.role),
      fds_(options.fds),
      streams_(options.streams),
      dialer_(options.dialer),
      counters_(options.counters),
      connection_(std::move(options.connection)) {}

Result<RawResult> WatmHost::WaterDial(wasi::HostCall& call, wasi::GuestSpan<wasi::IoVec> network,
                                      wasi::GuestSpan<wasi::IoVec> address) {
  DialRequest request{.target = DialRequest::Target::kNamed, .network = {}, .address = {}};
  WASI_ASSIGN_OR_RETURN(request.network, ShortString(call.memory(), network));
  WASI_ASSIGN_OR_RETURN(request.address, ShortString(call.memory(), address));
  if (!IsKnownNetwork(request.network)) return Errno::kInval;
  return Dial(request);
}

Result<RawResult> WatmHost::WaterDialFixed(wasi::HostCall&) {
  return Dial({.target = DialRequest::Target::kRemote, .network = {}, .address = {}});
}

Result<RawResult> WatmHost::WaterAccept(wasi::HostCall&) {
  if (role_ != wasm::Role::kListener && role_ != wasm::Role::kRelay) return Errno::kNoDev;
  if (!connection_) return Errno::kInval;  // one connection in an instance
  if (fds_.full()) return Errno::kMfile;
  return Hand(streams_.Open(std::move(connection_), counters_.accepted));
}

Result<RawResult> WatmHost::Dial(const DialRequest& request) {
  if (!dialer_.Configured(request.target)) return Errno::kNoDev;
  // Streams that still close hold sockets too.
  if (fds_.full() || streams_.count() >= wasi::kDescriptorCountMax) return Errno::kMfile;
  streams_.FlushAll();
  DialReply reply = dialer_.Dial(request);
  switch (reply.kind) {
    case DialReply::Kind::kConnected:
      dial_error_.reset();
      return Hand(streams_.Open(std::move(reply.socket), counters_.dialed));
    case DialReply::Kind::kFailed:
      dial_error_ = std::move(reply.error);
      return Errno::kNotConn;
    case DialReply::Kind::kCancelled:
      break;
  }
  return Trap{.kind = Trap::Kind::kCancelled, .message = "the session was cancelled in a dial"};
}

Result<RawResult> WatmHost::Hand(std::shared_ptr<Stream> stream) {
  auto descriptor = std::make_shared<StreamDescriptor>(streams_, std::move(stream));
  WASI_ASSIGN_OR_RETURN(const Fd fd, fds_.InsertSocket(descriptor));
  obtained_.push_back({.fd = fd, .descriptor = descriptor});
  return RawResult{static_cast<int32_t>(fd)};
}

Result<Fd> WatmHost::InsertInternal() {
  if (role_ == wasm::Role::kListener) {
    upstream_ = std::make_shared<StreamDescriptor>(streams_, static_cast<StreamSource&>(*this));
    return fds_.InsertSocket(upstream_);
  }
  PENSTOCK_CHECK(role_ != wasm::Role::kRelay && connection_);
  return fds_.InsertSocket(std::make_shared<StreamDescriptor>(
      streams_, streams_.Open(std::move(connection_), counters_.accepted)));
}

Result<Unit> WatmHost::ConnectUpstream() { return upstream_ ? upstream_->Prepare() : Unit{}; }

Result<std::shared_ptr<Stream>> WatmHost::Connect() {
  DialReply reply =
      dialer_.Dial({.target = DialRequest::Target::kUpstream, .network = {}, .address = {}});
  switch (reply.kind) {
    case DialReply::Kind::kConnected:
      return streams_.Open(std::move(reply.socket), counters_.dialed);
    case DialReply::Kind::kFailed:
      upstream_error_ = std::move(reply.error);
      return Errno::kNotConn;
    case DialReply::Kind::kCancelled:
      break;
  }
  return Trap{.kind = Trap::Kind::kCancelled,
              .message = "the session was cancelled while its upstream was dialled"};
}

bool WatmHost::ObtainedInRoleCall(int32_t fd) {
  const auto wanted = static_cast<Fd>(fd);
  const auto open = fds_.Share(wanted);
  return fd >= 0 && open.ok() && std::ranges::any_of(obtained_, [&](const Obtained& obtained) {
           return obtained.fd == wanted && obtained.descriptor.lock() == open.value();
         });
}

}  // namespace penstock::watm
