# Debian's cross compiler for s390x, whose byte order is big-endian, the libraries that
# tests/portability/make_sysroot unpacked, and the emulator that runs the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_CXX_COMPILER s390x-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE s390x-linux-gnu)
set(sysroot "${CMAKE_CURRENT_LIST_DIR}/../../build/sysroot/s390x")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-s390x -L "${sysroot}")
include("${CMAKE_CURRENT_LIST_DIR}/debian-sysroot.cmake")
