# PERSONALIZE_EVENTS_UNITE_TESTS: compiles the files of a test executable a dozen at a time. Nearly
# all that a test costs to compile is the headers, so from nothing it is several times faster; to
# work on one test, leave it off.
#
# Files of tests have helpers of the same names. So each is included into a namespace of its own,
# after the headers of all, whose guards then leave nothing to include in there. A file that defines
# a macro for its headers, looks which headers it got, or opens the library's namespace stays alone,
# as does one with options of its own. Nothing written here names a folder of this machine: clones
# share ccache's cache.
option(PERSONALIZE_EVENTS_UNITE_TESTS "Compile the test files of an executable together" OFF)

# unite_test_files(RESULT NAME FILE...): the sources to compile in place of these. The files are
# named from tests/.
function(unite_test_files result name)
  set(sources "")
  set(united "")
  foreach(file IN LISTS ARGN)
    file(STRINGS ${file} peculiar REGEX "^(#(define|error)|PERSONALIZE_EVENTS_NAMESPACE_BEGIN)"
         LIMIT_COUNT 1)
    get_source_file_property(options ${file} COMPILE_OPTIONS)
    get_source_file_property(definitions ${file} COMPILE_DEFINITIONS)
    if(peculiar OR options OR definitions OR NOT PERSONALIZE_EVENTS_UNITE_TESTS)
      list(APPEND sources ${file})
    else()
      list(APPEND united ${file})
    endif()
  endforeach()

  list(LENGTH united count)
  if(count EQUAL 1)
    list(APPEND sources ${united})
    set(united "")
  endif()

  set(number 0)
  while(united)
    set(headers "")
    set(bodies "")
    foreach(index RANGE 1 12)
      if(NOT united)
        break()
      endif()
      list(GET united 0 file)
      list(REMOVE_AT united 0)
      # Its includes may change.
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
      get_filename_component(folder ${file} DIRECTORY)
      file(STRINGS ${file} lines REGEX "^#include [<\"]")
      foreach(line IN LISTS lines)
        string(REGEX REPLACE "^#include \"(.+)\".*" "\\1" header "${line}")
        if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${header}")
          set(line "#include \"${folder}/${header}\"")
        endif()
        list(APPEND headers "${line}")
      endforeach()
      string(MAKE_C_IDENTIFIER ${file} namespace)
      string(APPEND bodies "namespace ${namespace} {\n#include \"${file}\"\n}\n")
    endforeach()
    list(REMOVE_DUPLICATES headers)
    list(SORT headers)
    list(JOIN headers "\n" headers)
    math(EXPR number "${number} + 1")
    set(source "${CMAKE_CURRENT_BINARY_DIR}/united/${name}_${number}.cpp")
    file(GENERATE OUTPUT "${source}" CONTENT "${headers}\n\n${bodies}")
    list(APPEND sources "${source}")
  endwhile()
  set(${result} "${sources}" PARENT_SCOPE)
endfunction()
