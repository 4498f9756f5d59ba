#include "server/app/transports_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/app/lookup.h"
#include "server/app/page.h"
#include "server/app/transport_mask.h"
#include "server/app/transport_watch.h"
#include "server/app/uuid.h"
#include "server/domain/error.h"
#include "server/domain/validation.h"
#include "server/store/codec.h"
#include "server/store/keys.h"
#include "server/store/sha256.h"

namespace penstock::app {
namespace {

absl::Status AddressInUse(const domain::Transport& transport, std::string_view holder) {
  domain::ErrorDetail detail;
  detail.reason = "ADDRESS_IN_USE";
  detail.metadata = {{"address", transport.listen}, {"transport", std::string(holder)}};
  return domain::MakeError(
      absl::StatusCode::kFailedPrecondition,
      fmt::format("transport.listen: {} is the address of {}, which is enabled; stop that one or "
                  "listen elsewhere",
                  transport.listen, holder),
      std::move(detail));
}

// The operations that turn the index keys of `before` (null: none) into those of `after`.
std::vector<store::Op> IndexChanges(const domain::Transport* before,
                                    const domain::Transport* after) {
  const auto keys_of = [](const domain::Transport* transport) {
    return transport == nullptr ? std::vector<std::string>() : store::IndexKeys(*transport);
  };
  const std::vector<std::string> old_keys = keys_of(before);
  const std::vector<std::string> new_keys = keys_of(after);
  const auto contains = [](const std::vector<std::string>& keys, const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  std::vector<store::Op> ops;
  for (const std::string& key : old_keys) {
    if (!contains(new_keys, key)) ops.push_back(store::Delete{key});
  }
  for (const std::string& key : new_keys) {
    if (!contains(old_keys, key)) ops.push_back(store::Put{key, after->name.ToString()});
  }
  return ops;
}

}  // namespace

TransportsImpl::TransportsImpl(Dependencies dependencies)
    : deps_(std::move(dependencies)), waker_(std::make_shared<Waker>(deps_.background)) {
  store_subscription_ = deps_.store.Subscribe([waker = waker_](int64_t) { waker->Wake(); });
  status_subscription_ = deps_.statuses.Subscribe([waker = waker_] { waker->Wake(); });
}

TransportView TransportsImpl::View(domain::Transport transport) const {
  TransportView view;
  view.status = deps_.statuses.Get(transport);
  view.status.session_count = deps_.registry.CountLive(transport.name);
  view.transport = std::move(transport);
  return view;
}

absl::StatusOr<TransportView> TransportsImpl::Create(CreateRequest request) {
  RETURN_IF_ERROR(CheckTenant(request.parent.tenant));
  RETURN_IF_ERROR(domain::ValidateId(request.transport_id, "transport_id"));
  domain::Transport transport = std::move(request.transport);
  transport.name = {.tenant = request.parent.tenant, .transport = request.transport_id};
  transport.uid.clear();
  transport.create_time = transport.update_time = {};
  RETURN_IF_ERROR(domain::ValidateTransport(transport));
  const RepeatableRequest repeatable{.tenant = request.parent.tenant,
                                     .request_id = request.request_id,
                                     .field = "request_id",
                                     .method = "CreateTransport",
                                     .request_sha256 = store::Sha256::HexOf(
                                         request.transport_id + '\n' + store::Encode(transport))};
  const std::lock_guard lock(deps_.mutations);
  ASSIGN_OR_RETURN(const std::optional<std::string> earlier, deps_.requests.Find(repeatable));
  if (earlier) {
    ASSIGN_OR_RETURN(domain::Transport created, FindTransport(deps_.store, transport.name));
    return View(std::move(created));
  }
  return CreateLocked(std::move(transport), request.validate_only, repeatable);
}

absl::StatusOr<TransportView> TransportsImpl::CreateLocked(domain::Transport transport,
                                                           bool validate_only,
                                                           const RepeatableRequest& repeatable) {
  const std::string name = transport.name.ToString();
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> taken,
                   deps_.store.Get(store::KeyOf(transport.name)));
  if (taken) return AlreadyExists("Transport", name);
  ASSIGN_OR_RETURN(const domain::Module module, CheckAgainstStore(transport));
  transport.uid = NewUuid();
  transport.create_time = transport.update_time = deps_.clock.WallNow();
  if (validate_only) return View(std::move(transport));
  std::vector<store::Op> ops;
  if (auto record = deps_.requests.Record(repeatable, name)) ops.push_back(*std::move(record));
  ASSIGN_OR_RETURN(transport.revision, Write(nullptr, transport, module, std::move(ops)));
  return View(std::move(transport));
}

absl::StatusOr<domain::Module> TransportsImpl::CheckAgainstStore(const domain::Transport& after) {
  ASSIGN_OR_RETURN(domain::Module module, FindModule(deps_.store, after.module));
  RETURN_IF_ERROR(domain::ValidateTransportModule(after, module));
  RETURN_IF_ERROR(CheckAddressFree(after));
  return module;
}

absl::Status TransportsImpl::CheckAddressFree(const domain::Transport& after) {
  const std::string prefix = store::AddressUsersPrefix(after);
  if (prefix.empty()) return absl::OkStatus();
  const std::string own_key = store::IndexKeys(after).back();
  ASSIGN_OR_RETURN(const store::RangeResult users, deps_.store.Range(prefix, "", 0));
  for (const store::KeyValue& kv : users.kvs) {
    const bool own = kv.value == after.name.ToString();
    if (!own && store::AddressKeysCollide(kv.key, own_key)) return AddressInUse(after, kv.value);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> TransportsImpl::Write(const domain::Transport* before,
                                              const domain::Transport& after,
                                              const domain::Module& module,
                                              std::vector<store::Op> ops) {
  const std::string key = store::KeyOf(after.name);
  ops.push_back(store::Put{key, store::Encode(after)});
  for (store::Op& op : IndexChanges(before, &after)) ops.push_back(std::move(op));
  const int64_t before_revision = before == nullptr ? 0 : before->revision;
  const auto revision = deps_.store.Commit(
      {{key, before_revision}, {store::KeyOf(after.module), module.revision}}, ops);
  if (!revision.ok()) return ExplainCommit(revision.status(), after.name.ToString());
  return *revision;
}

absl::StatusOr<TransportView> TransportsImpl::Get(const domain::TransportName& name) {
  RETURN_IF_ERROR(CheckTenant(name.tenant));
  ASSIGN_OR_RETURN(domain::Transport transport, FindTransport(deps_.store, name));
  return View(std::move(transport));
}

absl::StatusOr<Page<TransportView>> TransportsImpl::List(const domain::TenantName& parent,
                                                         int32_t page_size,
                                                         std::string_view page_token) {
  RETURN_IF_ERROR(CheckTenant(parent.tenant));
  ASSIGN_OR_RETURN(KeyPage keys,
                   ReadPage(deps_.store, store::TransportsOf(parent), page_size, page_token));
  Page<TransportView> page;
  page.next_page_token = std::move(keys.next_page_token);
  for (const store::KeyValue& kv : keys.kvs) {
    ASSIGN_OR_RETURN(domain::Transport transport, store::DecodeTransport(kv));
    page.items.push_back(View(std::move(transport)));
  }
  return page;
}

absl::StatusOr<TransportView> TransportsImpl::Update(UpdateRequest request) {
  const domain::TransportName name = request.transport.name;
  RETURN_IF_ERROR(CheckTenant(name.tenant));
  const std::lock_guard lock(deps_.mutations);
  auto before = FindTransport(deps_.store, name);
  if (absl::IsNotFound(before.status()) && request.allow_missing && request.etag.empty()) {
    RETURN_IF_ERROR(domain::ValidateId(name.transport, "transport.name"));
    RETURN_IF_ERROR(domain::ValidateTransport(request.transport));
    return CreateLocked(std::move(request.transport), request.validate_only, {});
  }
  if (!before.ok()) return before.status();
  RETURN_IF_ERROR(CheckEtag(request.etag, before->revision, name.ToString()));
  domain::Transport after = *before;
  RETURN_IF_ERROR(ApplyMask(request.update_mask, request.transport, after));
  return UpdateLocked(*before, std::move(after), request.validate_only);
}

absl::StatusOr<TransportView> TransportsImpl::UpdateLocked(const domain::Transport& before,
                                                           domain::Transport after,
                                                           bool validate_only) {
  RETURN_IF_ERROR(domain::ValidateTransport(after));
  ASSIGN_OR_RETURN(const domain::Module module, CheckAgainstStore(after));
  // Nothing to do keeps the etag, so that applying the same file again disturbs nobody.
  const bool same = store::Encode(after) == store::Encode(before);
  if (same || validate_only) return View(std::move(after));
  after.update_time = deps_.clock.WallNow();
  ASSIGN_OR_RETURN(after.revision, Write(&before, after, module, {}));
  return View(std::move(after));
}

absl::StatusOr<TransportView> TransportsImpl::SetEnabled(const domain::TransportName& name,
                                                         bool enabled, std::string_view etag) {
  RETURN_IF_ERROR(CheckTenant(name.tenant));
  const std::lock_guard lock(deps_.mutations);
  ASSIGN_OR_RETURN(const domain::Transport before, FindTransport(deps_.store, name));
  RETURN_IF_ERROR(CheckEtag(etag, before.revision, name.ToString()));
  domain::Transport after = before;
  after.enabled = enabled;
  return UpdateLocked(before, std::move(after), /*validate_only=*/false);
}

absl::Status TransportsImpl::Delete(const domain::TransportName& name, std::string_view etag) {
  RETURN_IF_ERROR(CheckTenant(name.tenant));
  const std::lock_guard lock(deps_.mutations);
  ASSIGN_OR_RETURN(const domain::Transport before, FindTransport(deps_.store, name));
  RETURN_IF_ERROR(CheckEtag(etag, before.revision, name.ToString()));
  std::vector<store::Op> ops = IndexChanges(&before, nullptr);
  ops.push_back(store::Delete{store::KeyOf(name)});
  ops.push_back(store::Delete{store::PortKey(name)});
  const auto revision = deps_.store.Commit({{store::KeyOf(name), before.revision}}, ops);
  return ExplainCommit(revision.status(), name.ToString());
}

absl::StatusOr<std::unique_ptr<Transports::Watch>> TransportsImpl::StartWatch(
    const domain::TenantName& parent, int64_t revision, std::function<void()> on_ready) {
  RETURN_IF_ERROR(CheckTenant(parent.tenant));
  return TransportWatch::Start(
      deps_.store, deps_.statuses,
      [this](domain::Transport transport) { return View(std::move(transport)); }, *waker_, parent,
      revision, std::move(on_ready));
}

}  // namespace penstock::app
