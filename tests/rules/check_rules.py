# SPDX-License-Identifier: Apache-2.0
"""The project rules that a script can check.

    check_rules.py ROOT          checks the tree and names each breach by file and line
    check_rules.py --self-test   plants a breach of each rule and checks that it is found

The rules: a header includes only modules below its own; each third-party library has one module;
nothing in the library prints, throws, ends the process or reads a clock on its own; and the forms
that every file keeps.
"""
import pathlib
import re
import sys
import tempfile

# --- The tables ----------------------------------------------------------------------------------

# Modules of detail/. A module includes itself and modules of a lower level.
LEVELS = {"base": 0, "platform": 1, "json": 2, "retry": 2, "http": 3, "wire": 4, "config": 4, "signing": 4,
          "providers": 5, "client": 6, "recorder": 7, "testing": 8}
DETAIL = re.compile(r"detail/([a-z]+)/")
# The public headers that are light: values, interfaces, handles, options.
LIGHT = re.compile(r"(version|fwd|result|throwing|credentials|transport|options|platform|recorder_options|event_sink|"
                   r"client|async_client|event_recorder|compiled|model/[a-z_]+)\.hpp$")
# What light headers include of detail/: small values.
SMALL_VALUES = re.compile(r"detail/base/")
# The light header that makes something, and so needs more.
MAKES_IDS = "model/event_id.hpp"
# Headers that include libcurl or a header that does.
OVER_CURL = re.compile(r"(curl_[a-z_]*|make_[a-z_]+|compiled_source|personalize_events)\.hpp$")
CURL = re.compile(r"(detail/http/)?curl_[a-z_]*\.hpp$")
LOCAL_ENDPOINT = re.compile(r"testing/local_endpoint[a-z_]*\.hpp$")

# Headers whose includes are not a matter of levels: for each, what it may include.
SPECIAL = {
    "fwd.hpp": re.compile(r"version\.hpp$"),
    "throwing.hpp": re.compile(r"(version|result)\.hpp$"),
    "core.hpp": re.compile(r"(?!curl_|testing/|throwing|make_|coroutine)"),
    "personalize_events.hpp": re.compile(r"(?!testing/|throwing|coroutine)"),
}
CURL_INCLUDES = re.compile(r"(version|result|transport|options|detail/base/wipe|detail/http/[a-z_]+|"
                           r"detail/platform/[a-z_]+|curl_[a-z_]+)\.hpp$")
# Headers that no path of includes leads from to libcurl.
FREE_OF_CURL = ["core.hpp", "client.hpp", "async_client.hpp", "event_recorder.hpp"]

# The one module of each third-party library.
FOREIGN = [
    (re.compile(r"rapidjson/"), re.compile(r"detail/json/"), "RapidJSON lives in detail/json/"),
    (re.compile(r"openssl/"), re.compile(r"detail/signing/"), "libcrypto lives in detail/signing/"),
    (re.compile(r"curl/"), CURL, "libcurl lives in curl_*.hpp and detail/http/curl_*.hpp"),
    (re.compile(r"boost/"), LOCAL_ENDPOINT, "Boost lives in testing/local_endpoint*.hpp"),
]
# Headers of the standard library that touch nothing outside the program.
PURE = set("""
    algorithm any array atomic bitset charconv chrono climits cmath condition_variable cstddef cstdint
    cstdlib cstring deque exception functional future initializer_list iterator limits list locale map
    memory mutex new numeric optional queue random ratio set shared_mutex sstream stdexcept string
    string_view system_error tuple type_traits typeindex unordered_map unordered_set utility variant vector
""".split())
COROUTINE = "coroutine.hpp"

