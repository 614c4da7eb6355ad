# SPDX-License-Identifier: Apache-2.0
"""The recipe of personalize-events for Conan 2: `conan create .` packages this tree."""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

# Where the package has the source of personalize_events::compiled.
COMPILED = "lib/cmake/personalize_events"

required_conan_version = ">=2.0.9"


class PersonalizeEventsConan(ConanFile):
    name = "personalize-events"
    description = "A client for the Amazon Personalize Events API"
    license = "Apache-2.0"
    topics = ("header-only", "aws", "recommendations", "events", "cpp17")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_testing": [True, False]}
    default_options = {"with_testing": False}
    exports_sources = "include/*.hpp", "cmake/personalize_events-compiled.*", "LICENSE", "NOTICE"
    no_copy_source = True
    test_package_folder = "tests/package/conan"

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include/personalize_events/version.hpp"))
        self.version = ".".join(re.findall(r"#define PERSONALIZE_EVENTS_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)\n", header))

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("libcurl/[>=7.78 <9]")
        self.requires("openssl/[>=1.1 <4]")
        self.requires("rapidjson/cci.20250205")
        if self.options.with_testing:
            self.requires("boost/1.86.0")

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 17)

    def build(self):
        pass

    def package(self):
        for notice in ("LICENSE", "NOTICE"):
            copy(self, notice, self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "personalize_events-compiled.*", os.path.join(self.source_folder, "cmake"),
             os.path.join(self.package_folder, COMPILED))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "personalize_events")
        # personalize_events::compiled, which the project that links it builds.
        self.cpp_info.set_property("cmake_build_modules", [f"{COMPILED}/personalize_events-compiled.cmake"])
        self._component("core", "personalize_events_core", ["openssl::crypto", "rapidjson::rapidjson"])
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.components["core"].system_libs = ["pthread"]
        elif self.settings.os == "Windows":
            self.cpp_info.components["core"].system_libs = ["bcrypt"]
        self._component("personalize_events", "personalize_events", ["core", "libcurl::libcurl"])
        if self.options.with_testing:
            self._component("testing", "personalize_events_testing", ["core", "boost::headers"])

    def _component(self, name, pkg_config_name, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"personalize_events::{name}")
        component.set_property("pkg_config_name", pkg_config_name)
        component.bindirs = component.libdirs = []
        component.requires = requires
