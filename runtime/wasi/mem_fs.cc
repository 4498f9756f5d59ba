#include "runtime/wasi/mem_fs.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "runtime/wasi/limits.h"

namespace penstock::wasi {
namespace {

// What a read-only file system grants.
constexpr Rights kFileRights = Rights::kFdRead | Rights::kFdSeek | Rights::kFdTell |
                               Rights::kFdFdstatSetFlags | Rights::kFdSync | Rights::kFdDatasync |
                               Rights::kFdAdvise | Rights::kFdFilestatGet |
                               Rights::kPollFdReadwrite;
constexpr Rights kDirectoryRights =
    Rights::kPathOpen | Rights::kFdReaddir | Rights::kPathReadlink | Rights::kPathFilestatGet |
    Rights::kFdFilestatGet | Rights::kFdFdstatSetFlags | Rights::kFdSync | Rights::kFdDatasync;

std::shared_ptr<MemNode> MakeNode(FileType type, uint64_t& next_ino, Timestamp now) {
  auto node = std::make_shared<MemNode>();
  node->ino = next_ino++;
  node->type = type;
  node->time = now;
  return node;
}

// Cuts the first component off `path`, and the slashes behind it.
std::string_view TakeComponent(std::string_view& path) {
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view component = path.substr(0, end);
  path.remove_prefix(std::min(path.find_first_not_of('/', end), path.size()));
  return component;
}

// Adds `bytes` at `path` below `directory`, with the directories on the way.
void AddFile(MemNode& directory, std::string_view path, const std::string& bytes,
             uint64_t& next_ino, Timestamp now) {
  const std::string_view name = TakeComponent(path);
  const bool is_file = path.empty();
  auto& slot = directory.entries[std::string(name)];
  // Nobody else sees the tree while it is built.
  auto node = std::const_pointer_cast<MemNode>(slot);
  if (!node) {
    node = MakeNode(is_file ? FileType::kRegularFile : FileType::kDirectory, next_ino, now);
    slot = node;
  }
  if (is_file) {
    node->bytes = bytes;
  } else {
    AddFile(*node, path, bytes, next_ino, now);
  }
}

// Well-formed UTF-8, by its lead and continuation bytes.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i++]);
    const int more = lead < 0x80                   ? 0
                     : lead >= 0xf0 && lead < 0xf5 ? 3
                     : lead >= 0xe0 && lead < 0xf0 ? 2
                     : lead >= 0xc2 && lead < 0xe0 ? 1
                                                   : -1;
    if (more < 0) return false;
    for (int k = 0; k < more; ++k, ++i) {
      if (i >= text.size() || (static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

Result<Unit> CheckPath(std::string_view path) {
  if (path.empty()) return Errno::kNoEnt;
  if (path.size() > kPathByteCountMax) return Errno::kNameTooLong;
  if (path.find('\0') != std::string_view::npos) return Errno::kInval;
  if (!IsUtf8(path)) return Errno::kIlseq;
  if (path.front() == '/') return Errno::kNotCapable;
  return Unit{};
}

}  // namespace

FileStat MemNode::Stat() const {
  return {.dev = 1,
          .ino = ino,
          .type = type,
          .nlink = 1,
          .size = bytes.size(),
          .atim = time,
          .mtim = time,
          .ctim = time};
}

MemNodePtr MakeMemTree(const std::map<std::string, std::string>& files, Timestamp now) {
  uint64_t next_ino = 1;
  const auto root = MakeNode(FileType::kDirectory, next_ino, now);
  for (const auto& [path, bytes] : files) AddFile(*root, path, bytes, next_ino, now);
  return root;
}

Result<Size> MemFile::ReadAt(std::span<const iovec> parts, FileSize offset) const {
  const std::string& bytes = node_->bytes;
  FileSize at = std::min<FileSize>(offset, bytes.size());
  Size done = 0;
  for (const iovec& part : parts) {
    const size_t count = std::min<size_t>(part.iov_len, bytes.size() - at);
    std::memcpy(part.iov_base, bytes.data() + at, count);
    at += count;
    done += static_cast<Size>(count);
  }
  return done;
}

Result<Size> MemFile::Read(std::span<const iovec> parts) {
  WASI_ASSIGN_OR_RETURN(const Size done, ReadAt(parts, position_));
  position_ += done;
  return done;
}

Result<Unit> MemFile::Write(std::span<const iovec>) { return Errno::kRofs; }

Readiness MemFile::PollRead() {
  const FileSize size = node_->bytes.size();
  return {.ready = true, .byte_count = position_ < size ? size - position_ : 0};
}

Result<FileSize> MemFile::Seek(FileDelta delta, Whence whence) {
  FileSize base = 0;
  switch (whence) {
    case Whence::kSet:
      break;
    case Whence::kCur:
      base = position_;
      break;
    case Whence::kEnd:
      base = node_->bytes.size();
      break;
    default:
      return Errno::kInval;
  }
  constexpr auto kPositionMax = static_cast<FileSize>(std::numeric_limits<FileDelta>::max());
  const FileSize magnitude =
      delta < 0 ? FileSize{0} - static_cast<FileSize>(delta) : static_cast<FileSize>(delta);
  if (delta < 0 ? magnitude > base : magnitude > kPositionMax - base) return Errno::kInval;
  position_ = delta < 0 ? base - magnitude : base + magnitude;
  return position_;
}

Result<Size> MemDirectory::Read(std::span<const iovec>) { return Errno::kIsDir; }
Result<Unit> MemDirectory::Write(std::span<const iovec>) { return Errno::kIsDir; }

Result<MemNodePtr> MemDirectory::Lookup(std::string_view path) const {
  WASI_RETURN_IF_FAILED(CheckPath(path));
  const bool wants_directory = path.back() == '/';
  std::vector<MemNodePtr> way = {node_};  // from this directory down
  while (!path.empty()) {
    const std::string_view name = TakeComponent(path);
    if (name.size() > kNameByteCountMax) return Errno::kNameTooLong;
    if (way.back()->type != FileType::kDirectory) return Errno::kNotDir;
    if (name == ".") continue;
    if (name == "..") {
      if (way.size() == 1) return Errno::kNotCapable;
      way.pop_back();
      continue;
    }
    const auto found = way.back()->entries.find(name);
    if (found == way.back()->entries.end()) return Errno::kNoEnt;
    way.push_back(found->second);
  }
  if (wants_directory && way.back()->type != FileType::kDirectory) return Errno::kNotDir;
  return way.back();
}

std::vector<MemDirectory::Entry> MemDirectory::List() const {
  // Nobody learns what lies above: ".." is the directory itself.
  std::vector<Entry> list = {{".", node_->ino, FileType::kDirectory},
                             {"..", node_->ino, FileType::kDirectory}};
  for (const auto& [name, node] : node_->entries) list.push_back({name, node->ino, node->type});
  return list;
}

FdEntry OpenNode(MemNodePtr node, Rights base, Rights inheriting, FdFlags flags) {
  FdEntry entry{.descriptor = nullptr, .flags = flags};
  if (node->type == FileType::kDirectory) {
    entry.rights_base = base & kDirectoryRights;
    entry.rights_inheriting = inheriting & (kDirectoryRights | kFileRights);
    entry.descriptor = std::make_shared<MemDirectory>(std::move(node));
  } else {
    entry.rights_base = base & kFileRights;
    entry.descriptor = std::make_shared<MemFile>(std::move(node));
  }
  return entry;
}

Result<Fd> InstallPreopen(FdTable& fds, MemNodePtr root, std::string name) {
  return fds.Insert({.descriptor = std::make_shared<MemDirectory>(std::move(root), std::move(name)),
                     .rights_base = kDirectoryRights,
                     .rights_inheriting = kDirectoryRights | kFileRights});
}

}  // namespace penstock::wasi