# (rule, pattern, where it is allowed, why). Matched after comments and literals are gone.
WORDS = [
    ("print", r"\b(std::)?(cout|cerr|clog)\b|\b\w*printf\s*\(|\bf?puts\s*\(|\bputchar\s*\(", None,
     "the library never prints"),
    ("end of process", r"\b(abort|exit|_exit|_Exit|quick_exit|terminate)\s*\(",
     r"detail/platform/", "the library never ends the process"),
    ("environment", r"\b(secure_)?getenv\b|\benviron\b", r"detail/platform/",
     "the environment is read by detail/platform/"),
    ("clock", r"_clock::now\b|\bgettimeofday\b|\bclock_gettime\b",
     r"detail/platform/|model/|detail/wire/write\.hpp$|curl_|worker_|detail/http/(curl_|inline_)|"
     r"testing/local_endpoint",
     "what decides is given the time; detail/platform/, the stamps of events and the transports read it"),
    ("sleep", r"\bthis_thread\b", r"detail/platform/", "threads wait through detail/platform/"),
    ("using namespace", r"\busing\s+namespace\b", None, "a header opens no namespace for its includer"),
    ("exception", r"\b(throw|try|catch)\b", r"throwing\.hpp$|testing/local_endpoint[a-z_]*\.hpp$",
     "the library works with -fno-exceptions"),
    ("RTTI", r"\b(dynamic_cast|typeid)\b", None, "the library works with -fno-rtti"),
    ("internal linkage", r"^(static\b|namespace\s*\{)|\bnamespace\s*\{", None,
     "inline functions must mean the same in each translation unit"),
    ("namespace", r"\bnamespace\s+personalize_events\b", r"version\.hpp$",
     "PERSONALIZE_EVENTS_NAMESPACE_BEGIN opens it, with the version in it"),
    ("language version", r"\b__cplusplus\b|\b_MSVC_LANG\b|\b__cpp_\w+", r"coroutine\.hpp$",
     "no language version changes a declaration"),
    ("RapidJSON flags", r"\bk(Write|Parse)ValidateEncodingFlag\b", None,
     "RapidJSON 1.1.0 reads out of bounds with them; detail/base/utf8.hpp checks"),
]
# Headers that may use the preprocessor: leaves of the modules of third-party libraries.
CONDITIONAL = re.compile(r"detail/(platform|json|signing)/|(detail/http/)?curl_|coroutine\.hpp$|testing/local_endpoint")

# Headers that only forward to others, or that the test of their public header tests. tests/compile/compiled
# is a program of the two of compiled functions.
WITHOUT_TEST = {"personalize_events.hpp", "core.hpp", "compiled.hpp", "compiled_source.hpp",
                "detail/client/client_state.hpp", "detail/recorder/make_recorder.hpp"}
# One system's side of a header of detail/platform/, which alone includes it. tests/portability compiles
# that of Windows.
SIDE = re.compile(r"detail/platform/(posix|windows)/")
# The one header with macros of another's, which tell Windows.h what to leave out.
WINDOWS_API = "detail/platform/windows/api.hpp"

# Names that are macros of other libraries; those with () only before a parenthesis.
MACRO_NAMES = [line for line in (pathlib.Path(__file__).parent.parent / "compile" / "macro_names.txt").read_text(
    encoding="utf-8").splitlines() if line and not line.startswith("#")]
# RapidJSON names this member; the header sets aside the macro.
RAPIDJSON_HANDLER = re.compile(r"detail/json/(reader|writer)\.hpp: .*\bBool\(")


# --- Reading -------------------------------------------------------------------------------------

LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.DOTALL)


def keep_lines(text):
    return "\n" * text.count("\n")


def without_comments(text):
    def replacement(match):
        found = match.group()
        return keep_lines(found) if found.startswith(("//", "/*")) else found
    return LITERAL_OR_COMMENT.sub(replacement, text)


def without_comments_and_literals(text):
    def replacement(match):
        found = match.group()
        return keep_lines(found) if found.startswith(("//", "/*")) else '""' + keep_lines(found)
    return LITERAL_OR_COMMENT.sub(replacement, text)


class Header:
    """One header of the library, by its path after include/personalize_events/."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.code = without_comments(text)
        # An #include's name must stay readable, all other literals must not.
        self.words = without_comments_and_literals(text)
        self.own, self.foreign = [], []
        for number, line in enumerate(self.code.splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not include:
                continue
            quote, name = include.groups()
            if quote == '"':
                self.own.append((number, name))
            else:
                self.foreign.append((number, name))

    @property
    def module(self):
        """The module of detail/ that it belongs to; None for a public header."""
        module = DETAIL.match(self.path)
        return module.group(1) if module else None


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        include = self.root / "include" / "personalize_events"
        self.headers = {}
        for path in sorted(include.rglob("*.hpp")):
            name = path.relative_to(include).as_posix()
            self.headers[name] = Header(name, path.read_text(encoding="utf-8", errors="replace"))
        self.sources = sorted(
            path for folder in ("include", "tests", "examples", "tools") if (self.root / folder).is_dir()
            for path in (self.root / folder).rglob("*") if path.suffix in (".hpp", ".cpp"))


# --- The rules: each yields (place, sentence) ----------------------------------------------------


def own_includes(header):
    """The library's headers that this one includes, by their path after personalize_events/."""
    prefix = "personalize_events/"
    return [(line, name[len(prefix):]) for line, name in header.own if name.startswith(prefix)]


