# Debian's MinGW-w64 with POSIX threads, the libraries that tests/portability/make_windows_libraries
# built, and Wine, which runs the tests.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
get_filename_component(portability "${CMAKE_CURRENT_LIST_DIR}/../../tests/portability" ABSOLUTE)
get_filename_component(libraries "${CMAKE_CURRENT_LIST_DIR}/../../build/windows_libraries" ABSOLUTE)
set(CMAKE_CROSSCOMPILING_EMULATOR "${portability}/run_in_wine")
# GNU ld takes minutes for what lld links in seconds.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -fno-use-linker-plugin -wrapper ${portability}/link_with_lld")
set(CMAKE_FIND_ROOT_PATH "${libraries}" /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(OPENSSL_USE_STATIC_LIBS ON)
