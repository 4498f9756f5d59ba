# penstock_library(NAME [SOURCES ...] [HEADERS_ONLY] [TESTS ...] [BENCHES ...] [DEPS ...])
#
# Makes the layer penstock::NAME of the current folder, and NAME_test from its TESTS. DEPS are the
# only layers that it may include: they carry the arrows between the folders.
add_library(penstock_options INTERFACE)
target_include_directories(penstock_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(penstock_options INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow=local -Werror=return-type
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(penstock_options INTERFACE -Wthread-safety)
endif()
# Dozens of test programs are linked, most of them with gRPC.
add_link_options(-fuse-ld=lld)

option(PENSTOCK_WERROR "Warnings are errors" ON)
if(PENSTOCK_WERROR)
  target_compile_options(penstock_options INTERFACE -Werror)
endif()

set(PENSTOCK_SANITIZE "" CACHE STRING "Value of -fsanitize= for everything, or empty")
if(PENSTOCK_SANITIZE)
  # vptr: V8 hands out shared_ptrs whose control blocks were made without RTTI.
  add_compile_options(-fsanitize=${PENSTOCK_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PENSTOCK_SANITIZE})
endif()

# Tests that start V8 in the test's own process cannot run where the sanitizer takes its signals
# or its address space.
string(FIND "${PENSTOCK_SANITIZE}" thread penstock_tsan_at)

function(penstock_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;TESTS;BENCHES;DEPS;TEST_DEPS" ${ARGN})
  add_library(penstock_${name} STATIC ${arg_SOURCES})
  add_library(penstock::${name} ALIAS penstock_${name})
  set_target_properties(penstock_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(penstock_${name} PUBLIC penstock_options ${arg_DEPS})
  if(arg_TESTS)
    penstock_test(${name}_test SOURCES ${arg_TESTS} DEPS penstock::${name} ${arg_TEST_DEPS})
  endif()
  if(arg_BENCHES)
    add_executable(${name}_bench ${arg_BENCHES})
    target_link_libraries(${name}_bench PRIVATE penstock::${name} ${arg_TEST_DEPS}
                                                benchmark::benchmark benchmark::benchmark_main)
  endif()
endfunction()

# penstock_test(NAME SOURCES ... [DEPS ...] [LABELS ...]): one GoogleTest program, one CTest case.
function(penstock_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE penstock_options ${arg_DEPS} GTest::gtest GTest::gmock
                                        GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "unit;${arg_LABELS}" TIMEOUT 120)
endfunction()
