#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/wasi/descriptor.h"
#include "runtime/wasi/fd_table.h"

namespace penstock::wasi {

enum class GuestOutput { kStdout, kStderr };

// Where a guest's output goes, line by line. Limits the flood itself.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // `line` is without its newline, at most kLogLineByteCountMax bytes, any bytes: guest text. Must
  // not park.
  virtual void WriteLine(GuestOutput output, std::string_view line) = 0;
};

// Standard input: at its end from the start.
class StdinDescriptor final : public Descriptor {
 public:
  FileType file_type() const override { return FileType::kCharacterDevice; }
  Result<Size> Read(std::span<const iovec> parts) override;
  Readiness PollRead() override { return {.ready = true, .hangup = true}; }
};

// Standard output or error: cut into lines for a sink. A last line without newline goes out when
// the descriptor does.
class LogDescriptor final : public Descriptor {
 public:
  // `sink` is borrowed.
  LogDescriptor(GuestOutput output, LogSink& sink) : output_(output), sink_(sink) {}
  ~LogDescriptor() override { Emit(); }

  FileType file_type() const override { return FileType::kCharacterDevice; }
  Result<Unit> Write(std::span<const iovec> parts) override;

 private:
  void Append(std::string_view bytes);
  void Emit();

  GuestOutput output_;
  LogSink& sink_;
  std::string line_;
};

// Puts standard input, output and error at 0, 1 and 2. Precondition: `fds` is empty.
void InstallStdio(FdTable& fds, LogSink& sink);

}  // namespace penstock::wasi
