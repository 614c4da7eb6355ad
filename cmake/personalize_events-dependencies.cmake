# What personalize_events needs, as imported targets that have the same names wherever the packages
# come from (Debian, vcpkg and Conan name RapidJSON in three ways). The build and the installed
# config both include this file after their find_package calls, so an exported target holds these
# names and never those of one supplier. A package that was not found leaves its target out.
#
#   personalize_events::core_dependencies  RapidJSON, OpenSSL::Crypto, Threads::Threads; on Windows
#                                          also its generator of random bytes
#   personalize_events::curl_dependency    CURL::libcurl
#   personalize_events::boost_dependency   Boost::headers

# Names stand in variables: vcpkg reports each literal name after "add_library(" as one for users.
set(_target personalize_events::core_dependencies)
if(NOT TARGET ${_target})
  add_library(${_target} INTERFACE IMPORTED)
  set_property(TARGET ${_target} PROPERTY INTERFACE_LINK_LIBRARIES OpenSSL::Crypto Threads::Threads)
  if(WIN32)
    set_property(TARGET ${_target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES bcrypt)
  endif()
  if(TARGET RapidJSON)
    set_property(TARGET ${_target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES RapidJSON)
  elseif(TARGET rapidjson)
    set_property(TARGET ${_target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES rapidjson)
  elseif(TARGET RapidJSON::RapidJSON)
    set_property(TARGET ${_target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES RapidJSON::RapidJSON)
  elseif(RAPIDJSON_INCLUDE_DIRS)
    set_property(TARGET ${_target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${RAPIDJSON_INCLUDE_DIRS})
  elseif(RapidJSON_INCLUDE_DIRS)
    set_property(TARGET ${_target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${RapidJSON_INCLUDE_DIRS})
  elseif(RapidJSON_INCLUDE_DIR)
    set_property(TARGET ${_target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${RapidJSON_INCLUDE_DIR})
  else()
    message(FATAL_ERROR "personalize_events: the RapidJSON package that was found names neither "
                        "a target nor an include directory")
  endif()
endif()

set(_target personalize_events::curl_dependency)
if(NOT TARGET ${_target} AND TARGET CURL::libcurl)
  add_library(${_target} INTERFACE IMPORTED)
  set_property(TARGET ${_target} PROPERTY INTERFACE_LINK_LIBRARIES CURL::libcurl)
endif()

set(_target personalize_events::boost_dependency)
if(NOT TARGET ${_target} AND TARGET Boost::headers)
  add_library(${_target} INTERFACE IMPORTED)
  set_property(TARGET ${_target} PROPERTY INTERFACE_LINK_LIBRARIES Boost::headers)
endif()

unset(_target)
