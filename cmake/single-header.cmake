# The target single_header: the library as one file, for those who drop a header into their tree.
# The tests have it built with everything else, because they compile it.
find_program(PERSONALIZE_EVENTS_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(PERSONALIZE_EVENTS_PYTHON NAMES python3 python)
mark_as_advanced(PERSONALIZE_EVENTS_PYTHON)

if(PERSONALIZE_EVENTS_PYTHON)
  set(with_all "")
  if(PERSONALIZE_EVENTS_BUILD_TESTS)
    set(with_all ALL)
  endif()
  add_custom_target(
    single_header ${with_all}
    COMMAND
      "${PERSONALIZE_EVENTS_PYTHON}" "${PROJECT_SOURCE_DIR}/scripts/single_header"
      "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/personalize_events_single.hpp"
    VERBATIM)
endif()
