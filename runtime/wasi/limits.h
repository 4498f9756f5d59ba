#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound of the shim, with its unit and reason.
namespace penstock::wasi {

// Descriptors of one guest, streams that are still closing included: a session needs six, a module
// that races addresses a few more, and each may hold a socket of the worker.
inline constexpr uint32_t kDescriptorCountMax = 64;

// Buffers of one vectored call; Linux's IOV_MAX.
inline constexpr uint32_t kIoVecCountMax = 1024;

// Subscriptions of one poll: two for every descriptor, and as many clocks.
inline constexpr uint32_t kSubscriptionCountMax = 256;
static_assert(kSubscriptionCountMax >= 3 * kDescriptorCountMax);

// Bytes that a write queues before it looks at the stream's hard cap again, so that one call with a
// huge buffer stays within the cap too.
inline constexpr size_t kWriteChunkByteCount = 1024 * 1024;

// Bytes of random_get after which the others get their turn.
inline constexpr size_t kRandomChunkByteCount = 256 * 1024;

// Calls in a row that achieved nothing (EAGAIN, or a poll that did not wait) before the guest has
// to let others run. High enough for a guest that drains a handful of descriptors in each round.
inline constexpr int kFruitlessCallCountMax = 64;

// Bytes of one line of a guest's output; a longer one goes out in pieces. What a GuestLog message
// carries.
inline constexpr size_t kLogLineByteCountMax = 4096;

// A descriptor that stays writable is reported to a poll that waits for other things too at these
// growing intervals: guests that always ask would spin otherwise, and guests that forgot the answer
// would hang.
inline constexpr std::chrono::milliseconds kWritableRepeatFirst{10};
inline constexpr std::chrono::milliseconds kWritableRepeatMax{10'000};

// How long a closed stream may take to deliver what the guest wrote to it (a reader may pause), and
// how long after that the peer's own end is awaited.
inline constexpr std::chrono::seconds kCloseDrainMax{300};
inline constexpr std::chrono::seconds kCloseLinger{2};

// POSIX's PATH_MAX and NAME_MAX.
inline constexpr uint32_t kPathByteCountMax = 4096;
inline constexpr uint32_t kNameByteCountMax = 255;

}  // namespace penstock::wasi
