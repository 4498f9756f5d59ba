#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/wasi/descriptor.h"
#include "runtime/wasi/limits.h"
#include "runtime/wasi/result.h"
#include "runtime/wasi/types.h"

namespace penstock::wasi {

// What one descriptor number stands for.
struct FdEntry {
  std::shared_ptr<Descriptor> descriptor;
  Rights rights_base = Rights::kNone;
  Rights rights_inheriting = Rights::kNone;
  FdFlags flags = FdFlags::kNone;
};

// Rights of the kinds of descriptors, as wide as each can use.
inline constexpr Rights kSocketRights = Rights::kFdRead | Rights::kFdWrite |
                                        Rights::kFdFdstatSetFlags | Rights::kFdFilestatGet |
                                        Rights::kPollFdReadwrite | Rights::kSockShutdown;
inline constexpr Rights kStdinRights =
    Rights::kFdRead | Rights::kFdFdstatSetFlags | Rights::kFdFilestatGet | Rights::kPollFdReadwrite;
inline constexpr Rights kStdoutRights = Rights::kFdWrite | Rights::kFdFdstatSetFlags |
                                        Rights::kFdFilestatGet | Rights::kPollFdReadwrite;

// A guest's descriptors: the lowest free number first, at most `count_max` of them.
//
// Threads: one.
class FdTable final {
 public:
  explicit FdTable(uint32_t count_max = kDescriptorCountMax) : count_max_(count_max) {}
  ~FdTable() { CloseAll(); }
  FdTable(const FdTable&) = delete;
  FdTable& operator=(const FdTable&) = delete;

  // kMfile when the table is full; `entry` is then closed.
  Result<Fd> Insert(FdEntry entry);

  // A socket or control pipe with kSocketRights.
  Result<Fd> InsertSocket(std::shared_ptr<Descriptor> socket);

  // The entry, until the table changes: never kept across a Park(). kBadf for a number that is not
  // open, kNotCapable for one that lacks one of the rights `needed`.
  Result<FdEntry*> Get(Fd fd, Rights needed = Rights::kNone);

  // Shared ownership of what `fd` leads to, for calls that park.
  Result<std::shared_ptr<Descriptor>> Share(Fd fd, Rights needed = Rights::kNone);

  Result<Unit> Close(Fd fd);
  // Moves `from` to `to`, which is closed first. Both must be open.
  Result<Unit> Renumber(Fd from, Fd to);
  void CloseAll();

  bool full() const { return open_count_ >= count_max_; }
  uint32_t open_count() const { return open_count_; }

 private:
  std::vector<std::optional<FdEntry>> entries_;  // by number
  uint32_t count_max_;
  uint32_t open_count_ = 0;
};

}  // namespace penstock::wasi
