# Everything that Penstock links. scripts/setup installs it.
set(PENSTOCK_DEPS ${CMAKE_SOURCE_DIR}/build/deps CACHE PATH "What scripts/setup unpacked")

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC REQUIRED CONFIG)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Boost REQUIRED COMPONENTS context)
find_package(benchmark REQUIRED)
find_package(CLI11 QUIET)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Libnode REQUIRED)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)

# Header-only asio, without Boost. Left to itself it takes aligned_alloc only where a standard header
# was included before it, and frees in one translation unit what another allocated otherwise.
find_path(ASIO_INCLUDE_DIR asio.hpp REQUIRED)
add_library(penstock_asio INTERFACE)
target_include_directories(penstock_asio SYSTEM INTERFACE ${ASIO_INCLUDE_DIR})
target_compile_definitions(penstock_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED
                                                   ASIO_NO_TYPEID
                                                   ASIO_DISABLE_STD_ALIGNED_ALLOC)
target_link_libraries(penstock_asio INTERFACE Threads::Threads)
