#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "absl/container/inlined_vector.h"
#include "runtime/wasi/limits.h"
#include "runtime/wasi/result.h"
#include "runtime/wasi/types.h"

namespace penstock::wasi {

// Where the guest says a T is. Unchecked: only GuestMemory turns it into bytes.
template <typename T>
struct GuestPtr {
  uint32_t offset;
};

// As GuestPtr, for `count` of them in a row.
template <typename T>
struct GuestSpan {
  uint32_t offset;
  uint32_t count;
};

// Buffers in guest memory, as the kernel takes them. A view: gone with the next Park().
using HostIoVecs = absl::InlinedVector<iovec, 8>;

// Sum of the lengths of `parts`.
size_t ByteCountOf(std::span<const iovec> parts);

// The linear memory of a guest, at this moment. Every access is bounds-checked in 64 bits; what
// does not fit is Errno::kFault. An exact fit passes, and so does nothing at the very end.
//
// Lifetime: a view; none survives a Park(), since memory.grow may move the bytes.
class GuestMemory final {
 public:
  explicit GuestMemory(std::span<uint8_t> bytes) : bytes_(bytes) {}

  // `count` bytes from `offset`.
  Result<std::span<uint8_t>> Span(uint32_t offset, uint64_t count) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset) return Errno::kFault;
    return bytes_.subspan(offset, count);
  }

  template <typename T>
  Result<T> Read(GuestPtr<T> from, uint32_t index = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const uint64_t offset = from.offset + uint64_t{index} * sizeof(T);
    if (!Fits(offset, sizeof(T))) return Errno::kFault;
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  // Writes `value` as element `index` of the array at `to`.
  template <typename T>
  Result<Unit> Write(GuestPtr<T> to, const T& value, uint32_t index = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const uint64_t offset = to.offset + uint64_t{index} * sizeof(T);
    if (!Fits(offset, sizeof(T))) return Errno::kFault;
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
    return Unit{};
  }

  // True when `count` elements lie within the memory.
  template <typename T>
  bool Contains(GuestPtr<T> at, uint64_t count = 1) const {
    return Fits(at.offset, sizeof(T) * count);
  }

  Result<std::string_view> Text(GuestSpan<char> text) const;

  // The buffers that an array of IoVec names. kInval for more than kIoVecCountMax of them.
  Result<HostIoVecs> Iovecs(GuestSpan<IoVec> vectors) const;

 private:
  bool Fits(uint64_t offset, uint64_t count) const {
    return offset <= bytes_.size() && count <= bytes_.size() - offset;
  }

  std::span<uint8_t> bytes_;
};

}  // namespace penstock::wasi
