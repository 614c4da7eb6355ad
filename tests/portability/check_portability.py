# SPDX-License-Identifier: Apache-2.0
"""Asks other compilers, and other versions of libcrypto, about the headers.

    check_portability.py CHECK --source ROOT --work FOLDER -- COMPILER FLAGS...

openssl_3    with what OpenSSL 3.0 deprecates hidden, every header but the side for 1.1.1 compiles
openssl_1_1  as OpenSSL 1.1.1 would have it, with what that version deprecates hidden, every header
             but the side for 3.0 compiles
windows      all headers and the single one compile for Windows (mingw-w64)
windows_run  the Windows side of platform/ does under Wine what windows_test.cpp asks of it
musl         all headers compile against musl's C library (clang 19, libc++)

COMPILER is that of the build; the last three bring their own. Where it is missing they print why
and exit with 77.
"""
import argparse
import os
import pathlib
import platform
import shutil
import subprocess
import sys

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror"]
# Debian's libcrypto is 3.0, which deprecates what the side for 1.1.1 calls.
OLD_LIBCRYPTO_ALLOWED = "-Wno-deprecated-declarations"
FOREIGN = ["boost", "catch2", "curl", "openssl", "rapidjson"]
# The kernel's, which belong to no C library.
KERNEL = ["asm", "asm-generic", "linux"]
NEEDS_CXX20 = "coroutine.hpp"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def needed(program, package):
    found = shutil.which(program)
    if not found:
        skip(f"there is no {program} (Debian: {package})")
    return found


