# SPDX-License-Identifier: Apache-2.0
"""The house rules that a script can check.

    check_rules.py ROOT          checks the tree and names each breach by file and line
    check_rules.py --self-test   plants a breach of each rule and checks that it is found

The rules: a header includes only rooms that stand left of its own; each foreign thing has one room;
nothing in the library prints, throws, ends the process or reads a clock on its own; and the forms
that every file keeps.
"""
import pathlib
import re
import sys
import tempfile

# --- The tables ----------------------------------------------------------------------------------

# A header includes its own room and rooms of a lower level.
LEVELS = {
    "version": 0, "detail": 1, "result": 1, "platform": 2, "json": 3, "retry": 3, "model": 4,
    "http": 4, "wire": 5, "auth": 5, "config": 5, "auth sources": 6, "client": 7, "recorder": 8,
    "testing": 9,
}
# What credentials come from stands above what signs with them.
AUTH_SOURCES = re.compile(r"auth/(cached|chain|default_chain|providers/.*)\.hpp$")
CURL = re.compile(r"http/curl_[a-z_]*\.hpp$")
LOCAL_ENDPOINT = re.compile(r"testing/local_endpoint[a-z_]*\.hpp$")

# Headers whose includes are not a matter of levels: for each, what it may include.
SPECIAL = {
    "fwd.hpp": re.compile(r"version\.hpp$"),
    "throwing.hpp": re.compile(r"(version|result)\.hpp$"),
    "core.hpp": re.compile(r"(?!http/curl_|testing/|throwing|client/make_client|recorder/make_recorder)"),
    "personalize_events.hpp": re.compile(r"(?!testing/|throwing)"),
}
CURL_INCLUDES = re.compile(r"(version|result|detail/wipe|http/[a-z_]+|platform/[a-z_]+)\.hpp$")
# Who includes the libcurl transports, besides themselves.
CURL_USERS = re.compile(r"(client/make_client|recorder/make_recorder|personalize_events)\.hpp$")
# Headers that no path of includes leads from to libcurl.
FREE_OF_CURL = ["core.hpp", "client/client.hpp", "client/async_client.hpp", "recorder/event_recorder.hpp"]

# The one room of each foreign thing.
FOREIGN = [
    (re.compile(r"rapidjson/"), re.compile(r"json/"), "RapidJSON lives in json/"),
    (re.compile(r"openssl/"), re.compile(r"auth/"), "libcrypto lives in auth/"),
    (re.compile(r"curl/"), CURL, "libcurl lives in http/curl_*.hpp"),
    (re.compile(r"boost/"), LOCAL_ENDPOINT, "Boost lives in testing/local_endpoint*.hpp"),
]
# Headers of the standard library that touch nothing outside the program.
PURE = set("""
    algorithm any array atomic bitset charconv chrono climits cmath condition_variable cstddef cstdint
    cstdlib cstring deque exception functional future initializer_list iterator limits list locale map
    memory mutex new numeric optional queue random ratio set shared_mutex sstream stdexcept string
    string_view system_error tuple type_traits typeindex unordered_map unordered_set utility variant vector
""".split())
COROUTINE = "client/coroutine.hpp"

# (rule, pattern, where it is allowed, why). Matched after comments and literals are gone.
WORDS = [
    ("print", r"\b(std::)?(cout|cerr|clog)\b|\b\w*printf\s*\(|\bf?puts\s*\(|\bputchar\s*\(", None,
     "the library never prints"),
    ("end of process", r"\b(abort|exit|_exit|_Exit|quick_exit|terminate)\s*\(",
     r"platform/", "the library never ends the process"),
    ("environment", r"\b(secure_)?getenv\b|\benviron\b", r"platform/", "the environment is asked by platform/"),
    ("clock", r"_clock::now\b|\bgettimeofday\b|\bclock_gettime\b",
     r"platform/|model/|wire/write\.hpp$|http/(curl_|worker_|inline_)|testing/local_endpoint",
     "what decides is given the time; platform/, the stamps of events and the transports ask for it"),
    ("sleep", r"\bthis_thread\b", r"platform/", "threads wait through platform/"),
    ("using namespace", r"\busing\s+namespace\b", None, "a header opens no namespace for its includer"),
    ("exception", r"\b(throw|try|catch)\b", r"throwing\.hpp$|testing/local_endpoint[a-z_]*\.hpp$",
     "the library works with -fno-exceptions"),
    ("RTTI", r"\b(dynamic_cast|typeid)\b", None, "the library works with -fno-rtti"),
    ("internal linkage", r"^(static\b|namespace\s*\{)|\bnamespace\s*\{", None,
     "inline functions must mean the same in each translation unit"),
    ("namespace", r"\bnamespace\s+personalize_events\b", r"version\.hpp$",
     "PERSONALIZE_EVENTS_NAMESPACE_BEGIN opens it, with the version in it"),
    ("language version", r"\b__cplusplus\b|\b_MSVC_LANG\b|\b__cpp_\w+", r"client/coroutine\.hpp$",
     "no language version changes a declaration"),
    ("RapidJSON flags", r"\bk(Write|Parse)ValidateEncodingFlag\b", None,
     "RapidJSON 1.1.0 reads out of bounds with them; detail/utf8.hpp checks"),
]
# Headers that may ask the preprocessor: leaves of the rooms of foreign things.
CONDITIONAL = re.compile(r"platform/|json/|auth/|http/curl_|client/coroutine\.hpp$|testing/local_endpoint")

