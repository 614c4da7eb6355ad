set(VCPKG_BUILD_TYPE release) # header-only port

# An overlay port: it packages the tree that it stands in.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../../../.." ABSOLUTE)

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DPERSONALIZE_EVENTS_BUILD_TESTS=OFF
        -DPERSONALIZE_EVENTS_BUILD_EXAMPLES=OFF
        -DPERSONALIZE_EVENTS_BUILD_TOOLS=OFF
        -DPERSONALIZE_EVENTS_INSTALL=ON
        # What is installed is the same with Boost and without.
        -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
)

vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME personalize_events CONFIG_PATH share/cmake/personalize_events)
vcpkg_fixup_pkgconfig()

file(INSTALL "${CURRENT_PORT_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE" "${SOURCE_PATH}/NOTICE")
