#pragma once

#include <memory>
#include <span>

#include "runtime/wasi/descriptor.h"
#include "runtime/wasi/stream_set.h"
#include "runtime/wasi/writable_notice.h"

namespace penstock::wasi {

// Where a connection comes from that is only made when the guest needs it.
class StreamSource {
 public:
  virtual ~StreamSource() = default;
  // Parks the fiber until the connection stands or cannot be made.
  virtual Result<std::shared_ptr<Stream>> Connect() = 0;
};

// A socket of the guest. Its connection stands already, or comes with the first read or write
// (before that a poll finds it writable and empty).
class StreamDescriptor final : public Descriptor {
 public:
  // `streams` is borrowed.
  StreamDescriptor(StreamSet& streams, std::shared_ptr<Stream> stream);
  // `source` is borrowed and asked once at most; its failure is the answer to everything after.
  StreamDescriptor(StreamSet& streams, StreamSource& source);

  FileType file_type() const override { return FileType::kSocketStream; }
  // Connects, if that is still to be done. Parks.
  Result<Unit> Prepare() override;
  Result<Size> Read(std::span<const iovec> parts) override;
  Result<Size> Peek(std::span<const iovec> parts) override;
  Result<Unit> Write(std::span<const iovec> parts) override;
  bool over_hard_cap() const override;
  Readiness PollRead() override;
  Readiness PollWrite(MonotonicTime now, bool alone) override;
  Result<Unit> Shutdown(SdFlags how) override;
  void Close() override;

 private:
  static Result<Size> Convert(ReadResult result);

  StreamSet& streams_;
  std::shared_ptr<Stream> stream_;
  StreamSource* source_ = nullptr;   // until it was asked
  Errno missing_ = Errno::kNotConn;  // why there is no stream: the failure, or that it was closed
  WritableNotice writable_;
};

}  // namespace penstock::wasi
