# penstock_protos(NAME [GRPC] PROTOS ... [DEPS ...]): C++ from .proto files, as penstock::NAME.
# The google/api and google/rpc definitions come from the Python environment of scripts/setup.
file(GLOB googleapis_directories ${PENSTOCK_DEPS}/venv/lib/python3*/site-packages)
list(GET googleapis_directories 0 GOOGLEAPIS_DIR)
get_target_property(grpc_cpp_plugin gRPC::grpc_cpp_plugin LOCATION)

function(penstock_protos name)
  cmake_parse_arguments(arg "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  if(NOT arg_ROOT)
    set(arg_ROOT ${CMAKE_SOURCE_DIR}/proto)
  endif()
  set(out ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  foreach(proto ${arg_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(plugin)
    if(arg_GRPC)
      list(APPEND outputs ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      set(plugin --plugin=protoc-gen-grpc=${grpc_cpp_plugin} --grpc_out=${out})
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc --cpp_out=${out} ${plugin}
              -I ${CMAKE_SOURCE_DIR}/proto -I ${GOOGLEAPIS_DIR} ${arg_ROOT}/${proto}
      DEPENDS ${arg_ROOT}/${proto} VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  add_library(penstock_${name} STATIC ${sources})
  add_library(penstock::${name} ALIAS penstock_${name})
  target_include_directories(penstock_${name} SYSTEM PUBLIC ${out})
  target_link_libraries(penstock_${name} PUBLIC protobuf::libprotobuf ${arg_DEPS})
  if(arg_GRPC)
    target_link_libraries(penstock_${name} PUBLIC gRPC::grpc++)
  endif()
endfunction()
