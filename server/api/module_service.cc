#include "server/api/module_service.h"

#include <utility>

#include "base/status.h"
#include "server/api/conversions.h"
#include "server/api/update_mask.h"
#include "server/api/upload.h"

namespace penstock::api {

grpc::ServerReadReactor<pb::UploadModuleRequest>* ModuleService::UploadModule(
    grpc::CallbackServerContext* /*context*/, pb::Module* response) {
  return StartUpload(gateway_, modules_, upload_idle_timeout_, response);
}

grpc::ServerUnaryReactor* ModuleService::GetModule(grpc::CallbackServerContext* context,
                                                   const pb::GetModuleRequest* request,
                                                   pb::Module* response) {
  return gateway_.Serve(context, Rpc::kGetModule, request->name(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto name, domain::ModuleName::Parse(request->name(), "name"));
    ASSIGN_OR_RETURN(const domain::Module module, modules_.Get(name));
    *response = ToProto(module);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModuleService::ListModules(grpc::CallbackServerContext* context,
                                                     const pb::ListModulesRequest* request,
                                                     pb::ListModulesResponse* response) {
  return gateway_.Serve(context, Rpc::kListModules, request->parent(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto parent, domain::TenantName::Parse(request->parent(), "parent"));
    ASSIGN_OR_RETURN(app::Page<domain::Module> page,
                     modules_.List(parent, request->page_size(), request->page_token()));
    for (const domain::Module& module : page.items) *response->add_modules() = ToProto(module);
    response->set_next_page_token(std::move(page.next_page_token));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModuleService::UpdateModule(grpc::CallbackServerContext* context,
                                                      const pb::UpdateModuleRequest* request,
                                                      pb::Module* response) {
  const pb::Module& module = request->module();
  return gateway_.Serve(context, Rpc::kUpdateModule, module.name(), [&]() -> absl::Status {
    app::Modules::UpdateRequest update;
    ASSIGN_OR_RETURN(update.name, domain::ModuleName::Parse(module.name(), "module.name"));
    ASSIGN_OR_RETURN(update.update_mask, ResolveUpdateMask(module, request->update_mask()));
    update.description = module.description();
    update.labels = {module.labels().begin(), module.labels().end()};
    update.etag = module.etag();
    update.validate_only = request->validate_only();
    ASSIGN_OR_RETURN(const domain::Module updated, modules_.Update(std::move(update)));
    *response = ToProto(updated);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModuleService::DeleteModule(grpc::CallbackServerContext* context,
                                                      const pb::DeleteModuleRequest* request,
                                                      google::protobuf::Empty* /*response*/) {
  return gateway_.Serve(context, Rpc::kDeleteModule, request->name(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto name, domain::ModuleName::Parse(request->name(), "name"));
    return modules_.Delete(name, request->etag());
  });
}

}  // namespace penstock::api
