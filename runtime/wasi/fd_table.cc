#include "runtime/wasi/fd_table.h"

#include <utility>

namespace penstock::wasi {

Result<Fd> FdTable::Insert(FdEntry entry) {
  if (full()) {
    entry.descriptor->Close();
    return Errno::kMfile;
  }
  size_t number = 0;
  while (number < entries_.size() && entries_[number]) ++number;
  if (number == entries_.size()) entries_.emplace_back();
  entries_[number] = std::move(entry);
  ++open_count_;
  return static_cast<Fd>(number);
}

Result<Fd> FdTable::InsertSocket(std::shared_ptr<Descriptor> socket) {
  return Insert({.descriptor = std::move(socket), .rights_base = kSocketRights});
}

Result<FdEntry*> FdTable::Get(Fd fd, Rights needed) {
  const auto number = static_cast<uint32_t>(fd);
  if (number >= entries_.size() || !entries_[number]) return Errno::kBadf;
  FdEntry* entry = &*entries_[number];
  if (!Has(entry->rights_base, needed)) return Errno::kNotCapable;
  return entry;
}

Result<std::shared_ptr<Descriptor>> FdTable::Share(Fd fd, Rights needed) {
  WASI_ASSIGN_OR_RETURN(const FdEntry* entry, Get(fd, needed));
  return entry->descriptor;
}

Result<Unit> FdTable::Close(Fd fd) {
  WASI_RETURN_IF_FAILED(Get(fd));
  const FdEntry entry = *std::exchange(entries_[static_cast<uint32_t>(fd)], std::nullopt);
  --open_count_;
  entry.descriptor->Close();
  return Unit{};
}

Result<Unit> FdTable::Renumber(Fd from, Fd to) {
  WASI_RETURN_IF_FAILED(Get(from));
  WASI_RETURN_IF_FAILED(Get(to));
  if (from == to) return Unit{};
  WASI_RETURN_IF_FAILED(Close(to));
  entries_[static_cast<uint32_t>(to)] =
      std::exchange(entries_[static_cast<uint32_t>(from)], std::nullopt);
  return Unit{};
}

void FdTable::CloseAll() {
  for (uint32_t number = 0; number < entries_.size(); ++number) {
    if (entries_[number]) (void)Close(static_cast<Fd>(number));
  }
}

}  // namespace penstock::wasi