def rule_layers(tree):
    """Modules include what is below them; light public headers include light ones and small values."""
    for header in tree.headers.values():
        if header.path.startswith("detail/") and header.module not in LEVELS:
            yield header.path, "it belongs to no module of detail/ that has a level"
            continue
        for line, name in own_includes(header):
            place = f"{header.path}:{line}"
            included = tree.headers.get(name)
            if included is None:
                yield place, f"there is no {name}"
            elif header.path in SPECIAL:
                if not SPECIAL[header.path].match(name):
                    yield place, f"does not include {name}"
            elif name in SPECIAL:
                yield place, f"{name} is for users, not for the library itself"
            elif CURL.match(header.path):
                if not CURL_INCLUDES.match(name):
                    yield place, f"the libcurl transports include http, platform and light headers, not {name}"
            elif header.module:
                if included.module and included.module != header.module and \
                        LEVELS[included.module] >= LEVELS[header.module]:
                    yield place, f"{header.module} is not above {included.module}"
            elif LIGHT.match(header.path) and header.path != MAKES_IDS:
                if not (LIGHT.match(name) or SMALL_VALUES.match(name)):
                    yield place, f"a light header includes light headers and detail/base/, not {name}"


def rule_border(tree):
    """Examples and the README use public headers only."""
    for path in [tree.root / "README.md", *sorted((tree.root / "examples").rglob("*"))]:
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if "personalize_events/detail/" in line or re.search(r"\b(pe|personalize_events)::detail\b", line):
                yield f"{path.relative_to(tree.root).as_posix()}:{number}", "detail/ is not API"


def rule_sides(tree):
    """A side of detail/platform/ is seen by its own side and by the header that chooses between the two."""
    for header in tree.headers.values():
        for line, name in own_includes(header):
            side = SIDE.match(name)
            if side and not header.path.startswith(side.group()) and header.path != SIDE.sub("detail/platform/", name):
                yield f"{header.path}:{line}", f"{name} is seen through {SIDE.sub('detail/platform/', name)} only"


def rule_curl_users(tree):
    for header in tree.headers.values():
        if CURL.match(header.path) or OVER_CURL.match(header.path):
            continue
        for line, name in own_includes(header):
            if CURL.match(name):
                yield f"{header.path}:{line}", "libcurl is seen by the factories and the umbrella only"


def rule_free_of_curl(tree):
    for start in FREE_OF_CURL:
        came_from, waiting = {start: None}, [start]
        while waiting:
            path = waiting.pop()
            for _, name in own_includes(tree.headers[path]) if path in tree.headers else []:
                if name not in came_from:
                    came_from[name] = path
                    waiting.append(name)
        for path in filter(CURL.match, came_from):
            way = [path]
            while came_from[way[-1]]:
                way.append(came_from[way[-1]])
            yield start, "sees libcurl: " + " <- ".join(way)


def rule_cycles(tree):
    done, on_way = set(), []

    def visit(path):
        if path in on_way:
            return [on_way[on_way.index(path):] + [path]]
        if path in done or path not in tree.headers:
            return []
        done.add(path)
        on_way.append(path)
        found = [cycle for _, name in own_includes(tree.headers[path]) for cycle in visit(name)]
        on_way.pop()
        return found

    for path in tree.headers:
        for cycle in visit(path):
            yield cycle[0], "includes itself: " + " -> ".join(cycle)


def rule_third_party(tree):
    for header in tree.headers.values():
        for line, name in header.foreign:
            place = f"{header.path}:{line}"
            modules = [(module, why) for library, module, why in FOREIGN if library.match(name)]
            if modules:
                module, why = modules[0]
                if not module.match(header.path):
                    yield place, f"<{name}>: {why}"
            elif header.path.startswith("detail/platform/") or name in PURE:
                continue
            elif not (name == "coroutine" and header.path == COROUTINE):
                yield place, f"<{name}>: what reaches outside the program lives in detail/platform/"


