#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "server/store/state_store.h"

namespace penstock::app {

// One call that may come again: who made it, under which request_id, and with which arguments.
struct RepeatableRequest {
  std::string tenant;
  std::string request_id;      // empty: not repeatable
  std::string field;           // the request's path to the ID
  std::string method;          // "CreateTransport"
  std::string request_sha256;  // of all arguments
};

// Answers to requests that carried an ID, kept in the store for a day so that a repetition gets
// the first one's. Safe from any thread.
class RequestLog final {
 public:
  static constexpr std::chrono::hours kKeptFor{24};

  // Borrows both.
  RequestLog(store::StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // The name of the resource that this very request has made, if it came before. INVALID_ARGUMENT
  // with reason INVALID_REQUEST_ID when the ID is no UUID, REQUEST_ID_REUSED when another request
  // had it.
  absl::StatusOr<std::optional<std::string>> Find(const RepeatableRequest& request);

  // What to commit together with the resource. Nothing when there is no ID.
  std::optional<store::Op> Record(const RepeatableRequest& request,
                                  std::string_view resource_name) const;

  // Forgets what is older than kKeptFor.
  absl::Status Purge();

 private:
  store::StateStore& store_;
  const Clock& clock_;
};

}  // namespace penstock::app
