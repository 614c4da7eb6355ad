# Installs the headers, and the config under share/ (nothing here depends on an architecture).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(config_directory "${CMAKE_INSTALL_DATADIR}/cmake/personalize_events")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")

# One export set for each component, so that a consumer of `core` needs no libcurl.
foreach(component core personalize_events testing)
  set(target personalize_events_${component})
  if(component STREQUAL "personalize_events")
    set(target personalize_events)
  endif()
  install(TARGETS ${target} EXPORT personalize_events-${component}
          INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT personalize_events-${component} NAMESPACE personalize_events::
          DESTINATION "${config_directory}" FILE personalize_events-${component}-targets.cmake)
endforeach()

write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/personalize_events-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES "${PROJECT_SOURCE_DIR}/cmake/personalize_events-config.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/personalize_events-compiled.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/personalize_events-compiled.cpp"
        "${PROJECT_SOURCE_DIR}/cmake/personalize_events-dependencies.cmake"
        "${CMAKE_CURRENT_BINARY_DIR}/personalize_events-config-version.cmake"
  DESTINATION "${config_directory}")

# pkg-config: what libcurl itself needs when it is linked statically stands in libcurl's file, as
# Libs.private, and comes through Requires. The prefix is where the file is found, so that the tree
# can be moved.
set(pc_directory "${CMAKE_INSTALL_DATADIR}/pkgconfig")
if(IS_ABSOLUTE "${pc_directory}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH pc_prefix "/prefix/${pc_directory}" "/prefix")
  string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()
set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(pc_libs "-pthread")
if(WIN32)
  string(APPEND pc_libs " -lbcrypt")
endif()
foreach(name IN ITEMS personalize_events personalize_events_core)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in"
                 "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${pc_directory}")
endforeach()
