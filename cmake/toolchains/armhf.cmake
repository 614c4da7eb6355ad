# Debian's cross compiler for armhf, the libraries that tests/portability/make_sysroot unpacked, and
# the emulator that runs the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_LIBRARY_ARCHITECTURE arm-linux-gnueabihf)
set(sysroot "${CMAKE_CURRENT_LIST_DIR}/../../build/sysroot/armhf")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm -L "${sysroot}")
include("${CMAKE_CURRENT_LIST_DIR}/debian-sysroot.cmake")