# Headers that only forward to others, or only declare what others are tested by.
WITHOUT_TEST = {"personalize_events.hpp", "core.hpp", "platform/platform.hpp"}
# One system's side of a header of platform/, which alone includes it. tests/portability compiles
# that of Windows.
SIDE = re.compile(r"platform/(posix|windows)/")
# The one header with macros of another's, which tell Windows.h what to leave out.
WINDOWS_API = "platform/windows/api.hpp"

# Names that are macros of other libraries; those with () only before a parenthesis.
MACRO_NAMES = [line for line in (pathlib.Path(__file__).parent.parent / "compile" / "macro_names.txt").read_text(
    encoding="utf-8").splitlines() if line and not line.startswith("#")]
# RapidJSON names this member; the header sets aside the macro.
RAPIDJSON_HANDLER = re.compile(r"json/(reader|writer)\.hpp: .*\bBool\(")


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
    def room(self):
        if AUTH_SOURCES.match(self.path):
            return "auth sources"
        return self.path.split("/")[0] if "/" in self.path else self.path[:-len(".hpp")]


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
    for header in tree.headers.values():
        if header.path not in SPECIAL and header.room not in LEVELS:
            yield header.path, f"{header.room} is a room without a level"
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
                    yield place, f"the libcurl transports include only http/, platform/ and result.hpp, not {name}"
            elif included.room != header.room and LEVELS.get(included.room, 99) >= LEVELS[header.room]:
                yield place, f"{header.room} stands not above {included.room}"


def rule_sides(tree):
    """A side of platform/ is seen by its own side and by the header that chooses between the two."""
    for header in tree.headers.values():
        for line, name in own_includes(header):
            side = SIDE.match(name)
            if side and not header.path.startswith(side.group()) and header.path != SIDE.sub("platform/", name):
                yield f"{header.path}:{line}", f"{name} is seen through {SIDE.sub('platform/', name)} only"


def rule_curl_users(tree):
    for header in tree.headers.values():
        if CURL.match(header.path) or CURL_USERS.match(header.path):
            continue
        for line, name in own_includes(header):
            if CURL.match(name):
                yield f"{header.path}:{line}", "libcurl is seen by make_client, make_recorder and the umbrella only"


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


def rule_foreign_rooms(tree):
    for header in tree.headers.values():
        for line, name in header.foreign:
            place = f"{header.path}:{line}"
            rooms = [(room, why) for thing, room, why in FOREIGN if thing.match(name)]
            if rooms:
                room, why = rooms[0]
                if not room.match(header.path):
                    yield place, f"<{name}>: {why}"
            elif header.path.startswith("platform/") or name in PURE:
                continue
            elif not (name == "coroutine" and header.path == COROUTINE):
                yield place, f"<{name}>: what reaches outside the program lives in platform/"


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
                    not (header.path.startswith("json/") and line == "#undef Bool")):
                yield f"{header.path}:{number}", f"{define.group(1)}: our macros begin with PERSONALIZE_EVENTS_"


