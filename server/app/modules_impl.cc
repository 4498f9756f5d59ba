#include "server/app/modules_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/app/lookup.h"
#include "server/app/module_upload.h"
#include "server/app/page.h"
#include "server/app/uuid.h"
#include "server/domain/error.h"
#include "server/domain/validation.h"
#include "server/store/codec.h"
#include "server/store/keys.h"

namespace penstock::app {
namespace {

void ToLower(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

domain::ModuleName NameOf(const Modules::UploadRequest& request) {
  return {.tenant = request.parent.tenant, .module = request.module_id};
}

// A digest of all that makes one upload differ from another.
std::string DigestOf(const Modules::UploadRequest& request) {
  std::string arguments = fmt::format("{}\n{}\n{}\n{}\n{}\n", request.module_id, request.sha256,
                                      request.byte_count, request.replace, request.description);
  for (const auto& [key, value] : request.labels) arguments += fmt::format("{}={}\n", key, value);
  return store::Sha256::HexOf(arguments);
}

absl::Status InUse(std::string_view module, std::string_view transport) {
  domain::ErrorDetail detail;
  detail.reason = "MODULE_IN_USE";
  detail.metadata = {{"transport", std::string(transport)}};
  detail.resource_type = "penstock.dev/Module";
  detail.resource_name = module;
  return domain::MakeError(
      absl::StatusCode::kFailedPrecondition,
      fmt::format("{} is used by {}; delete that transport or give it another module first", module,
                  transport),
      std::move(detail));
}

// Which fields an update is to change.
struct MetadataMask {
  bool description = false;
  bool labels = false;
};

absl::StatusOr<MetadataMask> ParseMask(const Modules::UpdateRequest& request) {
  MetadataMask mask;
  if (request.update_mask.empty()) {
    mask.description = !request.description.empty();
    mask.labels = !request.labels.empty();
  }
  for (const std::string& path : request.update_mask) {
    const bool all = path == "*";
    if (!all && path != "description" && path != "labels") {
      return domain::InvalidField("update_mask", "UNKNOWN_FIELD",
                                  fmt::format("\"{}\" cannot be updated; expected description, "
                                              "labels or *",
                                              path.substr(0, 128)));
    }
    mask.description |= all || path == "description";
    mask.labels |= all || path == "labels";
  }
  return mask;
}

}  // namespace

absl::Status ModulesImpl::CheckUpload(UploadRequest& request) const {
  RETURN_IF_ERROR(CheckTenant(request.parent.tenant));
  RETURN_IF_ERROR(domain::ValidateId(request.module_id, "header.module_id"));
  RETURN_IF_ERROR(domain::ValidateMetadata("header.module", request.description, request.labels));
  ToLower(request.sha256);
  if (!store::Sha256::IsHex(request.sha256)) {
    return domain::InvalidField("header.sha256", "INVALID_DIGEST",
                                "expected the SHA-256 of the module, 64 hexadecimal digits");
  }
  if (request.byte_count <= 0) {
    return domain::InvalidField("header.size_bytes", "INVALID_SIZE",
                                "expected the size of the module in bytes");
  }
  if (request.byte_count <= limits_.upload_byte_count_max) return absl::OkStatus();
  domain::ErrorDetail detail;
  detail.reason = "MODULE_TOO_LARGE";
  const std::string message = fmt::format("the module has {} bytes; this server takes at most {}",
                                          request.byte_count, limits_.upload_byte_count_max);
  detail.field_violations.push_back({.field = "header.size_bytes", .description = message});
  return domain::MakeError(absl::StatusCode::kResourceExhausted, message, std::move(detail));
}

absl::Status ModulesImpl::CheckName(const UploadRequest& request) {
  const domain::ModuleName name = NameOf(request);
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> kv, deps_.store.Get(store::KeyOf(name)));
  if (kv && !request.replace) return AlreadyExists("Module", name.ToString());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Modules::Upload>> ModulesImpl::BeginUpload(UploadRequest request) {
  RETURN_IF_ERROR(CheckUpload(request));
  RepeatableRequest repeatable{.tenant = request.parent.tenant,
                               .request_id = request.request_id,
                               .field = "header.request_id",
                               .method = "UploadModule",
                               .request_sha256 = DigestOf(request)};
  ASSIGN_OR_RETURN(const std::optional<std::string> earlier, deps_.requests.Find(repeatable));
  if (!earlier) RETURN_IF_ERROR(CheckName(request));
  auto slot = UploadSlot::Take(upload_count_, limits_.uploads_max);
  if (!slot) {
    return domain::MakeError(
        absl::StatusCode::kResourceExhausted,
        fmt::format("{} uploads are under way, the most at once; try again", limits_.uploads_max),
        {.reason = "TOO_MANY_UPLOADS",
         .metadata = {},
         .field_violations = {},
         .resource_type = {},
         .resource_name = {}});
  }
  std::unique_ptr<store::BlobStore::Writer> writer;
  const bool known = earlier || deps_.blobs.Contains(request.sha256);
  if (!known) {
    ASSIGN_OR_RETURN(writer, deps_.blobs.NewWriter());
  }
  return std::make_unique<ModuleUpload>(*this, std::move(request), std::move(repeatable),
                                        std::move(slot), std::move(writer), earlier.has_value());
}

absl::StatusOr<domain::Module> ModulesImpl::Get(const domain::ModuleName& name) {
  RETURN_IF_ERROR(CheckTenant(name.tenant));
  return FindModule(deps_.store, name);
}

absl::StatusOr<Page<domain::Module>> ModulesImpl::List(const domain::TenantName& parent,
                                                       int32_t page_size,
                                                       std::string_view page_token) {
  RETURN_IF_ERROR(CheckTenant(parent.tenant));
  ASSIGN_OR_RETURN(KeyPage keys,
                   ReadPage(deps_.store, store::ModulesOf(parent), page_size, page_token));
  Page<domain::Module> page;
  page.next_page_token = std::move(keys.next_page_token);
  for (const store::KeyValue& kv : keys.kvs) {
    ASSIGN_OR_RETURN(domain::Module module, store::DecodeModule(kv));
    page.items.push_back(std::move(module));
  }
  return page;
}

absl::StatusOr<domain::Module> ModulesImpl::Update(UpdateRequest request) {
  RETURN_IF_ERROR(CheckTenant(request.name.tenant));
  ASSIGN_OR_RETURN(const MetadataMask mask, ParseMask(request));
  const std::lock_guard lock(deps_.mutations);
  ASSIGN_OR_RETURN(domain::Module module, FindModule(deps_.store, request.name));
  const std::string name = request.name.ToString();
  RETURN_IF_ERROR(CheckEtag(request.etag, module.revision, name));
  const std::string before = store::Encode(module);
  if (mask.description) module.description = std::move(request.description);
  if (mask.labels) module.labels = std::move(request.labels);
  RETURN_IF_ERROR(domain::ValidateMetadata("module", module.description, module.labels));
  if (request.validate_only || store::Encode(module) == before) return module;
  module.update_time = deps_.clock.WallNow();
  const std::string key = store::KeyOf(module.name);
  const auto revision =
      deps_.store.Commit({{key, module.revision}}, {store::Put{key, store::Encode(module)}});
  if (!revision.ok()) return ExplainCommit(revision.status(), name);
  module.revision = *revision;
  return module;
}

absl::Status ModulesImpl::Delete(const domain::ModuleName& name, std::string_view etag) {
  RETURN_IF_ERROR(CheckTenant(name.tenant));
  const std::lock_guard lock(deps_.mutations);
  ASSIGN_OR_RETURN(const domain::Module module, FindModule(deps_.store, name));
  RETURN_IF_ERROR(CheckEtag(etag, module.revision, name.ToString()));
  ASSIGN_OR_RETURN(const store::RangeResult users,
                   deps_.store.Range(store::ModuleUsersPrefix(name), "", 1));
  if (!users.kvs.empty()) return InUse(name.ToString(), users.kvs.front().value);
  const auto revision = deps_.store.Commit({{store::KeyOf(name), module.revision}},
                                           {store::Delete{store::KeyOf(name)}});
  if (!revision.ok()) return ExplainCommit(revision.status(), name.ToString());
  // What cannot be removed now is collected at the next start.
  (void)RemoveUnused(module.sha256);
  return absl::OkStatus();
}

absl::Status ModulesImpl::CheckUsers(const domain::Module& module) {
  ASSIGN_OR_RETURN(const store::RangeResult users,
                   deps_.store.Range(store::ModuleUsersPrefix(module.name), "", 0));
  for (const store::KeyValue& kv : users.kvs) {
    ASSIGN_OR_RETURN(const domain::TransportName name,
                     domain::TransportName::Parse(kv.value, "transport"));
    ASSIGN_OR_RETURN(const domain::Transport transport, FindTransport(deps_.store, name));
    const absl::Status fits = domain::ValidateTransportModule(transport, module);
    if (fits.ok()) continue;
    domain::ErrorDetail detail = domain::DetailOf(fits);
    detail.metadata["transport"] = kv.value;
    detail.field_violations.clear();
    return domain::MakeError(
        absl::StatusCode::kFailedPrecondition,
        fmt::format("{} could not go on with these bytes: {}", kv.value, MessageOf(fits)),
        std::move(detail));
  }
  return absl::OkStatus();
}

absl::StatusOr<domain::Module> ModulesImpl::Store(const UploadRequest& request,
                                                  const RepeatableRequest& repeatable,
                                                  const workers::InspectedModule& inspected) {
  const std::string key = store::KeyOf(NameOf(request));
  RETURN_IF_ERROR(CheckName(request));
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> kv, deps_.store.Get(key));
  domain::Module module;
  std::string replaced_sha256;
  if (kv) {
    ASSIGN_OR_RETURN(module, store::DecodeModule(*kv));
    replaced_sha256 = module.sha256;
  } else {
    module.name = NameOf(request);
    module.uid = NewUuid();
    module.create_time = deps_.clock.WallNow();
  }
  module.description = request.description;
  module.labels = request.labels;
  module.sha256 = request.sha256;
  module.byte_count = static_cast<uint64_t>(request.byte_count);
  module.roles = inspected.roles;
  module.imports = inspected.imports;
  module.memory_minimum_byte_count = inspected.memory_minimum_byte_count;
  module.memory_maximum_byte_count = inspected.memory_maximum_byte_count;
  module.update_time = deps_.clock.WallNow();
  if (kv) RETURN_IF_ERROR(CheckUsers(module));
  if (request.validate_only) return module;

