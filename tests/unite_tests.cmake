# unite_test_files(RESULT NAME FILE...): the sources to compile in place of these, which are named
# from tests/: with PERSONALIZE_EVENTS_UNITE_TESTS, a dozen in one. A file that defines a macro for
# its headers, looks which headers it got, or opens the library's namespace stays alone, as does one
# with options of its own.
include(${PROJECT_SOURCE_DIR}/cmake/unite.cmake)

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
    list(SUBLIST united 0 12 dozen)
    list(REMOVE_ITEM united ${dozen})
    math(EXPR number "${number} + 1")
    set(source "${CMAKE_CURRENT_BINARY_DIR}/united/${name}_${number}.cpp")
    unite_files("${source}" ${dozen})
    list(APPEND sources "${source}")
  endwhile()
  set(${result} "${sources}" PARENT_SCOPE)
endfunction()
