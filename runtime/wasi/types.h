#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

// The types of WASI preview 1 (witx/typenames.witx), laid out as guests see them.
namespace penstock::wasi {

static_assert(std::endian::native == std::endian::little, "guest structs are copied as they are");

// A guest's descriptor number.
enum class Fd : uint32_t {};

using Timestamp = uint64_t;  // ns
using FileSize = uint64_t;
using FileDelta = int64_t;
using DirCookie = uint64_t;
using Size = uint32_t;

enum class ClockId : uint32_t { kRealtime, kMonotonic, kProcessCpuTime, kThreadCpuTime };
enum class Whence : uint8_t { kSet, kCur, kEnd };
enum class Signal : uint8_t { kNone = 0, kKill = 9, kSys = 30 };
enum class Advice : uint8_t { kNormal, kSequential, kRandom, kWillNeed, kDontNeed, kNoReuse };
enum class PreopenType : uint8_t { kDir = 0 };
enum class EventType : uint8_t { kClock = 0, kFdRead = 1, kFdWrite = 2 };
enum class FileType : uint8_t {
  kUnknown,
  kBlockDevice,
  kCharacterDevice,
  kDirectory,
  kRegularFile,
  kSocketDgram,
  kSocketStream,
  kSymbolicLink,
};

enum class FdFlags : uint16_t {
  kNone = 0,
  kAppend = 1,
  kDsync = 2,
  kNonblock = 4,
  kRsync = 8,
  kSync = 16,
  kAll = 31
};
enum class OFlags : uint16_t {
  kNone = 0,
  kCreat = 1,
  kDirectory = 2,
  kExcl = 4,
  kTrunc = 8,
  kAll = 15
};
enum class LookupFlags : uint32_t { kNone = 0, kSymlinkFollow = 1 };
enum class FstFlags : uint16_t {
  kNone = 0,
  kAtim = 1,
  kAtimNow = 2,
  kMtim = 4,
  kMtimNow = 8,
  kAll = 15
};
enum class RiFlags : uint16_t { kNone = 0, kPeek = 1, kWaitAll = 2, kAll = 3 };
enum class RoFlags : uint16_t { kNone = 0, kDataTruncated = 1 };
enum class SiFlags : uint16_t { kNone = 0 };
enum class SdFlags : uint8_t { kNone = 0, kRd = 1, kWr = 2, kAll = 3 };
enum class EventRwFlags : uint16_t { kNone = 0, kHangup = 1 };
enum class SubClockFlags : uint16_t { kNone = 0, kAbstime = 1 };

enum class Rights : uint64_t {
  kNone = 0,
  kFdDatasync = 1u << 0,
  kFdRead = 1u << 1,
  kFdSeek = 1u << 2,
  kFdFdstatSetFlags = 1u << 3,
  kFdSync = 1u << 4,
  kFdTell = 1u << 5,
  kFdWrite = 1u << 6,
  kFdAdvise = 1u << 7,
  kFdAllocate = 1u << 8,
  kPathCreateDirectory = 1u << 9,
  kPathCreateFile = 1u << 10,
  kPathLinkSource = 1u << 11,
  kPathLinkTarget = 1u << 12,
  kPathOpen = 1u << 13,
  kFdReaddir = 1u << 14,
  kPathReadlink = 1u << 15,
  kPathRenameSource = 1u << 16,
  kPathRenameTarget = 1u << 17,
  kPathFilestatGet = 1u << 18,
  kPathFilestatSetSize = 1u << 19,
  kPathFilestatSetTimes = 1u << 20,
  kFdFilestatGet = 1u << 21,
  kFdFilestatSetSize = 1u << 22,
  kFdFilestatSetTimes = 1u << 23,
  kPathSymlink = 1u << 24,
  kPathRemoveDirectory = 1u << 25,
  kPathUnlinkFile = 1u << 26,
  kPollFdReadwrite = 1u << 27,
  kSockShutdown = 1u << 28,
  kSockAccept = 1u << 29,
  kAll = (1u << 30) - 1,
};

// Bit sets are the enums above whose members are flags.
template <typename T>
inline constexpr bool kIsFlags = false;
template <>
inline constexpr bool kIsFlags<FdFlags> = true;
template <>
inline constexpr bool kIsFlags<OFlags> = true;
template <>
inline constexpr bool kIsFlags<LookupFlags> = true;
template <>
inline constexpr bool kIsFlags<FstFlags> = true;
template <>
inline constexpr bool kIsFlags<RiFlags> = true;
template <>
inline constexpr bool kIsFlags<SdFlags> = true;
template <>
inline constexpr bool kIsFlags<SubClockFlags> = true;
template <>
inline constexpr bool kIsFlags<Rights> = true;

template <typename T>
requires kIsFlags<T>
constexpr T operator|(T a, T b) {
  using U = std::underlying_type_t<T>;
  return static_cast<T>(static_cast<U>(a) | static_cast<U>(b));
}
template <typename T>
requires kIsFlags<T>
constexpr T operator&(T a, T b) {
  using U = std::underlying_type_t<T>;
  return static_cast<T>(static_cast<U>(a) & static_cast<U>(b));
}
// The flags of `a` that are not in `b`.
template <typename T>
requires kIsFlags<T>
constexpr T operator-(T a, T b) {
  using U = std::underlying_type_t<T>;
  return static_cast<T>(static_cast<U>(a) & static_cast<U>(~static_cast<U>(b)));
}
// True when `set` has all of `flags`.
template <typename T>
requires kIsFlags<T>
constexpr bool Has(T set, T flags) { return (set & flags) == flags; }

// `iovec` and `ciovec`.
struct IoVec {
  uint32_t ptr;
  uint32_t len;
};
static_assert(sizeof(IoVec) == 8);

struct FdStat {
  FileType type{};
  uint8_t padding0{};
  FdFlags flags{};
  uint32_t padding1{};
  Rights rights_base{};
  Rights rights_inheriting{};
};
static_assert(sizeof(FdStat) == 24);

struct FileStat {
  uint64_t dev{};
  uint64_t ino{};
  FileType type{};
  uint8_t padding[7]{};
  uint64_t nlink{};
  FileSize size{};
  Timestamp atim{};
  Timestamp mtim{};
  Timestamp ctim{};
};
static_assert(sizeof(FileStat) == 64);

struct Dirent {
  DirCookie next{};
  uint64_t ino{};
  uint32_t namlen{};
  FileType type{};
  uint8_t padding[3]{};
};
static_assert(sizeof(Dirent) == 24);

struct Prestat {
  PreopenType type{};
  uint8_t padding[3]{};
  uint32_t name_len{};
};
static_assert(sizeof(Prestat) == 8);

// The union of clock and descriptor subscriptions; `fd` overlays the first word of a clock's.
struct Subscription {
  uint64_t userdata;
  EventType type;
  uint8_t padding0[7];
  union {
    ClockId clock_id;
    Fd fd;
  };
  uint32_t padding1;
  Timestamp timeout;
  Timestamp precision;
  SubClockFlags clock_flags;
  uint8_t padding2[6];
};
static_assert(sizeof(Subscription) == 48);

struct Event {
  uint64_t userdata;
  uint16_t error;
  EventType type;
  uint8_t padding0[5];
  FileSize byte_count;
  EventRwFlags flags;
  uint8_t padding1[6];
};
static_assert(sizeof(Event) == 32);

}  // namespace penstock::wasi
