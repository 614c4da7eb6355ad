# SPDX-License-Identifier: Apache-2.0
"""Checks what package managers read, with Python alone: neither Conan nor vcpkg is needed.

    check_recipes.py conan | vcpkg | cmake_commands | release   ROOT

conan           the recipe runs, and says the version, targets and requirements that CMake says
vcpkg           the manifests are as `vcpkg format-manifest` writes them; version, features, files
cmake_commands  nothing that consumers include uses a command newer than CMake 3.16
release         scripts/release passes a good repository, and refuses each wrong version in it
"""
import collections
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types
from unittest import mock

PORT = "cmake/packaging/vcpkg/ports/personalize-events"
SKIPPED = 77


def version_of(root):
    text = (root / "include/personalize_events/version.hpp").read_text()
    return ".".join(re.findall(r"#define PERSONALIZE_EVENTS_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)\n", text))


# --- Conan ---------------------------------------------------------------------------------------


class Component:
    def __init__(self):
        self.properties, self.requires, self.system_libs = {}, [], []
        self.set_property = self.properties.__setitem__


class CppInfo(Component):
    def __init__(self):
        super().__init__()
        self.components = collections.defaultdict(Component)


def load_recipe(root):
    """The recipe's class, with as much of Conan as it uses."""
    modules = {name: types.ModuleType(name) for name in (
        "conan", "conan.tools", "conan.tools.build", "conan.tools.files", "conan.tools.layout")}
    modules["conan"].ConanFile = object
    modules["conan.tools.build"].check_min_cppstd = mock.Mock()
    modules["conan.tools.files"].copy = mock.Mock()
    modules["conan.tools.files"].load = lambda recipe, path: pathlib.Path(path).read_text()
    modules["conan.tools.layout"].basic_layout = mock.Mock()
    with mock.patch.dict(sys.modules, modules), mock.patch.object(sys, "dont_write_bytecode", True):
        spec = importlib.util.spec_from_file_location("recipe", root / "conanfile.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.PersonalizeEventsConan


def run_recipe(root, with_testing, system="Linux"):
    recipe = load_recipe(root)()
    recipe.recipe_folder = str(root)
    recipe.options = types.SimpleNamespace(with_testing=with_testing)
    recipe.settings = types.SimpleNamespace(os=system)
    recipe.cpp_info = CppInfo()
    recipe.required = []
    recipe.requires = recipe.required.append
    recipe.set_version()
    recipe.requirements()
    recipe.package_info()
    return recipe


def least(text):
    """The numbers of the first version in a text: [>=7.78 <9] begins with 7.78."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return [int(part) for part in found.group().split(".")] if found else []


def check_conan(root):
    recipe = run_recipe(root, with_testing=True)
    if recipe.version != version_of(root):
        yield f"the recipe says {recipe.version}"
    if (recipe.package_type, recipe.license) != ("header-library", "Apache-2.0"):
        yield "the package is a header-library under Apache-2.0"
    folder = root / recipe.test_package_folder
    yield from (f"there is no {folder / name}" for name in ("conanfile.py", "CMakeLists.txt")
                if not (folder / name).exists())

    cmake = (root / "CMakeLists.txt").read_text()
    exported = {"core": "core", "personalize_events": "personalize_events", "testing": "testing"}
    aliases = set(re.findall(r"add_library\((personalize_events::\w+) ALIAS", cmake))
    # The target `compiled` comes with the file that both include.
    module, = recipe.cpp_info.properties["cmake_build_modules"]
    if not (root / "cmake" / pathlib.Path(module).name).exists():
        yield f"there is no {module}"
    named = {info.properties["cmake_target_name"] for info in recipe.cpp_info.components.values()}
    if aliases != named or set(recipe.cpp_info.components) != set(exported):
        yield f"CMake's targets are {sorted(aliases)}, the recipe's {sorted(named)}"
    if not (root / f"cmake/{recipe.cpp_info.properties['cmake_file_name']}-config.cmake").exists():
        yield "the recipe's cmake_file_name is not that of our config"

    wanted = {"RapidJSON": "rapidjson", "OpenSSL": "openssl", "CURL": "libcurl", "Boost": "boost"}
    packages = dict(re.findall(r"find_package\((\w+) ?([\d.]*)", cmake))
    packages.pop("Threads")
    required = dict(reference.split("/", 1) for reference in recipe.required)
    if {wanted.get(package) for package in packages} != set(required):
        yield f"CMake finds {sorted(packages)}, the recipe requires {sorted(required)}"
    for package, at_least in packages.items():
        ours, theirs = least(at_least), least(required[wanted[package]])
        # 1.1 of the recipe is any 1.1: the headers refuse what is older than 1.1.1.
        length = min(len(ours), len(theirs))
        if theirs[:length] < ours[:length]:
            yield f"the recipe allows {wanted[package]} {required[wanted[package]]}, CMake needs {at_least}"
    for system, libraries in (("Linux", ["pthread"]), ("Windows", ["bcrypt"]), ("Macos", [])):
        on_it = run_recipe(root, with_testing=False, system=system)
        if on_it.cpp_info.components["core"].system_libs != libraries:
            yield f"on {system} the core links {libraries} of the system's"
    without = run_recipe(root, with_testing=False)
    if "testing" in without.cpp_info.components or any("boost" in reference for reference in without.required):
        yield "without with_testing there is neither the component testing nor Boost"
    for name, info in recipe.cpp_info.components.items():
        for needed in info.requires:
            package = needed.split("::")[0]
            if package not in recipe.cpp_info.components and package not in required:
                yield f"the component {name} requires {needed}, which is not required"


# --- vcpkg ---------------------------------------------------------------------------------------

MANIFEST_ORDER = ["name", "version", "description", "homepage", "license", "supports", "dependencies",
                  "default-features", "features"]
DEPENDENCY_ORDER = ["name", "host", "default-features", "features", "platform", "version>="]
FEATURE_ORDER = ["description", "supports", "dependencies"]


def in_order(where, entry, order):
    known = [key for key in order if key in entry]
    if list(entry) != known:
        yield f"{where}: its keys are {list(entry)}, format-manifest writes {known}"


def sorted_dependencies(where, dependencies):
    names = [entry if isinstance(entry, str) else entry["name"] for entry in dependencies]
    if names != sorted(names):
        yield f"{where}: the dependencies are not sorted"
    for entry in dependencies:
        if isinstance(entry, dict):
            yield from in_order(f"{where}: {entry['name']}", entry, DEPENDENCY_ORDER)


def check_manifest(root, name):
    text = (root / name).read_text()
    manifest = json.loads(text)
    if text != json.dumps(manifest, indent=2, ensure_ascii=False) + "\n":
        yield f"{name}: not in the form of format-manifest"
    yield from in_order(name, manifest, MANIFEST_ORDER)
    yield from sorted_dependencies(name, manifest["dependencies"])
    for feature, entry in manifest.get("features", {}).items():
        yield from in_order(f"{name}: {feature}", entry, FEATURE_ORDER)
        yield from sorted_dependencies(f"{name}: {feature}", entry["dependencies"])
    if (manifest["version"], manifest["name"], manifest["license"]) != (
            version_of(root), "personalize-events", "Apache-2.0"):
        yield f"{name}: name, version or license"


def check_vcpkg(root):
    for name in ("vcpkg.json", f"{PORT}/vcpkg.json"):
        yield from check_manifest(root, name)
    port = json.loads((root / PORT / "vcpkg.json").read_text())
    if list(port["features"]) != ["testing"]:
        yield "the port's one feature is testing"
    portfile = (root / PORT / "portfile.cmake").read_text()
    options = set(re.findall(r"^option\((\w+)", (root / "CMakeLists.txt").read_text(), re.MULTILINE))
    for option in re.findall(r"-D(\w+)=", portfile):
        if option not in options and not option.startswith("CMAKE_"):
            yield f"portfile.cmake sets {option}, which is no option"
    if not (root / PORT / "../../../../.." / "include/personalize_events/version.hpp").exists():
        yield "the port stands not where it finds the tree"
    usage = (root / PORT / "usage").read_text()
    for target in re.findall(r"personalize_events::\w+", usage):
        if f"add_library({target} ALIAS" not in (root / "CMakeLists.txt").read_text():
            yield f"usage names {target}, which is no target"


# --- CMake 3.16 ----------------------------------------------------------------------------------

FOR_CONSUMERS = ["CMakeLists.txt", "cmake/install-rules.cmake", "cmake/personalize_events-config.cmake",
                 "cmake/personalize_events-dependencies.cmake", "cmake/single-header.cmake",
                 "tests/package/conan/CMakeLists.txt"]
# What came after 3.16, with the version that brought it.
NEWER = [
    (r"\bcmake_language\s*\(", "3.18"), (r"\bcmake_path\s*\(", "3.20"), (r"\bblock\s*\(", "3.25"),
    (r"\bcmake_pkg_config\s*\(", "3.31"), (r"\bFILE_SET\b", "3.23"), (r"\bZIP_LISTS\b", "3.17"),
    (r"\bPROJECT_IS_TOP_LEVEL\b", "3.21"), (r"\bCMAKE_CURRENT_FUNCTION", "3.17"), (r"\bPATH_EQUAL\b", "3.24"),
    (r"\bstring\s*\(\s*(JSON|HEX)\b", "3.18"),
    (r"\bfile\s*\(\s*(REAL_PATH|CHMOD|CONFIGURE|COPY_FILE|ARCHIVE_\w+)\b", "3.18"),
    (r"\breturn\s*\(\s*PROPAGATE\b", "3.25"), (r"\badd_subdirectory\s*\([^)]*\bSYSTEM\b", "3.25"),
    (r"\bfind_package\s*\([^)]*\bGLOBAL\b", "3.24"), (r"\bfind_\w+\s*\([^)]*\b(REQUIRED|VALIDATOR)\b", "3.18"),
    (r"\bDEFER\b", "3.19"), (r"\bCOMPILE_ONLY\b", "3.27"), (r"\$<(PATH|LINK_LIBRARY|LINK_GROUP)\b", "3.24"),
    (r"\$<TARGET_RUNTIME", "3.21"), (r"\bRUNTIME_DEPENDENC", "3.21"), (r"\bCXX_MODULES", "3.28"),
    (r"\binclude\s*\(\s*CheckCompilerFlag\b", "3.19"), (r"\bFIND_PACKAGE_ARGS\b", "3.24"),
]
NOT_NEW = re.compile(r"\bfind_package\s*\([^)]*\bREQUIRED\b")


def check_cmake_commands(root):
    for name in FOR_CONSUMERS:
        text = re.sub(r"#[^\n]*", "", (root / name).read_text())
        least_version = re.search(r"cmake_minimum_required\(VERSION ([\d.]+?)(?:\.\.\.|\))", text)
        if name.endswith("CMakeLists.txt") and (not least_version or least_version.group(1) != "3.16"):
            yield f"{name}: cmake_minimum_required is not 3.16"
        for pattern, version in NEWER:
            for found in re.finditer(pattern, text):
                if not NOT_NEW.match(found.group()):
                    yield f"{name}: {found.group()!r} came with CMake {version}"


# --- The release ---------------------------------------------------------------------------------

RELEASED = ["include/personalize_events/version.hpp", "CHANGELOG.md", "conanfile.py", "vcpkg.json",
            f"{PORT}/vcpkg.json", "scripts/release"]


def release(repository, *arguments):
    # A git hook that runs the tests names its own repository in GIT_DIR.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    ran = subprocess.run([sys.executable, repository / "scripts/release", *arguments], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    return ran.returncode, ran.stdout


def commit(repository):
    # No settings of this machine or its user.
    environment = {"PATH": os.environ["PATH"], "HOME": str(repository), "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "--allow-empty", "-m", "test"]):
        subprocess.run(["git", "-C", repository, *arguments], check=True, env=environment)


def check_release(root):
    if not shutil.which("git"):
        print("skipped: git is not installed")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as work:
        repository = pathlib.Path(work)
        for name in RELEASED:
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, repository / name)
        changelog = repository / "CHANGELOG.md"
        version = version_of(root)
        changelog.write_text(re.sub(r"(## \[[\d.]+\]) - unreleased", r"\1 - 2026-01-01", changelog.read_text()))
        commit(repository)
        code, said = release(repository)
        if code != 0 or not re.search(r"^SHA512 +[0-9a-f]{128}\nsha256 +[0-9a-f]{64}$", said, re.MULTILINE):
            yield f"a good repository is refused: {said}"

        changes = {
            "CHANGELOG.md": (f"[{version}]", "[9.9.9]"),
            "vcpkg.json": (f'"version": "{version}"', '"version": "9.9.9"'),
            f"{PORT}/vcpkg.json": (f'"version": "{version}"', '"version": "9.9.9"'),
            "conanfile.py": ('    name = "personalize-events"\n', '    name = "x"\n    version = "9.9.9"\n'),
        }
        for name, (old, new) in changes.items():
            path = repository / name
            good = path.read_text()
            path.write_text(good.replace(old, new))
            commit(repository)
            code, said = release(repository)
            if code == 0 or f"{name} says 9.9.9" not in said or "SHA512" in said:
                yield f"a wrong version in {name} is not refused: {said}"
            path.write_text(good)
        changelog.write_text(re.sub(r" - \d{4}-\d\d-\d\d", " - unreleased", changelog.read_text()))
        commit(repository)
        if release(repository)[0] == 0 or release(repository, "--any-state")[0] != 0:
            yield "a version without a date is released, or not even with --any-state"


CHECKS = {"conan": check_conan, "vcpkg": check_vcpkg, "cmake_commands": check_cmake_commands,
          "release": check_release}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    faults = list(CHECKS[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve()))
    for fault in faults:
        print(fault)
    print(f"{sys.argv[1]}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
