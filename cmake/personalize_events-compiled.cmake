# personalize_events::compiled, the functions of compiled.hpp in a static library. It is built in the
# project that uses it and only if a target links it: so packages have no architecture, and the library
# has the flags of its users. Our config and the Conan package include this file.
if(NOT TARGET personalize_events_compiled)
  # The name is in a variable: vcpkg reports each literal name after "add_library(" as one for users.
  set(_target personalize_events_compiled)
  add_library(${_target} STATIC EXCLUDE_FROM_ALL
              "${CMAKE_CURRENT_LIST_DIR}/personalize_events-compiled.cpp")
  target_link_libraries(${_target} PUBLIC personalize_events::personalize_events)
  add_library(personalize_events::compiled ALIAS ${_target})
  unset(_target)
endif()
