#include "runtime/wasi/stream_descriptor.h"

#include <utility>

namespace penstock::wasi {

StreamDescriptor::StreamDescriptor(StreamSet& streams, std::shared_ptr<Stream> stream)
    : streams_(streams), stream_(std::move(stream)) {}

StreamDescriptor::StreamDescriptor(StreamSet& streams, StreamSource& source)
    : streams_(streams), source_(&source) {}

Result<Unit> StreamDescriptor::Prepare() {
  StreamSource* const source = std::exchange(source_, nullptr);
  if (source == nullptr) return Unit{};
  auto connected = source->Connect();
  if (connected.ok()) {
    stream_ = std::move(connected).value();
    return Unit{};
  }
  if (!connected.failure().is_trap()) missing_ = connected.failure().code();
  return std::move(connected.failure());
}

Result<Size> StreamDescriptor::Convert(ReadResult result) {
  switch (result.kind) {
    case ReadResult::Kind::kBytes:
      return static_cast<Size>(result.byte_count);
    case ReadResult::Kind::kEndOfStream:
      return Size{0};
    case ReadResult::Kind::kWouldBlock:
      return Errno::kAgain;
    case ReadResult::Kind::kError:
      return FromHostErrno(result.error);
  }
  return Errno::kIo;
}

Result<Size> StreamDescriptor::Read(std::span<const iovec> parts) {
  if (!stream_) return missing_;
  if (streams_.HeldBack(*stream_)) return Errno::kAgain;
  return Convert(stream_->Read(parts));
}

Result<Size> StreamDescriptor::Peek(std::span<const iovec> parts) {
  if (!stream_) return missing_;
  if (streams_.HeldBack(*stream_)) return Errno::kAgain;
  return Convert(stream_->Peek(parts));
}

Result<Unit> StreamDescriptor::Write(std::span<const iovec> parts) {
  if (!stream_) return missing_;
  writable_.Renew();
  if (const int error = stream_->Write(parts); error != 0) return FromHostErrno(error);
  return Unit{};
}

bool StreamDescriptor::over_hard_cap() const {
  return stream_ && stream_->error() == 0 && stream_->over_hard_cap();
}

Readiness StreamDescriptor::PollRead() {
  if (!stream_) return {.ready = source_ == nullptr, .hangup = source_ == nullptr};
  if (streams_.HeldBack(*stream_) || !stream_->readable()) return {};
  const size_t byte_count = stream_->buffered_byte_count();
  return {.ready = true, .byte_count = byte_count, .hangup = byte_count == 0};
}

Readiness StreamDescriptor::PollWrite(MonotonicTime now, bool alone) {
  const bool broken = stream_ ? stream_->error() != 0 : source_ == nullptr;
  if (stream_ && !broken && stream_->over_high_water()) {
    writable_.Renew();
    return {};
  }
  Readiness readiness = writable_.Tell(now, alone);
  readiness.hangup = readiness.ready && broken;
  return readiness;
}

Result<Unit> StreamDescriptor::Shutdown(SdFlags how) {
  if (!stream_) return Errno::kNotConn;
  if (Has(how, SdFlags::kRd)) stream_->ShutdownRead();
  if (Has(how, SdFlags::kWr)) stream_->ShutdownWrite();
  return Unit{};
}

void StreamDescriptor::Close() {
  source_ = nullptr;
  missing_ = Errno::kBadf;
  if (stream_) streams_.Close(std::exchange(stream_, nullptr));
}

}  // namespace penstock::wasi