def rule_macro_names(tree):
    """No identifier of ours is a macro of windows.h, Xlib.h or Unreal Engine."""
    for header in tree.headers.values():
        # What one system's side asks of Windows is there as a macro.
        if header.path.startswith("platform/windows/"):
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
            yield f"{header.path}:{number}", "only leaf headers of a foreign thing's room ask the preprocessor"


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
        if header.path in WITHOUT_TEST or header.path.startswith("platform/windows/"):
            continue
        name = header.path[:-len(".hpp")] + "_test.cpp"
        places = [tests / "unit" / name, tests / "unit" / SIDE.sub("platform/", name),
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
        "detail/hex.hpp": include("version.hpp"),
        "platform/platform.hpp": ["#include <unistd.h>", *include("result.hpp"), "#ifdef _WIN32", "#endif"],
        "platform/thread.hpp": ["#if defined(_WIN32)", *include("platform/windows/thread.hpp"), "#else",
                                *include("platform/posix/thread.hpp"), "#endif"],
        "platform/posix/thread.hpp": ["#include <pthread.h>", *include("result.hpp")],
        "platform/windows/thread.hpp": include("platform/windows/api.hpp"),
        "platform/windows/api.hpp": ["#define NOMINMAX", "#include <windows.h>"],
        "json/writer.hpp": ["#include <rapidjson/writer.h>", *include("detail/hex.hpp")],
        "retry/backoff.hpp": include("result.hpp"),
        "model/shape.hpp": include("json/writer.hpp"),
        "http/transport.hpp": include("result.hpp"),
        "http/curl_transport.hpp": ["#include <curl/curl.h>", *include("http/transport.hpp")],
        "wire/write.hpp": include("model/shape.hpp"),
        "auth/crypto.hpp": ["#include <openssl/evp.h>", *include("result.hpp")],
        "auth/cached.hpp": include("auth/crypto.hpp", "wire/write.hpp"),
        "config/settings.hpp": include("http/transport.hpp"),
        "client/client.hpp": include("auth/cached.hpp", "config/settings.hpp"),
        "client/make_client.hpp": include("client/client.hpp", "http/curl_transport.hpp"),
        "testing/fake.hpp": include("client/client.hpp"),
        "testing/local_endpoint.hpp": ["#include <boost/beast.hpp>", *include("testing/fake.hpp")],
        "throwing.hpp": [*include("result.hpp"), "PERSONALIZE_EVENTS_NAMESPACE_BEGIN",
                         "inline void raise() { throw 1; }", "PERSONALIZE_EVENTS_NAMESPACE_END"],
        "fwd.hpp": include("version.hpp"),
        "core.hpp": include("client/client.hpp"),
        "personalize_events.hpp": include("core.hpp", "client/make_client.hpp"),
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
    shape = "include/personalize_events/model/shape.hpp"
    yield "layers", adding("retry/backoff.hpp", *include("http/transport.hpp"))
    yield "layers", adding("retry/backoff.hpp", *include("json/writer.hpp"))
    yield "layers", adding("auth/crypto.hpp", *include("auth/cached.hpp"))
    yield "layers", adding("auth/crypto.hpp", *include("wire/write.hpp"))
    yield "layers", adding("config/settings.hpp", *include("auth/crypto.hpp"))
    yield "layers", adding("http/curl_transport.hpp", *include("detail/hex.hpp"))
    yield "layers", adding("client/client.hpp", *include("testing/fake.hpp"))
    yield "layers", adding("core.hpp", *include("client/make_client.hpp"))
    yield "layers", adding("throwing.hpp", *include("client/client.hpp"))
    yield "layers", adding("client/client.hpp", *include("throwing.hpp"))
    yield "layers", adding("client/client.hpp", *include("client/absent.hpp"))
    yield "layers", {**good_tree(), "include/personalize_events/cellar/box.hpp": header_text("cellar/box.hpp")}
    yield "sides", adding("client/client.hpp", *include("platform/posix/thread.hpp"))
    yield "sides", adding("platform/posix/thread.hpp", *include("platform/windows/api.hpp"))
    yield "sides", adding("platform/platform.hpp", *include("platform/posix/thread.hpp"))
    yield "curl_users", adding("client/client.hpp", *include("http/curl_transport.hpp"))
    yield "free_of_curl", adding("config/settings.hpp", *include("http/curl_transport.hpp"))
    yield "cycles", adding("detail/hex.hpp", *include("detail/hex.hpp"))
    yield "foreign_rooms", adding("model/shape.hpp", "#include <rapidjson/writer.h>")
    yield "foreign_rooms", adding("client/client.hpp", "#include <openssl/evp.h>")
    yield "foreign_rooms", adding("http/transport.hpp", "#include <curl/curl.h>")
    yield "foreign_rooms", adding("testing/fake.hpp", "#include <boost/asio.hpp>")
    for name in ("thread", "fstream", "filesystem", "unistd.h", "sys/stat.h", "fcntl.h", "windows.h", "iostream"):
        yield "foreign_rooms", adding("client/client.hpp", f"#include <{name}>")
    yield "include_form", adding("client/client.hpp", '#include "client.hpp"')
    yield "include_form", adding("client/client.hpp", "#include <personalize_events/result.hpp>")
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
            yield rule, adding("retry/backoff.hpp", line)
    yield "end of process", adding("result.hpp", "  std::abort();")
    yield "extern_c", adding("http/curl_transport.hpp", 'extern "C" int callback();')
    yield "rapidjson_document", adding("json/writer.hpp", "#include <rapidjson/document.h>")
    yield "macros", adding("json/writer.hpp", "#define RAPIDJSON_HAS_STDSTRING 1")
    for line in ("  auto least = std::min(one, two);", "  auto most = std::numeric_limits<int>::max ();",
                 "enum class State { None };", "inline void check() {}", "  int Status = 0;"):
        yield "macro_names", adding("retry/backoff.hpp", line)
    yield "macro_names", adding("platform/windows/thread.hpp", "  auto least = std::min(one, two);")
    yield "conditionals", adding("model/shape.hpp", "#ifdef _WIN32", "#endif // _WIN32")
    yield "guard", replacing(shape, "_MODEL_SHAPE_HPP", "_SHAPE_HPP")
    yield "opening", replacing(shape, "// SPDX", "// No SPDX")
    yield "opening", replacing(shape, "// What this is.", "")
    yield "opening", replacing("tests/unit/model/shape_test.cpp", "// SPDX", "// No SPDX")
    yield "ascii", replacing(shape, "What", "Wh\u00e4t")
    yield "ascii", replacing(shape, "What", "\tWhat")
    yield "namespace_macros", adding("model/shape.hpp", "struct Shape {};")
    yield "tests", without("tests/unit/model/shape_test.cpp")
    yield "test_words", {**good_tree(), "tests/unit/model/shape_test.cpp":
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