  std::vector<store::Op> ops = {store::Put{key, store::Encode(module)}};
  const std::string name = module.name.ToString();
  if (auto record = deps_.requests.Record(repeatable, name)) ops.push_back(*std::move(record));
  const auto revision = deps_.store.Commit({{key, module.revision}}, ops);
  if (!revision.ok()) return ExplainCommit(revision.status(), name);
  module.revision = *revision;
  if (!replaced_sha256.empty() && replaced_sha256 != module.sha256) {
    (void)RemoveUnused(replaced_sha256);  // collected at the next start otherwise
  }
  return module;
}

absl::Status ModulesImpl::RemoveUnused(const std::string& sha256) {
  ASSIGN_OR_RETURN(const store::RangeResult modules,
                   deps_.store.Range(store::kModulesPrefix, "", 0));
  for (const store::KeyValue& kv : modules.kvs) {
    ASSIGN_OR_RETURN(const domain::Module module, store::DecodeModule(kv));
    if (module.sha256 == sha256) return absl::OkStatus();
  }
  return deps_.blobs.Remove(sha256);
}

absl::Status ModulesImpl::CollectGarbage() {
  const std::lock_guard lock(deps_.mutations);
  ASSIGN_OR_RETURN(const store::RangeResult modules,
                   deps_.store.Range(store::kModulesPrefix, "", 0));
  std::set<std::string> used;
  for (const store::KeyValue& kv : modules.kvs) {
    ASSIGN_OR_RETURN(domain::Module module, store::DecodeModule(kv));
    used.insert(std::move(module.sha256));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> stored, deps_.blobs.List());
  for (const std::string& sha256 : stored) {
    if (!used.contains(sha256)) RETURN_IF_ERROR(deps_.blobs.Remove(sha256));
  }
  return absl::OkStatus();
}

}  // namespace penstock::app
