#include "server/store/blob_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/seqpacket.h"
#include "base/status.h"

namespace penstock::store {
namespace {

absl::Status SyncDirectory(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, fmt::format("cannot open {}", path));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, fmt::format("cannot sync {}", path));
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, fmt::format("cannot make {}", path));
}

// A file's bytes mapped for reading, so that copying them needs no buffer of their size.
class Mapping final {
 public:
  static absl::StatusOr<UniqueFd> CopyToMemfd(int fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "fstat of module bytes");
    const auto size = static_cast<size_t>(info.st_size);
    if (size == 0) return SealedMemfd("module", {});
    void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) return ErrnoStatus(errno, "mmap of module bytes");
    const Mapping mapping(data, size);
    return SealedMemfd("module", {static_cast<const char*>(data), size});
  }
  ~Mapping() { (void)munmap(data_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

 private:
  Mapping(void* data, size_t size) : data_(data), size_(size) {}
  void* data_;
  size_t size_;
};

}  // namespace

BlobStore::Writer::~Writer() {
  if (!committed_) (void)unlink(path_.c_str());
}

absl::Status BlobStore::Writer::Append(std::string_view bytes) {
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = write(fd_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "cannot write module bytes");
    rest.remove_prefix(static_cast<size_t>(written));
  }
  sha_.Update(bytes);
  byte_count_ += bytes.size();
  return absl::OkStatus();
}

absl::StatusOr<std::string> BlobStore::Writer::Finish() {
  if (fsync(fd_.get()) != 0) return ErrnoStatus(errno, "cannot sync module bytes");
  sha256_ = sha_.FinishHex();
  return sha256_;
}

absl::StatusOr<UniqueFd> BlobStore::Writer::LoadSealed() const {
  return Mapping::CopyToMemfd(fd_.get());
}

absl::Status BlobStore::Writer::Commit() {
  PENSTOCK_CHECK(!sha256_.empty());
  const std::string final_path = store_.PathOf(sha256_);
  if (rename(path_.c_str(), final_path.c_str()) != 0) {
    return ErrnoStatus(errno, fmt::format("cannot rename module bytes to {}", final_path));
  }
  committed_ = true;
  return SyncDirectory(store_.blobs());
}

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& directory) {
  std::unique_ptr<BlobStore> store(new BlobStore(directory + "/modules"));
  RETURN_IF_ERROR(MakeDirectory(store->directory_));
  std::error_code error;
  std::filesystem::remove_all(store->uploads(), error);
  if (error) {
    return ErrnoStatus(error.value(), fmt::format("cannot clear {}", store->uploads()));
  }
  RETURN_IF_ERROR(MakeDirectory(store->uploads()));
  RETURN_IF_ERROR(MakeDirectory(store->blobs()));
  RETURN_IF_ERROR(SyncDirectory(store->directory_));
  RETURN_IF_ERROR(SyncDirectory(directory));
  return store;
}

absl::StatusOr<std::unique_ptr<BlobStore::Writer>> BlobStore::NewWriter() {
  std::string path = uploads() + "/XXXXXX";
  UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, fmt::format("cannot make a file in {}", uploads()));
  return std::unique_ptr<Writer>(new Writer(*this, std::move(fd), std::move(path)));
}

std::string BlobStore::PathOf(std::string_view sha256) const {
  PENSTOCK_CHECK(Sha256::IsHex(sha256));
  return fmt::format("{}/{}", blobs(), sha256);
}

bool BlobStore::Contains(std::string_view sha256) const {
  return access(PathOf(sha256).c_str(), F_OK) == 0;
}

absl::StatusOr<UniqueFd> BlobStore::LoadSealed(std::string_view sha256) const {
  const std::string path = PathOf(sha256);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, fmt::format("cannot open module bytes {}", path));
  return Mapping::CopyToMemfd(fd.get());
}

absl::Status BlobStore::Remove(std::string_view sha256) {
  const std::string path = PathOf(sha256);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, fmt::format("cannot remove {}", path));
}

absl::StatusOr<std::vector<std::string>> BlobStore::List() const {
  std::vector<std::string> digests;
  std::error_code error;
  std::filesystem::directory_iterator entry(blobs(), error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (Sha256::IsHex(name)) digests.push_back(std::move(name));
  }
  if (error) return ErrnoStatus(error.value(), fmt::format("cannot list {}", blobs()));
  return digests;
}

}  // namespace penstock::store