class Checker:
    def __init__(self, options):
        self.root = pathlib.Path(options.source)
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.compiler = options.compiler

    def headers(self, *without):
        folder = self.root / "include" / "personalize_events"
        found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.hpp"))
        kept = [name for name in found if not name.startswith((NEEDS_CXX20, *without))]
        if not kept:
            sys.exit(f"no header below {folder}")
        return kept

    def source(self, name, headers, *lines):
        path = self.work / name
        includes = [f'#include "personalize_events/{header}"' for header in headers]
        path.write_text("\n".join([*includes, *lines, ""]))
        return path

    def run(self, command, **options):
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)

    def compile(self, compiler, source, *flags):
        """None, or what the compiler said."""
        command = [*compiler, "-std=c++17", "-I", self.root / "include", source, *flags]
        ran = self.run(command)
        return None if ran.returncode == 0 else " ".join(map(str, command)) + "\n" + ran.stderr

    def must_compile(self, compiler, source, *flags):
        problem = self.compile(compiler, source, "-fsyntax-only", *flags)
        if problem:
            sys.exit(problem)

    def foreign_headers(self, names=FOREIGN):
        """A folder with these headers of /usr/include and nothing else."""
        places = ["/usr/include", f"/usr/include/{platform.machine()}-linux-gnu"]
        folder = self.work / "include"
        shutil.rmtree(folder, ignore_errors=True)
        for name in names:
            # A part of OpenSSL's headers stands apart, because it differs between architectures.
            headers = [path for place in places for path in pathlib.Path(place, name).glob("*")]
            if not headers:
                skip(f"{name}/ is in none of {', '.join(places)}")
            (folder / name).mkdir(parents=True)
            for header in headers:
                (folder / name / header.name).symlink_to(header)
        return folder

    def openssl_3(self):
        hidden = ["-DOPENSSL_API_COMPAT=30000", "-DOPENSSL_NO_DEPRECATED", "-Werror=deprecated-declarations"]
        headers = self.headers("detail/signing/hmac_context.hpp", "detail/platform/windows/")
        self.must_compile(self.compiler, self.source("openssl_3.cpp", headers), *hidden)
        old_side = self.source("openssl_3_control.cpp", ["detail/signing/hmac_context.hpp"])
        if self.compile(self.compiler, old_side, "-fsyntax-only", *hidden) is None:
            sys.exit("the side for OpenSSL 1.1.1 compiles too, so nothing was hidden")
        return f"{len(headers)} headers call nothing that OpenSSL 3.0 deprecates"

    def openssl_1_1(self):
        disguise = self.work / "disguise"
        (disguise / "openssl").mkdir(parents=True, exist_ok=True)
        (disguise / "openssl" / "opensslv.h").write_text(
            "#pragma GCC system_header\n#include_next <openssl/opensslv.h>\n#undef OPENSSL_VERSION_NUMBER\n"
            "#define OPENSSL_VERSION_NUMBER 0x1010117fL\n")
        headers = self.headers("detail/signing/hmac_evp_mac.hpp", "detail/platform/windows/")
        proof = ("static_assert(std::is_same<personalize_events::detail::crypto::Hmac, "
                 'personalize_events::detail::crypto::HmacContext>::value, "this is the side for 1.1.1");')
        source = self.source("openssl_1_1.cpp", headers, "#include <type_traits>", proof)
        self.must_compile(self.compiler, source, "-isystem", disguise, "-DOPENSSL_API_COMPAT=10101",
                          "-DOPENSSL_NO_DEPRECATED", "-Werror=deprecated-declarations")
        return f"{len(headers)} headers call nothing that OpenSSL 1.1.1 deprecates"

    def mingw(self):
        # The other model of threads has no std::mutex before GCC 13.
        return needed("x86_64-w64-mingw32-g++-posix", "g++-mingw-w64-x86-64")

    def windows(self):
        compiler = [self.mingw(), *WARNINGS, OLD_LIBCRYPTO_ALLOWED, "-isystem", self.foreign_headers()]
        headers = self.headers("detail/platform/posix/")
        self.must_compile(compiler, self.source("windows.cpp", headers))
        single = self.work / "personalize_events_single.hpp"
        written = self.run([sys.executable, self.root / "scripts/single_header", self.root / "include", single])
        if written.returncode != 0:
            sys.exit(written.stderr)
        source = self.work / "single.cpp"
        source.write_text(f'#include "{single.name}"\n')
        self.must_compile(compiler, source, "-I", self.work)
        return f"{len(headers)} headers compile for Windows, and the single one; no test of theirs runs"

    def windows_run(self):
        wine = needed("wine", "wine wine64")
        compiler = [self.mingw(), *WARNINGS]
        foreign = self.foreign_headers()
        if not (foreign / "catch2" / "catch.hpp").exists():
            skip("there is no <catch2/catch.hpp> (Catch2 2.13, which needs no library)")
        program = self.work / "windows_test.exe"
        problem = self.compile(compiler, self.root / "tests/portability/windows_test.cpp", "-isystem", foreign,
                               "-static", "-o", program, "-lbcrypt")
        if problem:
            sys.exit(problem)
        quiet = {**os.environ, "WINEDEBUG": "-all", "WINEPREFIX": str((self.work / "wine").resolve()),
                 "WINEDLLOVERRIDES": "mscoree,mshtml="}
        ran = self.run([wine, program], env=quiet, timeout=300)
        if ran.returncode != 0:
            sys.exit(ran.stdout + ran.stderr)
        return ran.stdout.strip()

    def musl(self):
        clang = needed("clang++-19", "clang-19")
        musl = f"/usr/include/{platform.machine()}-linux-musl"
        library = "/usr/lib/llvm-19/include/c++/v1"
        for folder, package in ((musl, "musl-dev"), (library, "libc++-19-dev")):
            if not os.path.isdir(folder):
                skip(f"there is no {folder} (Debian: {package})")
        own = pathlib.Path(self.run([clang, "-print-resource-dir"]).stdout.strip()) / "include"
        compiler = [clang, f"--target={platform.machine()}-linux-musl", "-nostdinc", "-nostdinc++",
                    "-D_LIBCPP_HAS_MUSL_LIBC", *WARNINGS, OLD_LIBCRYPTO_ALLOWED]
        for folder in (library, own, musl, self.foreign_headers(FOREIGN + KERNEL)):
            compiler += ["-isystem", folder]
        headers = self.headers("detail/platform/windows/")
        proof = ('#if defined(__GLIBC__)\n#error "this is the C library of GNU"\n#endif')
        self.must_compile(compiler, self.source("musl.cpp", headers, proof))
        return (f"{len(headers)} headers compile against musl; no test of theirs runs, because Debian has "
                "neither a C++ library nor libcrypto for it")


CHECKS = ["openssl_3", "openssl_1_1", "windows", "windows_run", "musl"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--source", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    print(getattr(Checker(options), options.check)())


if __name__ == "__main__":
    main()
