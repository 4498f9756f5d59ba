#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/domain/resources.h"

namespace penstock::app {

// One page of a list and how to ask for the next.
template <typename T>
struct Page {
  std::vector<T> items;
  std::string next_page_token;  // empty on the last page
};

// Use cases of modules. Safe from any thread.
class Modules {
 public:
  struct UploadRequest {
    domain::TenantName parent;
    std::string module_id;
    std::string description;
    std::map<std::string, std::string> labels;
    std::string sha256;
    int64_t byte_count = 0;
    bool replace = false;
    bool validate_only = false;
    std::string request_id;
  };

  // The bytes of one upload, written to a file as they come; forgotten when destroyed early.
  class Upload {
   public:
    virtual ~Upload() = default;
    // True when the server holds these bytes already: Finish() may be called at once.
    virtual bool complete() const = 0;
    // RESOURCE_EXHAUSTED or INVALID_ARGUMENT as soon as it is clear that it will fail.
    virtual absl::Status Append(std::string_view chunk) = 0;
    // Checks digest and size, has the bytes inspected, stores them. `done` may be called on another
    // thread, once.
    virtual void Finish(std::function<void(absl::StatusOr<domain::Module>)> done) = 0;
  };

  virtual ~Modules() = default;
  // Everything that can be refused before the bytes are there is refused here.
  virtual absl::StatusOr<std::unique_ptr<Upload>> BeginUpload(UploadRequest request) = 0;
  virtual absl::StatusOr<domain::Module> Get(const domain::ModuleName& name) = 0;
  virtual absl::StatusOr<Page<domain::Module>> List(const domain::TenantName& parent,
                                                    int32_t page_size,
                                                    std::string_view page_token) = 0;

  struct UpdateRequest {
    domain::ModuleName name;
    std::string description;
    std::map<std::string, std::string> labels;
    std::vector<std::string> update_mask;  // "description", "labels" or "*"; empty: what is set
    std::string etag;
    bool validate_only = false;
  };
  virtual absl::StatusOr<domain::Module> Update(UpdateRequest request) = 0;
  virtual absl::Status Delete(const domain::ModuleName& name, std::string_view etag) = 0;
};

}  // namespace penstock::app