def rule_include_form(tree):
    for header in tree.headers.values():
        for line, name in header.own:
            if not name.startswith("personalize_events/"):
                yield f"{header.path}:{line}", f'"{name}": quotes are for "personalize_events/..."'
        for line, name in header.foreign:
            if name.startswith("personalize_events/"):
                yield f"{header.path}:{line}", f"<{name}>: our own headers stand in quotes"


def word_rule(pattern, allowed, why):
    def rule(tree):
        for header in tree.headers.values():
            if allowed and re.match(allowed, header.path):
                continue
            for number, line in enumerate(header.words.splitlines(), 1):
                if re.search(pattern, line) and not is_the_one_abort(header, line):
                    yield f"{header.path}:{number}", why
    return rule


def is_the_one_abort(header, line):
    """Reading the value of an error ends the program: the one place, in result.hpp."""
    return (header.path == "result.hpp" and "std::abort()" in line and
            header.words.count("std::abort()") == 1)


def rule_extern_c(tree):
    for header in tree.headers.values():
        for number, line in enumerate(header.code.splitlines(), 1):
            if re.search(r'\bextern\s+"C"', line):
                yield f"{header.path}:{number}", 'extern "C" escapes the versioned namespace'


def rule_rapidjson_document(tree):
    for header in tree.headers.values():
        for line, name in header.foreign:
            if name == "rapidjson/document.h":
                yield f"{header.path}:{line}", "document.h of RapidJSON 1.1.0 does not compile on new compilers"


def rule_macros(tree):
    for header in tree.headers.values():
        for number, line in enumerate(header.code.splitlines(), 1):
            define = re.match(r"\s*#\s*(?:define|undef)\s+(\w+)", line)
            if (define and not define.group(1).startswith("PERSONALIZE_EVENTS_") and header.path != WINDOWS_API and
                    not (header.path.startswith("detail/json/") and line == "#undef Bool")):
                yield f"{header.path}:{number}", f"{define.group(1)}: our macros begin with PERSONALIZE_EVENTS_"


def rule_macro_names(tree):
    """No identifier of ours is a macro of windows.h, Xlib.h or Unreal Engine."""
    for header in tree.headers.values():
        # What one system's side asks of Windows is there as a macro.
        if header.path.startswith("detail/platform/windows/"):
            names = {name for name in MACRO_NAMES if name.endswith("()")}
        else:
            names = set(MACRO_NAMES)
        for number, line in enumerate(header.words.splitlines(), 1):
            if re.match(r"\s*#", line) or RAPIDJSON_HANDLER.match(header.path + ": " + line.strip()):
                continue
            for word, parenthesis in re.findall(r"\b([A-Za-z_]\w*)\b(\s*\()?", line):
                if word in names or (parenthesis and word + "()" in names):
                    yield (f"{header.path}:{number}",
                           f"{word} is a macro elsewhere (tests/compile/macro_names.txt): choose another name, "
                           "or write (std::min)(a, b)")


