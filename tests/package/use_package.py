# SPDX-License-Identifier: Apache-2.0
"""Uses the library in the ways that need more than one CMake project.

    use_package.py moved          an install tree that was moved, with the packages' consumer
    use_package.py cmake_3_16     the source tree, and its install, with the policies of CMake 3.16
    use_package.py pkg_config     compiled and linked by what pkg-config says of a moved install tree
    use_package.py single_header  the README's program over the one header, in two translation units

Exits with 77, naming the tool, where one is absent.
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

SKIPPED = 77


def run(*command, **options):
    ran = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{ran.stdout}")
    return ran.stdout


def skip(tool):
    print(f"skipped: {tool} is not installed")
    sys.exit(SKIPPED)


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class Ways:
    def __init__(self, options):
        self.options = options
        self.root = pathlib.Path(options.source)
        self.work = fresh(pathlib.Path(options.work))
        self.consumer = self.root / "tests/package/conan"

    def configure(self, source, build, *arguments):
        compiler, *launcher = reversed(self.options.compiler)
        run(self.options.cmake, "-S", source, "-B", build, "-G", self.options.generator,
            f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={';'.join(reversed(launcher))}",
            f"-DCMAKE_CXX_FLAGS={self.options.flags}", f"-DCMAKE_TOOLCHAIN_FILE={self.options.toolchain}", *arguments)

    def consume(self, name, prefix):
        """Builds and runs the packages' consumer with an install tree."""
        build = self.work / name
        self.configure(self.consumer, build, f"-DCMAKE_PREFIX_PATH={prefix}")
        run(self.options.cmake, "--build", build)
        run(build / "consumer")

    def moved_tree(self):
        """An install tree that no longer stands where it was installed to."""
        first, moved = self.work / "first", self.work / "moved"
        run(self.options.cmake, "--install", self.options.build, "--prefix", first)
        first.rename(moved)
        for path in moved.rglob("*"):
            if path.is_file() and path.suffix in (".cmake", ".pc"):
                text = path.read_text()
                for folder in (first, self.root, pathlib.Path(self.options.build)):
                    if str(folder) in text:
                        sys.exit(f"{path.relative_to(moved)} names {folder}")
        return moved

    def moved(self):
        self.consume("consumer", self.moved_tree())

    def cmake_3_16(self):
        # The tree with nothing newer than 3.16 allowed: a range would take newer policies.
        tree = fresh(self.work / "tree")
        for name in ("include", "cmake", "scripts", "LICENSE", "NOTICE"):
            (tree / name).symlink_to(self.root / name)
        text = (self.root / "CMakeLists.txt").read_text()
        old = text.replace("cmake_minimum_required(VERSION 3.16...3.31)", "cmake_minimum_required(VERSION 3.16)")
        if old == text:
            sys.exit("CMakeLists.txt begins no longer with cmake_minimum_required(VERSION 3.16...3.31)")
        (tree / "CMakeLists.txt").write_text(old)

        parent = fresh(self.work / "parent")
        (parent / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(parent CXX)\n"
            f'set(PERSONALIZE_EVENTS_INSTALL ON CACHE BOOL "")\nadd_subdirectory("{tree}" library)\n'
            f'add_executable(consumer "{self.consumer}/consumer.cpp")\n'
            "target_link_libraries(consumer PRIVATE personalize_events::personalize_events)\n")
        build, prefix = self.work / "parent_build", self.work / "prefix"
        self.configure(parent, build)
        run(self.options.cmake, "--build", build, "--target", "consumer")
        run(build / "consumer")
        run(self.options.cmake, "--install", build, "--prefix", prefix)
        self.consume("consumer", prefix)

    def pkg_config(self):
        tool = shutil.which("pkg-config") or shutil.which("pkgconf")
        if not tool:
            skip("pkg-config")
        moved = self.moved_tree()
        environment = {**os.environ, "PKG_CONFIG_PATH": str(moved / "share/pkgconfig")}

        def ask(*arguments):
            return shlex.split(run(tool, *arguments, env=environment))

        for package in ("personalize_events", "personalize_events_core"):
            if ask("--modversion", package) != [self.options.version]:
                sys.exit(f"{package} is not of version {self.options.version}")
            if not any(pathlib.Path(flag[2:]).resolve() == (moved / "include").resolve()
                       for flag in ask("--cflags", package) if flag.startswith("-I")):
                sys.exit(f"{package}: the moved include folder is not among the flags")
        if "-lcurl" in ask("--libs", "personalize_events_core"):
            sys.exit("the core asks for libcurl")
        # Static: all that libcurl's own Libs.private names is there.
        private = set(ask("--static", "--libs", "libcurl")) - set(ask("--libs", "libcurl"))
        missing = private - set(ask("--static", "--libs", "personalize_events"))
        if missing:
            sys.exit(f"--static lacks {sorted(missing)}")
        flags = ask("--cflags", "--libs", "personalize_events")
        program = self.work / "consumer"
        run(*self.options.compiler, *shlex.split(self.options.flags), "-std=c++17", self.consumer / "consumer.cpp",
            "-o", program, *flags)
        run(program)

    def single_header(self):
        header = pathlib.Path(self.options.build) / "personalize_events_single.hpp"
        if not header.exists():
            sys.exit(f"there is no {header}: cmake --build {self.options.build} --target single_header")
        shutil.copy(header, self.work)
        text = header.read_text()
        if '#include "' in text or text.count("SPDX-License-Identifier") != 1:
            sys.exit("the one header includes one of ours, or has not exactly one licence line")

        included = "#include <personalize_events/make_client.hpp>"
        blocks = re.findall(r"^```cpp\n(.*?)^```", (self.root / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        program = next(block for block in blocks if included in block and "int main(" in block)
        one = '#include "personalize_events_single.hpp"'
        (self.work / "main.cpp").write_text(program.replace(included, one))
        # Calls nothing, so it is quick to compile: what lacks an `inline` clashes all the same.
        (self.work / "other.cpp").write_text(f"{one}\n")
        objects = []
        for name in ("main", "other"):
            objects.append(self.work / f"{name}.o")
            run(*self.options.compiler, *shlex.split(self.options.flags), "-std=c++17", "-Wall", "-Wextra", "-Werror",
                "-c", self.work / f"{name}.cpp", "-o", objects[-1])
        run(self.options.compiler[-1], *shlex.split(self.options.flags), *objects, "-o", self.work / "program", "-lcurl",
            "-lcrypto", "-lpthread")

        # Without a region it must end by saying so, before it asks anyone.
        ran = subprocess.run([self.work / "program"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                             env={"HOME": str(self.work), "AWS_EC2_METADATA_DISABLED": "true"})
        if ran.returncode != 1 or "egion" not in ran.stdout:
            sys.exit(f"the README's program ended with {ran.returncode}: {ran.stdout}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("way", choices=["moved", "cmake_3_16", "pkg_config", "single_header"])
    for name in ("--source", "--build", "--work", "--cmake", "--generator", "--version"):
        parser.add_argument(name, required=True)
    parser.add_argument("--flags", default="")
    parser.add_argument("--toolchain", default="")
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    getattr(Ways(options), options.way)()
    print(f"{options.way} works")


if __name__ == "__main__":
    main()
