# PERSONALIZE_EVENTS_UNITE_TESTS: compiles the files of a test executable a dozen at a time, and the
# small examples as one. Nearly all that such a file costs to compile is the headers, so from
# nothing it is several times faster; to work on one of them, leave it off.
#
# Files have helpers of the same names. So each is included into a namespace of its own, after the
# headers of all, whose guards then leave nothing to include in there. Nothing written here names a
# folder of this machine: clones share ccache's cache.
option(PERSONALIZE_EVENTS_UNITE_TESTS "Compile test files, and small examples, together" OFF)

# unite_files(SOURCE FILE... [END TEXT]): writes SOURCE, which includes the files, each in the
# namespace of its name as a C identifier, and ends with TEXT. The files are named from here, which
# must be a folder that the target includes from.
function(unite_files source)
  cmake_parse_arguments(PARSE_ARGV 1 unite "" "END" "")
  set(headers "")
  set(bodies "")
  foreach(file IN LISTS unite_UNPARSED_ARGUMENTS)
    # Its includes may change.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(folder "${CMAKE_CURRENT_SOURCE_DIR}/${file}" DIRECTORY)
    get_filename_component(local_folder ${file} DIRECTORY)
    file(STRINGS ${file} lines REGEX "^#include [<\"]")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^#include \"(.+)\".*" "\\1" header "${line}")
      if(EXISTS "${folder}/${header}")
        set(line "#include \"${local_folder}/${header}\"")
      endif()
      list(APPEND headers "${line}")
    endforeach()
    string(MAKE_C_IDENTIFIER ${file} namespace)
    string(APPEND bodies "namespace ${namespace} {\n#include \"${file}\"\n}\n")
  endforeach()
  list(REMOVE_DUPLICATES headers)
  list(SORT headers)
  list(JOIN headers "\n" headers)
  file(GENERATE OUTPUT "${source}" CONTENT "${headers}\n\n${bodies}${unite_END}")
endfunction()

# add_united_programs(TARGET FILE...): one executable of programs, each with a main of its own, and
# beside it a link with the name of each: it runs the program by whose name it was called.
function(add_united_programs target)
  set(choices "")
  set(links "")
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME_WE)
    string(MAKE_C_IDENTIFIER ${file} namespace)
    string(APPEND choices
           "  if (called == \"${name}\") return run(${namespace}::main, count, values);\n")
    list(APPEND links COMMAND "${CMAKE_COMMAND}" -E create_symlink $<TARGET_FILE_NAME:${target}>
                              ${name})
    add_custom_target(${name} DEPENDS ${target})
  endforeach()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp")
  unite_files("${source}" ${ARGN} END "
#include <string>

namespace {
int run(int (*program)(), int, char**) { return program(); }
int run(int (*program)(int, char**), int count, char** values) { return program(count, values); }
}  // namespace

int main(int count, char** values) {
  std::string called = values[0];
  called.erase(0, called.rfind('/') + 1);
${choices}  return 127;
}
")
  add_executable(${target} "${source}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  add_custom_command(TARGET ${target} POST_BUILD ${links}
                     WORKING_DIRECTORY $<TARGET_FILE_DIR:${target}> VERBATIM)
endfunction()
