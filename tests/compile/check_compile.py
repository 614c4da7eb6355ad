# SPDX-License-Identifier: Apache-2.0
"""Asks the compiler what no running test can tell.

    check_compile.py CHECK --source ROOT --work FOLDER --standard 17 --compiler-id GNU -- COMPILER FLAGS...

headers_alone     each header compiles as a translation unit of its own, and its object holds no
                  strong symbol (one would mean a forgotten `inline`)
no_exceptions     all headers compile with -fno-exceptions -fno-rtti, those that need more apart
two_modes         two translation units with all headers, one in C++17 with exceptions and one in
                  C++23 without exceptions and RTTI, link and see the same types; with GCC also
                  under -flto -Wodr
aggregates        every aggregate of the API is made from its first members alone, without a warning
macros            all headers compile after macros with the names in macro_names.txt, and after the min
                  and max of windows.h with no other header before them
rapidjson_namespace  the library with another RAPIDJSON_NAMESPACE works in one program with code
                  that uses RapidJSON directly; with GCC also under -flto -Wodr
everything        clang++-19 -Weverything says nothing about the headers when they are included by -I,
                  in C++17 and C++20; skipped with 77 where there is none
light_headers     what applications include is little more than the standard headers that it names, by
                  preprocessed lines, and includes no <tuple>
compiled          a program with one source that includes compiled_source.hpp, one that calls its functions
                  and one that calls the inline ones links and works; with GCC also under -flto -Wodr
must_not_compile  each file in must_not_compile/ compiles as it stands and fails to compile with
                  MUST_NOT_COMPILE defined, so that the failure is due to the one misuse it shows
"""
import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys

NEEDS_EXCEPTIONS = ["throwing.hpp", "testing/local_endpoint*.hpp"]
# tests/portability has a compiler of its own for that side.
OTHER_SYSTEM = "detail/platform/windows/"
NEEDS_CXX20 = ["coroutine.hpp"]
# The one header with definitions that are not inline; the check `compiled` is about it.
DEFINES = "compiled_source.hpp"
# Headers that applications include everywhere, and how many times the lines of the standard headers they
# may have.
LIGHT_HEADERS = ["client.hpp", "async_client.hpp", "event_recorder.hpp", "event_sink.hpp", "options.hpp",
                 "recorder_options.hpp", "credentials.hpp", "transport.hpp", "platform.hpp", "result.hpp",
                 "model/put_events.hpp", "compiled.hpp"]
LIGHT = 1.15
WITHOUT_EXCEPTIONS = ["-fno-exceptions", "-fno-rtti"]

# Warnings of Clang that are left out, because of two that contradict each other one must be, or because
# they ask for what a header-only library for C++17 cannot give.
LEFT_OUT = {
    "c++98-compat": "C++17 is not C++98",
    "c++98-compat-pedantic": "the same",
    "padded": "the order of members is that of the documentation",
    "unsafe-buffer-usage": "warns of each pointer and each array",
    "weak-vtables": "a header-only library has no translation unit for a vtable",
    "switch-default": "contradicts covered-switch-default",
    "switch-enum": "warns of a switch over libcurl's hundred codes although it has a default",
    "disabled-macro-expansion": "curl_easy_setopt and others are macros of libcurl that name themselves",
    "shadow-uncaptured-local": "an init-capture keeps the name of what it copies: [platform = platform]",
    "deprecated-copy-with-user-provided-dtor": "aggregates that wipe themselves: a declared copy would end "
                                               "their being aggregates in C++20",
}


def matches(header, patterns):
    return any(fnmatch.fnmatch(header, pattern) for pattern in patterns)


