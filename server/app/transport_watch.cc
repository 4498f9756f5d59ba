#include "server/app/transport_watch.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/domain/error.h"
#include "server/store/codec.h"
#include "server/store/keys.h"

namespace penstock::app {
namespace {

constexpr size_t kSnapshotPageSize = 100;

absl::Status OutOfRange(std::string_view message) {
  domain::ErrorDetail detail;
  detail.reason = "REVISION_OUT_OF_RANGE";
  return domain::MakeError(absl::StatusCode::kOutOfRange, message, std::move(detail));
}

absl::Status TooSlow(int64_t revision) {
  domain::ErrorDetail detail;
  detail.reason = "WATCH_TOO_SLOW";
  detail.metadata = {{"revision", std::to_string(revision)}};
  return domain::MakeError(absl::StatusCode::kResourceExhausted,
                           "the reader fell behind the changes that are kept; begin again with "
                           "the current set",
                           std::move(detail));
}

}  // namespace

TransportWatch::TransportWatch(store::StateStore& store, const TransportStatusTable& statuses,
                               MakeView make_view, const domain::TenantName& parent)
    : store_(store),
      statuses_(statuses),
      make_view_(std::move(make_view)),
      tenant_(parent.tenant),
      prefix_(store::TransportsOf(parent)) {}

absl::StatusOr<std::unique_ptr<Transports::Watch>> TransportWatch::Start(
    store::StateStore& store, const TransportStatusTable& statuses, MakeView make_view,
    Waker& waker, const domain::TenantName& parent, int64_t revision,
    std::function<void()> on_ready) {
  if (revision < 0) {
    return domain::InvalidField("revision", "INVALID_REVISION",
                                "expected 0, or the revision of an earlier message");
  }
  std::unique_ptr<TransportWatch> watch(
      new TransportWatch(store, statuses, std::move(make_view), parent));
  watch->status_version_ = statuses.version();
  watch->in_snapshot_ = revision == 0;
  watch->revision_ = revision;
  if (revision > 0) {
    // Statuses have no history: those that may have changed since are told again.
    const absl::Status known = store.EventsSince(watch->prefix_, revision).status();
    if (absl::IsOutOfRange(known)) return OutOfRange(MessageOf(known));
    RETURN_IF_ERROR(known);
    RETURN_IF_ERROR(watch->ReadChanges());
    for (const domain::TransportName& name : statuses.ChangedAtRevision(revision)) {
      RETURN_IF_ERROR(watch->AddStatus(name));
    }
  }
  watch->subscription_ = waker.Add([self = watch.get(), on_ready = std::move(on_ready)] {
    if (self->armed_.exchange(false)) on_ready();
  });
  return watch;
}

absl::StatusOr<std::optional<TransportChange>> TransportWatch::Next() {
  while (ready_.empty() && in_snapshot_) RETURN_IF_ERROR(ReadSnapshotPage());
  if (ready_.empty()) {
    armed_ = true;  // before looking: what happens afterwards wakes
    RETURN_IF_ERROR(ReadChanges());
    if (ready_.empty()) return std::nullopt;
    armed_ = false;
  }
  TransportChange change = std::move(ready_.front());
  ready_.pop_front();
  return change;
}

absl::Status TransportWatch::ReadSnapshotPage() {
  const bool first = snapshot_key_.empty();
  ASSIGN_OR_RETURN(const store::RangeResult page,
                   store_.Range(prefix_, snapshot_key_, kSnapshotPageSize));
  // Changes since the first page are replayed after the last, over whichever state each page saw.
  if (first) revision_ = page.revision;
  for (const store::KeyValue& kv : page.kvs) {
    ASSIGN_OR_RETURN(domain::Transport transport, store::DecodeTransport(kv));
    AddPut(std::move(transport), revision_);
  }
  if (page.more) {
    snapshot_key_ = page.kvs.back().key;
    return absl::OkStatus();
  }
  in_snapshot_ = false;
  ready_.push_back({.kind = TransportChange::Kind::kSynced, .view = {}, .revision = revision_});
  return absl::OkStatus();
}

absl::Status TransportWatch::ReadChanges() {
  TransportStatusTable::Changes changes = statuses_.ChangedSince(status_version_);
  ASSIGN_OR_RETURN(const std::set<domain::TransportName> told, ReadEvents());
  for (const domain::TransportName& name : changes.names) {
    if (!told.contains(name)) RETURN_IF_ERROR(AddStatus(name));
  }
  status_version_ = changes.version;
  return absl::OkStatus();
}

absl::StatusOr<std::set<domain::TransportName>> TransportWatch::ReadEvents() {
  // Others' changes move the position on as well, so that it stays within the history.
  ASSIGN_OR_RETURN(const int64_t now, store_.Revision());
  const auto events = store_.EventsSince(prefix_, revision_);
  if (absl::IsOutOfRange(events.status())) return TooSlow(revision_);
  if (!events.ok()) return events.status();
  std::set<domain::TransportName> told;
  for (const store::Event& event : *events) {
    const std::optional<domain::TransportName> name = store::TransportNameOf(event.kv.key);
    if (!name) continue;
    revision_ = event.kv.mod_revision;
    if (event.kind == store::Event::Kind::kDelete) {
      TransportChange change;
      change.kind = TransportChange::Kind::kDeleted;
      change.revision = revision_;
      change.view.transport.name = *name;
      ready_.push_back(std::move(change));
      continue;
    }
    ASSIGN_OR_RETURN(domain::Transport transport, store::DecodeTransport(event.kv));
    AddPut(std::move(transport), revision_);
    told.insert(*name);
  }
  revision_ = std::max(revision_, now);
  return told;
}

absl::Status TransportWatch::AddStatus(const domain::TransportName& name) {
  if (name.tenant != tenant_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> kv, store_.Get(store::KeyOf(name)));
  // Deleted, or written again: its own event tells.
  if (!kv || kv->mod_revision > revision_) return absl::OkStatus();
  ASSIGN_OR_RETURN(domain::Transport transport, store::DecodeTransport(*kv));
  AddPut(std::move(transport), revision_);
  return absl::OkStatus();
}

void TransportWatch::AddPut(domain::Transport transport, int64_t revision) {
  ready_.push_back({.kind = TransportChange::Kind::kPut,
                    .view = make_view_(std::move(transport)),
                    .revision = revision});
}

}  // namespace penstock::app