def rule_conditionals(tree):
    for header in tree.headers.values():
        if CONDITIONAL.match(header.path):
            continue
        asked = [(number, line) for number, line in enumerate(header.code.splitlines(), 1)
                 if re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b", line)]
        for number, _ in asked[1:]:  # the first is the include guard
            yield f"{header.path}:{number}", "only leaf headers of a third-party library's module use the preprocessor"


def rule_guard(tree):
    for header in tree.headers.values():
        stem = re.sub(r"[^A-Za-z0-9]", "_", header.path).upper()
        guard = f"PERSONALIZE_EVENTS_{stem}"
        if f"#ifndef {guard}\n#define {guard}\n" not in header.text:
            yield header.path, f"the include guard is {guard}"


def rule_opening(tree):
    for path in tree.sources:
        name = path.relative_to(tree.root).as_posix()
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if not lines or lines[0] != "// SPDX-License-Identifier: Apache-2.0":
            yield name, "the first line is // SPDX-License-Identifier: Apache-2.0"
        elif name.startswith("include/") and (len(lines) < 3 or not lines[2].startswith("// ")):
            yield name, "a header opens with a paragraph: what it is and who uses it"


def rule_ascii(tree):
    for path in tree.sources:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if any(byte > 126 or byte < 32 for byte in line):
                yield f"{path.relative_to(tree.root).as_posix()}:{number}", "sources are ASCII without tabs"


def rule_namespace_macros(tree):
    for header in tree.headers.values():
        declares = re.search(r"^(struct|class|enum|template|inline|using|constexpr|\[\[)", header.words, re.MULTILINE)
        if declares and not ("\nPERSONALIZE_EVENTS_NAMESPACE_BEGIN\n" in header.text and
                             "\nPERSONALIZE_EVENTS_NAMESPACE_END\n" in header.text):
            yield header.path, "declares outside of PERSONALIZE_EVENTS_NAMESPACE_BEGIN and _END"


def rule_tests(tree):
    tests = tree.root / "tests"
    for header in tree.headers.values():
        if header.path in WITHOUT_TEST or header.path.startswith("detail/platform/windows/"):
            continue
        name = header.path[:-len(".hpp")] + "_test.cpp"
        places = [tests / "unit" / name, tests / "unit" / SIDE.sub("detail/platform/", name),
                  tests / "integration" / pathlib.PurePosixPath(name).name]
        if not any(place.is_file() for place in places):
            yield header.path, f"has no test tests/unit/{name}"


def rule_test_words(tree):
    for path in tree.sources:
        name = path.relative_to(tree.root).as_posix()
        if not name.startswith("tests/"):
            continue
        words = without_comments_and_literals(path.read_text(encoding="utf-8", errors="replace"))
        for number, line in enumerate(words.splitlines(), 1):
            if re.search(r"\bthis_thread::sleep_|\busleep\s*\(", line):
                yield f"{name}:{number}", "a test waits on a condition, never on a clock"


RULES = {name[len("rule_"):]: rule for name, rule in list(globals().items()) if name.startswith("rule_")}
RULES.update({name: word_rule(pattern, allowed, why) for name, pattern, allowed, why in WORDS})


def breaches(root):
    tree = Tree(root)
    if not tree.headers:
        return [("layers", str(root), "there is no header below include/personalize_events")]
    return [(name, place, sentence) for name, rule in RULES.items() for place, sentence in rule(tree)]


# --- The proof that each rule can fail ------------------------------------------------------------


def header_text(path, *lines):
    guard = "PERSONALIZE_EVENTS_" + re.sub(r"[^A-Za-z0-9]", "_", path).upper()
    return "\n".join(["// SPDX-License-Identifier: Apache-2.0", "//", "// What this is.",
                      f"#ifndef {guard}", f"#define {guard}", *lines, "#endif", ""])


def include(*names):
    return [f'#include "personalize_events/{name}"' for name in names]


def good_tree():
    headers = {
        "version.hpp": [],
        "result.hpp": [*include("version.hpp"), "#include <cstdlib>", "PERSONALIZE_EVENTS_NAMESPACE_BEGIN",
                       "inline void stop() { std::abort(); }  // abort() is the one",
                       "PERSONALIZE_EVENTS_NAMESPACE_END"],
        "detail/base/hex.hpp": include("version.hpp"),
        "platform.hpp": include("result.hpp"),
        "detail/platform/files.hpp": ["#include <unistd.h>", *include("platform.hpp"), "#ifdef _WIN32", "#endif"],
        "detail/platform/thread.hpp": ["#if defined(_WIN32)", *include("detail/platform/windows/thread.hpp"), "#else",
                                       *include("detail/platform/posix/thread.hpp"), "#endif"],
        "detail/platform/posix/thread.hpp": ["#include <pthread.h>", *include("result.hpp")],
        "detail/platform/windows/thread.hpp": include("detail/platform/windows/api.hpp"),
        "detail/platform/windows/api.hpp": ["#define NOMINMAX", "#include <windows.h>"],
        "detail/json/writer.hpp": ["#include <rapidjson/writer.h>", *include("detail/base/hex.hpp")],
        "detail/retry/backoff.hpp": include("result.hpp"),
        "detail/base/shape.hpp": include("version.hpp"),
        "model/put_events.hpp": include("detail/base/shape.hpp"),
        "transport.hpp": include("result.hpp"),
        "curl_transport.hpp": ["#include <curl/curl.h>", *include("transport.hpp")],
        "detail/wire/write.hpp": include("model/put_events.hpp", "detail/json/writer.hpp"),
        "detail/signing/crypto.hpp": ["#include <openssl/evp.h>", *include("result.hpp")],
        "detail/providers/cached.hpp": include("detail/signing/crypto.hpp", "detail/wire/write.hpp"),
        "detail/config/settings.hpp": include("transport.hpp"),
        "client.hpp": include("transport.hpp"),
        "detail/client/client_state.hpp": include("client.hpp", "detail/providers/cached.hpp",
                                                  "detail/config/settings.hpp"),
        "make_client.hpp": include("detail/client/client_state.hpp", "curl_transport.hpp"),
        "testing/fake.hpp": include("client.hpp"),
        "testing/local_endpoint.hpp": ["#include <boost/beast.hpp>", *include("testing/fake.hpp")],
        "throwing.hpp": [*include("result.hpp"), "PERSONALIZE_EVENTS_NAMESPACE_BEGIN",
                         "inline void raise() { throw 1; }", "PERSONALIZE_EVENTS_NAMESPACE_END"],
        "fwd.hpp": include("version.hpp"),
        "core.hpp": include("detail/client/client_state.hpp"),
        "personalize_events.hpp": include("core.hpp", "make_client.hpp"),
    }
    files = {f"include/personalize_events/{path}": header_text(path, *lines) for path, lines in headers.items()}
    for path in headers:
        files[f"tests/unit/{path[:-len('.hpp')]}_test.cpp"] = "// SPDX-License-Identifier: Apache-2.0\n"
    return files


def adding(path, *lines):
    """The good tree with these lines more in one header."""
    files = good_tree()
    name = f"include/personalize_events/{path}"
    files[name] = files[name].replace("\n#endif\n", "\n" + "\n".join(lines) + "\n#endif\n") if lines else files[name]
    return files


def replacing(name, old, new):
    files = good_tree()
    assert old in files[name], (name, old)
    files[name] = files[name].replace(old, new)
    return files


def without(name):
    files = good_tree()
    del files[name]
    return files


def seeded_breaches():
    shape = "include/personalize_events/detail/base/shape.hpp"
    yield "layers", adding("detail/retry/backoff.hpp", *include("detail/wire/write.hpp"))
    yield "layers", adding("transport.hpp", *include("detail/json/writer.hpp"))
    yield "layers", adding("model/put_events.hpp", *include("make_client.hpp"))
    yield "border", {**good_tree(), "README.md": '#include "personalize_events/detail/base/hex.hpp"\n'}
    yield "border", {**good_tree(), "examples/one.cpp":
                     "// SPDX-License-Identifier: Apache-2.0\nint x = pe::detail::one();\n"}
    yield "layers", adding("detail/retry/backoff.hpp", *include("detail/json/writer.hpp"))
    yield "layers", adding("detail/signing/crypto.hpp", *include("detail/providers/cached.hpp"))
    yield "layers", adding("detail/signing/crypto.hpp", *include("detail/wire/write.hpp"))
    yield "layers", adding("detail/config/settings.hpp", *include("detail/signing/crypto.hpp"))
    yield "layers", adding("curl_transport.hpp", *include("detail/base/hex.hpp"))
    yield "layers", adding("core.hpp", *include("make_client.hpp"))
    yield "layers", adding("throwing.hpp", *include("client.hpp"))
    yield "layers", adding("client.hpp", *include("throwing.hpp"))
    yield "layers", adding("client.hpp", *include("absent.hpp"))
    yield "layers", {**good_tree(),
                     "include/personalize_events/detail/cellar/box.hpp": header_text("detail/cellar/box.hpp")}
    yield "sides", adding("client.hpp", *include("detail/platform/posix/thread.hpp"))
    yield "sides", adding("detail/platform/posix/thread.hpp", *include("detail/platform/windows/api.hpp"))
    yield "sides", adding("detail/platform/files.hpp", *include("detail/platform/posix/thread.hpp"))
    yield "curl_users", adding("client.hpp", *include("curl_transport.hpp"))
    yield "free_of_curl", adding("detail/config/settings.hpp", *include("curl_transport.hpp"))
    yield "cycles", adding("detail/base/hex.hpp", *include("detail/base/hex.hpp"))
    yield "third_party", adding("detail/base/shape.hpp", "#include <rapidjson/writer.h>")
    yield "third_party", adding("client.hpp", "#include <openssl/evp.h>")
    yield "third_party", adding("transport.hpp", "#include <curl/curl.h>")
    yield "third_party", adding("testing/fake.hpp", "#include <boost/asio.hpp>")
    for name in ("thread", "fstream", "filesystem", "unistd.h", "sys/stat.h", "fcntl.h", "windows.h", "iostream"):
        yield "third_party", adding("client.hpp", f"#include <{name}>")
    yield "include_form", adding("client.hpp", '#include "client.hpp"')
    yield "include_form", adding("client.hpp", "#include <personalize_events/result.hpp>")
    for rule, *lines in (
            ("print", "  std::cout << 1;", "  std::printf(1);", "  puts(text);"),
            ("end of process", "  std::exit(1);", "  std::abort();", "  std::terminate();"),
            ("environment", "  std::getenv(name);"),
            ("clock", "  auto now = std::chrono::system_clock::now();"),
            ("sleep", "  std::this_thread::yield();"),
            ("using namespace", "using namespace std;"),
            ("exception", "  throw 1;", "  try {", "  } catch (...) {"),
            ("RTTI", "  dynamic_cast<int*>(p);", "  typeid(int);"),
            ("internal linkage", "static int one() { return 1; }", "namespace {"),
            ("namespace", "namespace personalize_events {"),
            ("language version", "#if __cplusplus > 201703L"),
            ("RapidJSON flags", "  writer<kWriteValidateEncodingFlag>();")):
        for line in lines:
            yield rule, adding("detail/retry/backoff.hpp", line)
    yield "end of process", adding("result.hpp", "  std::abort();")
    yield "extern_c", adding("curl_transport.hpp", 'extern "C" int callback();')
    yield "rapidjson_document", adding("detail/json/writer.hpp", "#include <rapidjson/document.h>")
    yield "macros", adding("detail/json/writer.hpp", "#define RAPIDJSON_HAS_STDSTRING 1")
    for line in ("  auto least = std::min(one, two);", "  auto most = std::numeric_limits<int>::max ();",
                 "enum class State { None };", "inline void check() {}", "  int Status = 0;"):
        yield "macro_names", adding("detail/retry/backoff.hpp", line)
    yield "macro_names", adding("detail/platform/windows/thread.hpp", "  auto least = std::min(one, two);")
    yield "conditionals", adding("detail/base/shape.hpp", "#ifdef _WIN32", "#endif // _WIN32")
    yield "guard", replacing(shape, "_DETAIL_BASE_SHAPE_HPP", "_SHAPE_HPP")
    yield "opening", replacing(shape, "// SPDX", "// No SPDX")
    yield "opening", replacing(shape, "// What this is.", "")
    yield "opening", replacing("tests/unit/detail/base/shape_test.cpp", "// SPDX", "// No SPDX")
    yield "ascii", replacing(shape, "What", "Wh\u00e4t")
    yield "ascii", replacing(shape, "What", "\tWhat")
    yield "namespace_macros", adding("detail/base/shape.hpp", "struct Shape {};")
    yield "tests", without("tests/unit/detail/base/shape_test.cpp")
    yield "test_words", {**good_tree(), "tests/unit/detail/base/shape_test.cpp":
                         "// SPDX-License-Identifier: Apache-2.0\nstd::this_thread::sleep_for(1s);\n"}


def found_in(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return breaches(root)


def self_test():
    wrong = [f"the good tree breaks {breach}" for breach in found_in(good_tree())]
    seeds = list(seeded_breaches())
    for rule, files in seeds:
        if rule not in {name for name, _, _ in found_in(files)}:
            changed = {name: text for name, text in files.items() if good_tree().get(name) != text}
            wrong.append(f"{rule} did not find its breach in {changed}")
    wrong += [f"no breach of {rule} is seeded" for rule in set(RULES) - {rule for rule, _ in seeds}]
    for sentence in wrong:
        print(sentence)
    print(f"{len(seeds)} seeded breaches of {len(RULES)} rules, {len(wrong)} surprises")
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = breaches(sys.argv[1])
    for rule, place, sentence in found:
        print(f"{place}: {sentence} [{rule}]")
    print(f"{len(RULES)} rules, {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
