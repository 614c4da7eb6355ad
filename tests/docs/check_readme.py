# SPDX-License-Identifier: Apache-2.0
"""Tries every code block of README.md, so that none can grow stale.

    check_readme.py LANGUAGE --source ROOT --work FOLDER --prefix PREFIX --cmake CMAKE --generator GENERATOR -- COMPILER...

cpp    A block with `int main` is a program: it is compiled and linked. Any other block is a fragment:
       it compiles after an #include of the umbrella, inside a function or, failing that, at namespace
       scope. It may use `pe`, `client` (what make_client answered), `request`, `event`, `error` and
       `fail(error)`.
cmake  A block is configured as a consumer's CMakeLists.txt, against this tree: an installed copy for
       find_package, the tree itself for FetchContent and add_subdirectory. What the block leaves out
       (project(), the executable it links) is added.
sh     Every scripts/, examples/ or tests/ path that a block names exists, and a script is executable.

A block in no language, or in one that is neither of these nor plain text, is refused.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

LANGUAGES = {"cpp", "cmake", "sh"}
PLAIN = {"text", "console", "json", "csv", "ini"}
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused"]

FRAGMENT = """#include "personalize_events/personalize_events.hpp"
{includes}
namespace pe = personalize_events;
int fail(const pe::Error&);
int fail(const pe::Error&) {{ return 1; }}
{code}
"""
IN_FUNCTION = """int fragment(pe::Result<pe::Client>& client, pe::PutEventsRequest& request, pe::Event& event,
             pe::Error& error);
int fragment(pe::Result<pe::Client>& client, pe::PutEventsRequest& request, pe::Event& event,
             pe::Error& error) {{
  static_cast<void>(client), static_cast<void>(request), static_cast<void>(event), static_cast<void>(error);
  {{
{code}
  }}
  return 0;
}}
"""


def blocks_of(readme):
    """(line, language, text) of each fenced block."""
    found, start, language, lines = [], None, "", []
    for number, line in enumerate(readme.read_text().splitlines(), 1):
        fence = re.match(r"\s*```\s*(\S*)", line)
        if fence and start is None:
            start, language, lines = number, fence.group(1), []
        elif fence:
            found.append((start, language, "\n".join(lines) + "\n"))
            start = None
        elif start is not None:
            lines.append(line)
    if start is not None:
        sys.exit(f"README.md:{start}: the code block has no end")
    return found


def run(command, **options):
    """None, or the command and what it said."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    return None if ran.returncode == 0 else " ".join(map(str, command)) + "\n" + ran.stdout


class Checker:
    def __init__(self, options):
        self.root = pathlib.Path(options.source)
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.options = options

    def cpp(self, line, text):
        source = self.work / f"line_{line}.cpp"
        output = self.work / f"line_{line}.o"
        compile_it = [*self.options.compiler, "-std=c++17", *WARNINGS, "-I", str(self.root / "include"), "-c",
                      str(source), "-o", str(output)]
        if re.search(r"\bint main\(", text):
            source.write_text(text)
            link = [*self.options.compiler, str(output), "-o", str(self.work / f"line_{line}"), "-lcurl",
                    "-lcrypto", "-lpthread"]
            return run(compile_it) or run(link)
        includes = "\n".join(re.findall(r"^#include.*$", text, re.MULTILINE))
        code = re.sub(r"^(#include.*|namespace pe = personalize_events;)$", "", text, flags=re.MULTILINE)
        source.write_text(FRAGMENT.format(includes=includes, code=IN_FUNCTION.format(code=code)))
        problem = run(compile_it)
        if problem:
            source.write_text(FRAGMENT.format(includes=includes, code=code))
            problem = problem if run(compile_it) else None
        return problem

    def cmake(self, line, text):
        folder = self.work / f"line_{line}"
        folder.mkdir(exist_ok=True)
        (folder / "main.cpp").write_text("int main() {}\n")
        before = ""
        if "project(" not in text:
            before = "cmake_minimum_required(VERSION 3.16...3.31)\nproject(readme CXX)\n"
        for target in re.findall(r"target_link_libraries\(\s*(\w+)", text):
            if not re.search(rf"add_(executable|library)\(\s*{target}\b", text):
                before += f"add_executable({target} main.cpp)\n"
        for name in re.findall(r"add_(?:executable|library)\(\s*\w+\s+([\w./]+\.cpp)", text):
            (folder / name).write_text("int main() {}\n")
        for name in re.findall(r"add_subdirectory\(\s*([\w./-]+)", text):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.symlink_to(self.root, target_is_directory=True)
        (folder / "CMakeLists.txt").write_text(before + text)
        return run([self.options.cmake, "-S", folder, "-B", folder / "build", "-G", self.options.generator,
                    f"-DCMAKE_CXX_COMPILER={self.options.compiler[-1]}",
                    f"-DCMAKE_PREFIX_PATH={self.options.prefix}",
                    f"-DFETCHCONTENT_SOURCE_DIR_PERSONALIZE_EVENTS={self.root}",
                    "-DFETCHCONTENT_FULLY_DISCONNECTED=ON"])

    def sh(self, line, text):
        for name in re.findall(r"(?<![\w/.-])(?:\./)?((?:scripts|examples|tests)/[\w./-]+)", text):
            path = self.root / name
            if not path.exists():
                return f"there is no {name}"
            if name.startswith("scripts/") and not os.access(path, os.X_OK):
                return f"{name} is not executable"
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("language", choices=sorted(LANGUAGES))
    for name in ("--source", "--work", "--prefix", "--cmake", "--generator"):
        parser.add_argument(name, required=True)
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    checker = Checker(options)
    tried, problems = 0, []
    for line, language, text in blocks_of(checker.root / "README.md"):
        if language not in LANGUAGES | PLAIN:
            problems.append(f"README.md:{line}: a code block in {language or 'no language'}")
        elif language == options.language:
            tried += 1
            problem = getattr(checker, language)(line, text)
            if problem:
                problems.append(f"README.md:{line}: {problem}")
    if tried == 0:
        problems.append(f"README.md has no {options.language} block")
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problems")
    print(f"{tried} {options.language} blocks are good")


if __name__ == "__main__":
    main()
