# find_package(personalize_events [COMPONENTS core | personalize_events | compiled | testing])
#
#   core                personalize_events::core                 without libcurl
#   personalize_events  personalize_events::personalize_events   core and libcurl; the default
#   compiled            personalize_events::compiled             the functions of compiled.hpp in a static
#                                                                library, built in the project that asks
#   testing             personalize_events::testing              core and Boost's headers
include(CMakeFindDependencyMacro)

if(NOT personalize_events_FIND_COMPONENTS)
  set(personalize_events_FIND_COMPONENTS personalize_events)
  set(personalize_events_FIND_REQUIRED_personalize_events TRUE)
endif()

if("compiled" IN_LIST personalize_events_FIND_COMPONENTS)
  list(APPEND personalize_events_FIND_COMPONENTS personalize_events)
  if(personalize_events_FIND_REQUIRED_compiled)
    set(personalize_events_FIND_REQUIRED_personalize_events TRUE)
  endif()
endif()

# No version of CURL: configs that say SameMajorVersion refuse a range over 7 and 8.
find_dependency(RapidJSON)
find_dependency(OpenSSL 1.1.1)
find_dependency(Threads)
if("personalize_events" IN_LIST personalize_events_FIND_COMPONENTS)
  if(personalize_events_FIND_REQUIRED_personalize_events)
    find_dependency(CURL)
  else()
    find_package(CURL QUIET)
  endif()
endif()
if("testing" IN_LIST personalize_events_FIND_COMPONENTS)
  if(personalize_events_FIND_REQUIRED_testing)
    find_dependency(Boost 1.74)
  else()
    find_package(Boost 1.74 QUIET)
  endif()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/personalize_events-dependencies.cmake")

include("${CMAKE_CURRENT_LIST_DIR}/personalize_events-core-targets.cmake")
set(personalize_events_core_FOUND TRUE)
if("personalize_events" IN_LIST personalize_events_FIND_COMPONENTS
   AND TARGET personalize_events::curl_dependency)
  include("${CMAKE_CURRENT_LIST_DIR}/personalize_events-personalize_events-targets.cmake")
  set(personalize_events_personalize_events_FOUND TRUE)
endif()
if("compiled" IN_LIST personalize_events_FIND_COMPONENTS
   AND personalize_events_personalize_events_FOUND)
  include("${CMAKE_CURRENT_LIST_DIR}/personalize_events-compiled.cmake")
  set(personalize_events_compiled_FOUND TRUE)
endif()
if("testing" IN_LIST personalize_events_FIND_COMPONENTS
   AND TARGET personalize_events::boost_dependency)
  include("${CMAKE_CURRENT_LIST_DIR}/personalize_events-testing-targets.cmake")
  set(personalize_events_testing_FOUND TRUE)
endif()

foreach(component IN LISTS personalize_events_FIND_COMPONENTS)
  if(NOT personalize_events_${component}_FOUND AND personalize_events_FIND_REQUIRED_${component})
    set(personalize_events_FOUND FALSE)
    set(personalize_events_NOT_FOUND_MESSAGE "there is no component \"${component}\"")
  endif()
endforeach()
