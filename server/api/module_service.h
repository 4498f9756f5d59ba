#pragma once

#include <chrono>

#include "penstock/v1/module.grpc.pb.h"
#include "server/api/gateway.h"
#include "server/app/modules.h"

namespace penstock::api {

// penstock.v1.ModuleService. Borrows what it is given.
class ModuleService final : public ::penstock::v1::ModuleService::CallbackService {
 public:
  ModuleService(Gateway& gateway, app::Modules& modules,
                std::chrono::nanoseconds upload_idle_timeout)
      : gateway_(gateway), modules_(modules), upload_idle_timeout_(upload_idle_timeout) {}

  grpc::ServerReadReactor<::penstock::v1::UploadModuleRequest>* UploadModule(
      grpc::CallbackServerContext* context, ::penstock::v1::Module* response) override;
  grpc::ServerUnaryReactor* GetModule(grpc::CallbackServerContext* context,
                                      const ::penstock::v1::GetModuleRequest* request,
                                      ::penstock::v1::Module* response) override;
  grpc::ServerUnaryReactor* ListModules(grpc::CallbackServerContext* context,
                                        const ::penstock::v1::ListModulesRequest* request,
                                        ::penstock::v1::ListModulesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateModule(grpc::CallbackServerContext* context,
                                         const ::penstock::v1::UpdateModuleRequest* request,
                                         ::penstock::v1::Module* response) override;
  grpc::ServerUnaryReactor* DeleteModule(grpc::CallbackServerContext* context,
                                         const ::penstock::v1::DeleteModuleRequest* request,
                                         google::protobuf::Empty* response) override;

 private:
  Gateway& gateway_;
  app::Modules& modules_;
  const std::chrono::nanoseconds upload_idle_timeout_;
};

}  // namespace penstock::api
