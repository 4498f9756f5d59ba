# penstock_wasm_module(NAME SOURCES ...): a WATM module from C, built/modules/NAME.wasm.
# clang's wasm32-wasi target with Debian's wasi-libc; a reactor, so _initialize runs its constructors.
find_program(WASM_CLANG clang REQUIRED)

function(penstock_wasm_module name)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  set(output ${CMAKE_BINARY_DIR}/modules/${name}.wasm)
  list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/modules
    COMMAND ${WASM_CLANG} --target=wasm32-wasi -std=c17 -O2 -Wall -Wextra -Werror
            -mexec-model=reactor -I ${CMAKE_SOURCE_DIR}/sdk/c -o ${output} ${arg_SOURCES}
    DEPENDS ${arg_SOURCES} ${CMAKE_SOURCE_DIR}/sdk/c/watm.h VERBATIM)
  add_custom_target(wasm_${name} ALL DEPENDS ${output})
endfunction()
