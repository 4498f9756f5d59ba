#include "server/app/request_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/app/uuid.h"
#include "server/domain/error.h"
#include "server/store/codec.h"
#include "server/store/keys.h"

namespace penstock::app {
namespace {

// UUIDs compare without case.
std::string Key(const RepeatableRequest& request) {
  std::string id = request.request_id;
  std::transform(id.begin(), id.end(), id.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return store::RequestKey(request.tenant, id);
}

}  // namespace

absl::StatusOr<std::optional<std::string>> RequestLog::Find(const RepeatableRequest& request) {
  if (request.request_id.empty()) return std::nullopt;
  if (!IsUuid(request.request_id)) {
    return domain::InvalidField(request.field, "INVALID_REQUEST_ID",
                                "expected a UUID such as 123e4567-e89b-42d3-a456-426614174000");
  }
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> kv, store_.Get(Key(request)));
  if (!kv) return std::nullopt;
  ASSIGN_OR_RETURN(store::CompletedRequest earlier, store::DecodeCompletedRequest(*kv));
  if (earlier.method == request.method && earlier.request_sha256 == request.request_sha256) {
    return std::move(earlier.resource_name);
  }
  return domain::InvalidField(request.field, "REQUEST_ID_REUSED",
                              fmt::format("a {} with other arguments had this ID; every request "
                                          "needs its own",
                                          earlier.method));
}

std::optional<store::Op> RequestLog::Record(const RepeatableRequest& request,
                                            std::string_view resource_name) const {
  if (request.request_id.empty()) return std::nullopt;
  return store::Put{
      .key = Key(request),
      .value = store::Encode(store::CompletedRequest{.method = request.method,
                                                     .request_sha256 = request.request_sha256,
                                                     .resource_name = std::string(resource_name),
                                                     .complete_time = clock_.WallNow()})};
}

absl::Status RequestLog::Purge() {
  constexpr size_t kBatchSize = 500;
  std::string after;
  for (;;) {
    ASSIGN_OR_RETURN(const store::RangeResult range,
                     store_.Range(store::kRequestsPrefix, after, kBatchSize));
    std::vector<store::Op> ops;
    for (const store::KeyValue& kv : range.kvs) {
      const auto request = store::DecodeCompletedRequest(kv);
      if (!request.ok() || request->complete_time + kKeptFor <= clock_.WallNow()) {
        ops.push_back(store::Delete{kv.key});
      }
    }
    if (!ops.empty()) RETURN_IF_ERROR(store_.Commit({}, ops));
    if (!range.more) return absl::OkStatus();
    after = range.kvs.back().key;
  }
}

}  // namespace penstock::app
