# penstock_wasm_module(NAME SOURCES ...): a WATM module from C, ${CMAKE_BINARY_DIR}/modules/NAME.wasm,
# as target wasm_NAME. SOURCES are relative to the current folder.
#
# clang's wasm32-wasi target with Debian's wasi-libc. A reactor, so that the host calls _initialize
# and then the exports. --stack-first makes a stack overflow trap rather than overwrite data;
# --strip-debug drops the C library's DWARF and keeps function names, which backtraces need.
find_program(WASM_CLANG clang REQUIRED)
set(WASM_COMPILE_OPTIONS --target=wasm32-wasi -std=c17 -O2 -Wall -Wextra -Werror
                         -I ${CMAKE_SOURCE_DIR} -I ${CMAKE_SOURCE_DIR}/sdk/c)
set(WASM_LINK_OPTIONS --target=wasm32-wasi -mexec-model=reactor
                      -Wl,--stack-first,--strip-debug,--fatal-warnings)

# Compiles one source of module `name`; puts the object's path into the variable `output`.
function(penstock_wasm_object output name source)
  get_filename_component(source ${source} ABSOLUTE)
  get_filename_component(stem ${source} NAME_WE)
  set(object ${CMAKE_BINARY_DIR}/modules/objects/${name}/${stem}.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/modules/objects/${name}
    COMMAND ${WASM_CLANG} ${WASM_COMPILE_OPTIONS} -MD -MF ${object}.d -c -o ${object} ${source}
    DEPENDS ${source} DEPFILE ${object}.d COMMENT "Building ${name}.wasm: ${stem}.c" VERBATIM)
  set(${output} ${object} PARENT_SCOPE)
endfunction()

function(penstock_wasm_module name)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  set(module ${CMAKE_BINARY_DIR}/modules/${name}.wasm)
  foreach(source ${arg_SOURCES})
    penstock_wasm_object(object ${name} ${source})
    list(APPEND objects ${object})
  endforeach()
  add_custom_command(
    OUTPUT ${module} COMMAND ${WASM_CLANG} ${WASM_LINK_OPTIONS} -o ${module} ${objects}
    DEPENDS ${objects} COMMENT "Linking ${name}.wasm" VERBATIM)
  add_custom_target(wasm_${name} ALL DEPENDS ${module})
endfunction()
