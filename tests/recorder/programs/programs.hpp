// SPDX-License-Identifier: Apache-2.0
//
// The programs that exit, fork or are killed with a recorder inside. They are one executable,
// because each takes as long to compile as all of them: recorder_programs NAME ARGUMENT...
#ifndef PERSONALIZE_EVENTS_TESTS_RECORDER_PROGRAMS_PROGRAMS_HPP
#define PERSONALIZE_EVENTS_TESTS_RECORDER_PROGRAMS_PROGRAMS_HPP

int digest_at_exit(int argc, char** argv);
int exit_in_callback(int argc, char** argv);
int fork_under_load(int argc, char** argv);
int hanging_provider(int argc, char** argv);
int many_recorders(int argc, char** argv);
int spool_fork(int argc, char** argv);
int spool_recorder(int argc, char** argv);
int spool_writer(int argc, char** argv);
int static_recorder(int argc, char** argv);

#endif
