# SPDX-License-Identifier: Apache-2.0
"""Tries every code block of README.md and of docs/pages, so that none can grow stale.

    check_blocks.py WHAT --source ROOT --work FOLDER --prefix PREFIX --cmake CMAKE --generator GENERATOR -- COMPILER...

cpp     A block with `int main` is a program: it is compiled and linked. Any other block is a fragment.
        All fragments are one translation unit, because the umbrella is costly: each stands in a
        namespace of its own, within a function, or as it is when it defines functions or classes. It
        may use `pe`, `client` (what make_client answered), `request`, `event`, `error` and
        `fail(error)`.
cmake   A block is configured as a consumer's CMakeLists.txt, against this tree: an installed copy for
        find_package, the tree itself for FetchContent and add_subdirectory. What the block leaves out
        (project(), the executable it links) is added.
sh      Every scripts/, examples/ or tests/ path that a block names exists, and a script is executable.
python  A block has no syntax error.
links   Every link to a page leads to one, and the front page leads to every page: to those of
        decisions by way of design.md.

A block in no language, or in one that is neither of these nor plain text, is refused. A block of another
SDK stands right below a line `<!-- foreign: NAME -->` and is left alone.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

LANGUAGES = {"cpp", "cmake", "sh", "python"}
PLAIN = {"text", "console", "json", "csv", "ini"}
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused"]

FOREIGN = re.compile(r"<!-- foreign: [\w-]+ -->")
DEFINITION = re.compile(r"^(class|struct|template|enum|[\w:<>&*]+( [\w:<>&*]+)* \w+\([^;=]*\)( const)? \{)", re.MULTILINE)

FRAGMENTS = """#include "personalize_events/personalize_events.hpp"
{includes}
namespace pe = personalize_events;
int fail(const pe::Error&);
int fail(const pe::Error&) {{ return 1; }}
"""
PARAMETERS = "pe::Result<pe::Client>& client, pe::PutEventsRequest& request, pe::Event& event, pe::Error& error"
IN_FUNCTION = """int fragment({parameters});
int fragment({parameters}) {{
  static_cast<void>(client), static_cast<void>(request), static_cast<void>(event), static_cast<void>(error);
  {{
{code}
  }}
  return 0;
}}
"""


def blocks_of(page, name):
    """(line, language, text) of each fenced block that is not foreign."""
    found, start, language, lines, before = [], None, "", [], ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = re.match(r"\s*```\s*(\S*)", line)
        if fence and start is None:
            start, language, lines, foreign = number, fence.group(1), [], FOREIGN.fullmatch(before)
        elif fence:
            if not foreign:
                found.append((start, language, "\n".join(lines) + "\n"))
            start = None
        elif start is not None:
            lines.append(line)
        before = line
    if start is not None:
        sys.exit(f"{name}:{start}: the code block has no end")
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
        self.fragments = []

    def name_of(self, page, line):
        return f"{page.stem}_{line}"

    def compile(self, name, text):
        source, output = self.work / f"{name}.cpp", self.work / f"{name}.o"
        source.write_text(text)
        return run([*self.options.compiler, "-std=c++17", *WARNINGS, "-I", str(self.root / "include"), "-c",
                    str(source), "-o", str(output)])

    def cpp(self, page, line, text):
        if not re.search(r"\bint main\(", text):
            self.fragments.append((page, line, text))
            return None
        name = self.name_of(page, line)
        return self.compile(name, text) or run([*self.options.compiler, str(self.work / f"{name}.o"), "-o",
                                                str(self.work / name), "-lcurl", "-lcrypto", "-lpthread"])

    def compile_fragments(self):
        """What is wrong with any of the fragments; a compiler names each by its page and line."""
        includes, parts = [], []
        for page, line, text in self.fragments:
            includes += re.findall(r"^#include.*$", text, re.MULTILINE)
            code = re.sub(r"^(#include.*|namespace pe = personalize_events;)$", "", text, flags=re.MULTILINE)
            code = f'#line {line + 1} "{page.relative_to(self.root)}"\n{code}'
            if not DEFINITION.search(code):
                code = IN_FUNCTION.format(parameters=PARAMETERS, code=code)
            parts.append(f"namespace {self.name_of(page, line)} {{\n{code}\n}}\n")
        text = FRAGMENTS.format(includes="\n".join(sorted(set(includes)))) + "".join(parts)
        return self.compile("fragments", text) if self.fragments else None

    def cmake(self, page, line, text):
        folder = self.work / self.name_of(page, line)
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

    def sh(self, _page, _line, text):
        for name in re.findall(r"(?<![\w/.-])(?:\./)?((?:scripts|examples|tests)/[\w./-]+)", text):
            path = self.root / name
            if not path.exists():
                return f"there is no {name}"
            if name.startswith("scripts/") and not os.access(path, os.X_OK):
                return f"{name} is not executable"
        return None

    def python(self, page, line, text):
        try:
            compile(text, f"{page.name}:{line}", "exec")
        except SyntaxError as error:
            return str(error)
        return None

    def links(self, pages):
        """(number of links, what is wrong with them)."""
        targets = {page: set(re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text())) for page in pages}
        subpages = {page: set(re.findall(r"\\subpage (\w+)", page.read_text())) for page in pages}
        problems = [f"{page.name}: a link to {target}, which is not there"
                    for page in pages for target in sorted(targets[page]) if not (page.parent / target).exists()]
        folder = self.root / "docs" / "pages"
        front, design = folder / "index.md", folder / "design.md"
        problems += [f"index.md: no link to {name}" for name in ("promises.md", "migration.md")
                     if name not in targets[front]]
        reached = subpages[front] | subpages[design] | {"index"}
        problems += [f"{page.name}: no page leads to it" for page in pages
                     if page.parent == folder and page.stem not in reached]
        return sum(map(len, targets.values())), problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=sorted(LANGUAGES | {"links"}))
    for name in ("--source", "--work", "--prefix", "--cmake", "--generator"):
        parser.add_argument(name, required=True)
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    checker = Checker(options)
    pages = [checker.root / "README.md", *sorted((checker.root / "docs" / "pages").glob("*.md"))]
    tried, problems = 0, []
    if options.what == "links":
        tried, problems = checker.links(pages)
    for page in pages:
        name = page.relative_to(checker.root)
        for line, language, text in blocks_of(page, name):
            if language not in LANGUAGES | PLAIN:
                problems.append(f"{name}:{line}: a code block in {language or 'no language'}")
            elif language == options.what:
                tried += 1
                problem = getattr(checker, language)(page, line, text)
                if problem:
                    problems.append(f"{name}:{line}: {problem}")
    problem = checker.compile_fragments()
    if problem:
        problems.append(problem)
    if tried == 0:
        problems.append(f"there is nothing of {options.what} to try")
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problems")
    print(f"{options.what}: {tried} are good")


if __name__ == "__main__":
    main()
