#include <string>
#include <vector>

#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

std::tuple<Size, Size> SizesOf(const std::vector<std::string>& strings) {
  size_t byte_count = 0;
  for (const std::string& string : strings) byte_count += string.size() + 1;
  return {static_cast<Size>(strings.size()), static_cast<Size>(byte_count)};
}

// Writes `strings` one after the other, each with a NUL byte, to `buffer`, and where each begins to
// `pointers`. Nothing is written unless all fits.
Result<Unit> WriteStrings(const GuestMemory& memory, const std::vector<std::string>& strings,
                          GuestPtr<uint32_t> pointers, GuestPtr<uint8_t> buffer) {
  const auto [count, byte_count] = SizesOf(strings);
  if (!memory.Contains(pointers, count) || !memory.Contains(buffer, byte_count)) {
    return Errno::kFault;
  }
  uint32_t at = buffer.offset;
  for (uint32_t i = 0; i < count; ++i) {
    const std::string& string = strings[i];
    WASI_RETURN_IF_FAILED(memory.Write(pointers, at, i));
    WASI_ASSIGN_OR_RETURN(const auto bytes, memory.Span(at, string.size() + 1));
    std::memcpy(bytes.data(), string.c_str(), bytes.size());
    at += static_cast<uint32_t>(bytes.size());
  }
  return Unit{};
}

}  // namespace

Result<Unit> Preview1::ArgsGet(HostCall& call, GuestPtr<uint32_t> argv,
                               GuestPtr<uint8_t> argv_buf) {
  return WriteStrings(call.memory(), args_, argv, argv_buf);
}

Result<std::tuple<Size, Size>> Preview1::ArgsSizesGet(HostCall&) { return SizesOf(args_); }

Result<Unit> Preview1::EnvironGet(HostCall& call, GuestPtr<uint32_t> environ,
                                  GuestPtr<uint8_t> environ_buf) {
  return WriteStrings(call.memory(), environ_, environ, environ_buf);
}

Result<std::tuple<Size, Size>> Preview1::EnvironSizesGet(HostCall&) { return SizesOf(environ_); }

}  // namespace penstock::wasi
