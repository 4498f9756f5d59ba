#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/wasi/descriptor.h"
#include "runtime/wasi/fd_table.h"
#include "runtime/wasi/result.h"
#include "runtime/wasi/types.h"

namespace penstock::wasi {

// A file or directory of the memory file system. Immutable, so that the sessions of a transport
// share one tree.
struct MemNode {
  uint64_t ino = 0;  // unique within the tree
  FileType type = FileType::kRegularFile;
  Timestamp time = 0;                                                          // of its making
  std::string bytes;                                                           // regular files
  std::map<std::string, std::shared_ptr<const MemNode>, std::less<>> entries;  // directories

  FileStat Stat() const;
};
using MemNodePtr = std::shared_ptr<const MemNode>;

// A tree of `files`, keyed by path relative to its root ("watm.cfg", "certs/ca.pem"), dated `now`.
MemNodePtr MakeMemTree(const std::map<std::string, std::string>& files, Timestamp now);

// An open regular file.
class MemFile final : public Descriptor {
 public:
  explicit MemFile(MemNodePtr node) : node_(std::move(node)) {}

  FileType file_type() const override { return FileType::kRegularFile; }
  Result<Size> Read(std::span<const iovec> parts) override;
  Result<Unit> Write(std::span<const iovec> parts) override;
  Readiness PollRead() override;
  Result<FileStat> Stat() const override { return node_->Stat(); }
  MemFile* file() override { return this; }

  Result<Size> ReadAt(std::span<const iovec> parts, FileSize offset) const;
  // kInval when the position would be negative or not fit.
  Result<FileSize> Seek(FileDelta delta, Whence whence);
  FileSize position() const { return position_; }

 private:
  MemNodePtr node_;
  FileSize position_ = 0;
};

// An open directory, preopened when it has a name that guests ask for.
class MemDirectory final : public Descriptor {
 public:
  explicit MemDirectory(MemNodePtr node, std::string preopen_name = "")
      : node_(std::move(node)), preopen_name_(std::move(preopen_name)) {}

  FileType file_type() const override { return FileType::kDirectory; }
  Result<Size> Read(std::span<const iovec> parts) override;
  Result<Unit> Write(std::span<const iovec> parts) override;
  Result<FileStat> Stat() const override { return node_->Stat(); }
  MemDirectory* directory() override { return this; }

  bool is_preopen() const { return !preopen_name_.empty(); }
  const std::string& preopen_name() const { return preopen_name_; }

  // What `path` leads to from here. kNotCapable for absolute paths and those that leave the
  // directory, kNotDir, kNoEnt, kNameTooLong, kIlseq as POSIX.
  Result<MemNodePtr> Lookup(std::string_view path) const;

  // One entry of a listing, "." and ".." first; cookie 0 is the first. The next entry's cookie is
  // one more.
  struct Entry {
    std::string_view name;
    uint64_t ino;
    FileType type;
  };
  std::vector<Entry> List() const;

 private:
  MemNodePtr node_;
  std::string preopen_name_;
};

// Opens the descriptor for `node`, with `rights` as far as a read-only file system grants them.
FdEntry OpenNode(MemNodePtr node, Rights base, Rights inheriting, FdFlags flags);

// Puts `root` into the table as the preopened directory `name` ("/conf/"). Before any socket:
// guests look for preopens at the lowest numbers.
Result<Fd> InstallPreopen(FdTable& fds, MemNodePtr root, std::string name);

}  // namespace penstock::wasi
