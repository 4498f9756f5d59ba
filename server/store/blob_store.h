#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/store/sha256.h"

namespace penstock::store {

// Module bytes as files named by their SHA-256, below {directory}/modules/. What a reader finds
// under a digest is whole: it was synced before it got its name.
//
// Threads: safe from any; one Writer by one thread at a time.
// Errors:  RESOURCE_EXHAUSTED when the disk is full, UNAVAILABLE when it fails.
class BlobStore final {
 public:
  // New bytes, in a file without a name to others until Commit(); removed if that never happens.
  class Writer final {
   public:
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    absl::Status Append(std::string_view bytes);
    uint64_t byte_count() const { return byte_count_; }
    // Ends the writing and syncs the file. Returns the digest of what was written; call once.
    absl::StatusOr<std::string> Finish();
    // The bytes in a sealed memfd. After Finish().
    absl::StatusOr<UniqueFd> LoadSealed() const;
    // Gives the bytes the name of their digest. After Finish().
    absl::Status Commit();

   private:
    friend class BlobStore;
    Writer(const BlobStore& store, UniqueFd fd, std::string path)
        : store_(store), fd_(std::move(fd)), path_(std::move(path)) {}

    const BlobStore& store_;
    UniqueFd fd_;
    std::string path_;
    Sha256 sha_;
    std::string sha256_;
    uint64_t byte_count_ = 0;
    bool committed_ = false;
  };

  // Makes the directories, and removes what unfinished uploads of an earlier process left.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(const std::string& directory);

  absl::StatusOr<std::unique_ptr<Writer>> NewWriter();
  bool Contains(std::string_view sha256) const;
  // The bytes in a sealed memfd, to be handed to other processes. NOT_FOUND.
  absl::StatusOr<UniqueFd> LoadSealed(std::string_view sha256) const;
  // OK when there is none.
  absl::Status Remove(std::string_view sha256);
  // Digests of all that is there.
  absl::StatusOr<std::vector<std::string>> List() const;

 private:
  explicit BlobStore(std::string directory) : directory_(std::move(directory)) {}
  std::string PathOf(std::string_view sha256) const;
  std::string uploads() const { return directory_ + "/uploads"; }
  std::string blobs() const { return directory_ + "/sha256"; }

  const std::string directory_;
};

}  // namespace penstock::store
