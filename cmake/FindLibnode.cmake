# V8 as packaged with Node: the system's libnode-dev, or the one that scripts/setup unpacked.
# Defines V8::V8.
find_path(Libnode_INCLUDE_DIR v8.h
          PATHS /usr/include/node ${PENSTOCK_DEPS}/libnode/usr/include/node NO_DEFAULT_PATH)
find_library(Libnode_LIBRARY node
             PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}
                   ${PENSTOCK_DEPS}/libnode/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libnode REQUIRED_VARS Libnode_LIBRARY Libnode_INCLUDE_DIR)
if(Libnode_FOUND AND NOT TARGET V8::V8)
  get_filename_component(libnode_directory ${Libnode_LIBRARY} DIRECTORY)
  add_library(V8::V8 SHARED IMPORTED)
  set_target_properties(V8::V8 PROPERTIES
    IMPORTED_LOCATION ${Libnode_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Libnode_INCLUDE_DIR}
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${Libnode_INCLUDE_DIR}
    INTERFACE_LINK_OPTIONS "-Wl,-rpath,${libnode_directory}")
endif()
