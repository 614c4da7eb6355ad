// SPDX-License-Identifier: Apache-2.0
//
// Runs the program that its first argument names, which gets the others.

#include "recorder/programs/programs.hpp"

#include <cstring>

int main(int argc, char** argv) {
  constexpr struct {
    const char* name;
    int (*main)(int argc, char** argv);
  } programs[] = {
      {"digest_at_exit", digest_at_exit},   {"exit_in_callback", exit_in_callback},
      {"fork_under_load", fork_under_load}, {"hanging_provider", hanging_provider},
      {"many_recorders", many_recorders},   {"spool_fork", spool_fork},
      {"spool_recorder", spool_recorder},   {"spool_writer", spool_writer},
      {"static_recorder", static_recorder},
  };
  if (argc < 2) return 1;
  for (const auto& program : programs) {
    if (std::strcmp(argv[1], program.name) == 0) return program.main(argc - 1, argv + 1);
  }
  return 1;
}
