# Debian's cross compiler for arm64, the libraries that tests/portability/make_sysroot unpacked, and
# the emulator that runs the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(sysroot "${CMAKE_CURRENT_LIST_DIR}/../../build/sysroot/arm64")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L "${sysroot}")
include("${CMAKE_CURRENT_LIST_DIR}/debian-sysroot.cmake")