class Checker:
    def __init__(self, options):
        self.root = pathlib.Path(options.source)
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.compiler = options.compiler
        self.compiler_id = options.compiler_id
        self.standard = int(options.standard)

    def headers(self, standard, exceptions):
        """All headers, by the path after personalize_events/, that serve in this mode."""
        folder = self.root / "include" / "personalize_events"
        found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.hpp")
                       if path.name != DEFINES)
        found = [header for header in found if not header.startswith(OTHER_SYSTEM)]
        if not found:
            sys.exit(f"no header below {folder}")
        if not exceptions or "-fno-exceptions" in self.compiler:
            found = [header for header in found if not matches(header, NEEDS_EXCEPTIONS)]
        if standard < 20:
            found = [header for header in found if not matches(header, NEEDS_CXX20)]
        return found

    def write_source(self, name, headers):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f'#include "personalize_events/{header}"\n' for header in headers)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return path

    def compile(self, source, output, standard=None, extra=()):
        """None, or what the compiler said."""
        mode = {23: "2b"}.get(standard or self.standard, standard or self.standard)
        command = [*self.compiler, f"-std=c++{mode}", *extra, "-c", str(source), "-o", str(output)]
        ran = subprocess.run(command, capture_output=True, text=True)
        return None if ran.returncode == 0 else " ".join(command) + "\n" + ran.stderr

    def headers_alone(self):
        headers = self.headers(self.standard, exceptions=True)

        def check(header):
            source = self.write_source(header + ".cpp", [header])
            output = source.with_suffix(".o")
            problem = self.compile(source, output)
            if problem is None:
                problem = strong_symbols(output)
            return f"{header}: {problem}" if problem else None

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = [problem for problem in pool.map(check, headers) if problem]
        return problems, f"{len(headers)} headers compile alone, without a strong symbol"

    def no_exceptions(self):
        headers = self.headers(self.standard, exceptions=False)
        source = self.write_source("no_exceptions.cpp", headers)
        problem = self.compile(source, source.with_suffix(".o"), extra=WITHOUT_EXCEPTIONS)
        return [problem] if problem else [], f"{len(headers)} headers compile with " + " ".join(WITHOUT_EXCEPTIONS)

    def two_modes(self):
        headers = self.headers(17, exceptions=False)
        self.write_source("all_headers.hpp", headers)
        source = pathlib.Path(__file__).with_name("two_modes.cpp")
        link_time = ["-flto", "-Wodr", "-Werror=odr"] if self.compiler_id == "GNU" else []
        include = ["-I", str(self.work)]
        units = [
            ("older.o", 17, ["-DOLDER_MODE", *link_time, *include]),
            ("newer.o", 23, [*WITHOUT_EXCEPTIONS, *link_time, *include]),
        ]

        def build(unit):
            name, standard, extra = unit
            return self.compile(source, self.work / name, standard, extra)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = [problem for problem in pool.map(build, units) if problem]
        if problems:
            return problems, ""
        program = self.work / "two_modes"
        link = [*self.compiler, *link_time, *(str(self.work / unit[0]) for unit in units), "-o",
                str(program), "-lcurl", "-lcrypto", "-lpthread"]
        for command in (link, [str(program)]):
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode != 0 or ran.stderr:
                return [" ".join(command) + "\n" + ran.stdout + ran.stderr], ""
        return [], ran.stdout.strip()

    def aggregates(self):
        source = pathlib.Path(__file__).with_name("aggregates.cpp")
        problem = self.compile(source, self.work / "aggregates.o", extra=["-Wmissing-field-initializers"])
        return [problem] if problem else [], "no aggregate warns of members that were left out"

    def macros(self):
        headers = self.headers(self.standard, exceptions=True)
        folder = self.root / "include" / "personalize_events"
        foreign = sorted({name for header in headers for name in
                          re.findall(r"^ *# *include *<([^>]+)>", (folder / header).read_text(), re.MULTILINE)})
        own = "".join(f'#include "personalize_events/{header}"\n' for header in headers)
        # The newest headers of libcrypto and what is only on other systems may be missing.
        before = "".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in foreign
                         if self.standard >= 20 or name != "coroutine")
        names = [line for line in pathlib.Path(__file__).with_name("macro_names.txt").read_text().splitlines()
                 if line and not line.startswith("#")]
        defines = "".join(f"#define {name.replace('()', '(...)')} )the macro {name.rstrip('()')}(\n" for name in names)
        undefines = "".join(f"#undef {name.rstrip('()')}\n" for name in names)
        as_windows = ("#define max(a, b) (((a) > (b)) ? (a) : (b))\n"
                      "#define min(a, b) (((a) < (b)) ? (a) : (b))\n")
        problems = []
        for name, text in (("after_macros.cpp", before + undefines + defines + own),
                           ("after_min_and_max.cpp", as_windows + own)):
            source = self.work / name
            source.write_text(text)
            problem = self.compile(source, source.with_suffix(".o"), extra=["-Wno-error", "-fsyntax-only"])
            problems += [problem] if problem else []
        return problems, f"{len(headers)} headers compile after {len(names)} macros of other libraries"

    def rapidjson_namespace(self):
        source = pathlib.Path(__file__).with_name("rapidjson_namespace.cpp")
        link_time = ["-flto", "-Wodr", "-Werror=odr"] if self.compiler_id == "GNU" else []
        objects = []
        for name, extra in (("ours.o", ["-DOURS"]), ("other.o", [])):
            objects.append(str(self.work / name))
            problem = self.compile(source, objects[-1], extra=[*link_time, *extra])
            if problem:
                return [problem], ""
        program = self.work / "rapidjson_namespace"
        link = [*self.compiler, *link_time, *objects, "-o", str(program), "-lcurl", "-lcrypto", "-lpthread"]
        for command in (link, [str(program)]):
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode != 0 or ran.stderr:
                return [f"{' '.join(command)}\nreturned {ran.returncode}\n{ran.stdout}{ran.stderr}"], ""
        return [], ran.stdout.strip()

    def everything(self):
        clang = "clang++-19"
        if shutil.which(clang) is None:
            print(f"skipped: there is no {clang}")
            sys.exit(77)
        # The include directories of this build, and not its compiler.
        folders, arguments = [], iter(self.compiler)
        for argument in arguments:
            if argument == "-isystem":
                folders += [argument, next(arguments)]
            elif argument.startswith("-I"):
                folders.append(argument)
        problems = []
        for standard in (17, 20):
            headers = [header for header in self.headers(standard, exceptions=True)
                       if header.startswith("testing/") or header in (
                           "personalize_events.hpp", "throwing.hpp", "coroutine.hpp")]
            source = self.write_source(f"everything_{standard}.cpp", headers)
            command = [clang, f"-std=c++{standard}", "-Weverything", "-Werror",
                       *(f"-Wno-{name}" for name in LEFT_OUT), *folders, "-fsyntax-only", str(source)]
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode != 0 or ran.stderr:
                problems.append(" ".join(command) + "\n" + ran.stderr)
        return problems, f"{clang} -Weverything without {len(LEFT_OUT)} warnings says nothing"

    def preprocessed(self, source, *flags):
        command = [*self.compiler, f"-std=c++{self.standard}", "-x", "c++", *flags, "-"]
        return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout

    def light_headers(self):
        problems, ratios = [], []
        prefix = "personalize_events/"
        for header in LIGHT_HEADERS:
            source = f'#include "{prefix}{header}"\n'
            own = {name for name in self.preprocessed(source, "-M").replace("\\\n", " ").split()
                   if f"/{prefix}" in name}
            standard = sorted({name for path in own for name in
                               re.findall(r"^#include (<[^>]+>)", pathlib.Path(path).read_text(), re.MULTILINE)})
            if "<tuple>" in standard:
                problems.append(f"{header} includes <tuple>")
            lines = [len(self.preprocessed(text, "-E").splitlines())
                     for text in (source, "".join(f"#include {name}\n" for name in standard))]
            ratios.append(lines[0] / lines[1])
            if ratios[-1] > LIGHT:
                problems.append(f"{header} has {lines[0]} preprocessed lines, its standard headers {lines[1]}")
        return problems, f"{len(ratios)} light headers have at most {max(ratios):.2f} times the standard lines"

    def compiled(self):
        link_time = ["-flto=auto", "-Wodr", "-Werror=odr"] if self.compiler_id == "GNU" else []
        folder = pathlib.Path(__file__).parent / "compiled"
        objects = []
        for name in ("source", "compiled", "inline"):
            objects.append(str(self.work / f"{name}.o"))
            problem = self.compile(folder / f"{name}.cpp", objects[-1], extra=link_time)
            if problem:
                return [problem], ""
        program = self.work / "compiled"
        for command in ([*self.compiler, *link_time, *objects, "-o", str(program), "-lcurl", "-lcrypto", "-lpthread"],
                        [str(program)]):
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode != 0 or ran.stderr:
                return [f"{' '.join(command)}\nreturned {ran.returncode}\n{ran.stdout}{ran.stderr}"], ""
        return [], ran.stdout.strip()

    def must_not_compile(self):
        sources = sorted(pathlib.Path(__file__).parent.glob("must_not_compile/*.cpp"))
        if not sources:
            sys.exit("no file in must_not_compile/")

        def check(source):
            output = self.work / (source.stem + ".o")
            problem = self.compile(source, output)
            if problem:
                return f"{source.name} must compile without MUST_NOT_COMPILE: {problem}"
            # The first error is enough, and comes before the costly end of the headers.
            if self.compile(source, output, extra=["-DMUST_NOT_COMPILE", "-Wfatal-errors"]) is None:
                return f"{source.name} compiles with MUST_NOT_COMPILE, and must not"
            return None

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = [problem for problem in pool.map(check, sources) if problem]
        return problems, f"{len(sources)} misuses do not compile"


def strong_symbols(output):
    """None, or the symbols that would clash when two translation units include the header."""
    listed = subprocess.run(["nm", "--extern-only", "--defined-only", "--demangle", str(output)],
                            capture_output=True, text=True, check=True).stdout
    strong = [line for line in listed.splitlines() if line.split()[1] in "TDBRGSC"]
    return "strong symbols (a missing inline?):\n" + "\n".join(strong) if strong else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("check", choices=["headers_alone", "no_exceptions", "two_modes", "aggregates",
                                          "macros", "rapidjson_namespace", "everything", "light_headers", "compiled",
                                          "must_not_compile"])
    parser.add_argument("--source", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--standard", required=True)
    parser.add_argument("--compiler-id", required=True)
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    problems, summary = getattr(Checker(options), options.check)()
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problems")
    print(summary)


if __name__ == "__main__":
    main()
