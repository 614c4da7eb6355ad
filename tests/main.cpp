// SPDX-License-Identifier: Apache-2.0
//
// The tests' main. Catch2WithMain would serve too, but the packages of Catch2 2.13 do not all have
// it; this file is compiled once for all executables.

#if __has_include(<catch2/catch_session.hpp>)

#include <catch2/catch_session.hpp>

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }

#else

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#endif
