# SPDX-License-Identifier: Apache-2.0
"""What including the library costs: compile time and memory, functions, program size.

    compile_cost.py [--rounds N] [--compiler g++] [--include FOLDER]

Prints each row as CPU time of the compiler, best of N rounds, and as a multiple of a floor of the same run:
a file with the third-party and standard headers that the library needs, or, for a light header, the
standard headers that it names. The rounds are interleaved.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOOR = """
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rapidjson/reader.h>
#include <rapidjson/writer.h>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>
int main() {}
"""
LIGHT = ["client.hpp", "async_client.hpp", "event_recorder.hpp", "event_sink.hpp"]
GIVEN = """
#include <personalize_events/make_client_with.hpp>

int main() {
  personalize_events::ClientOptions options;
  options.region = "eu-west-1";
  options.credentials = personalize_events::static_credentials({"AKIDEXAMPLE", "secret"});
  const auto client = personalize_events::make_client_with(options);
  if (!client) return 1;
  const personalize_events::PutEventsRequest request{"tracker", "session", {personalize_events::Event{"Watch"}}};
  return client->put_events(request).has_value() ? 0 : 1;
}
"""


def readme_program(header):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```cpp\n(#include <personalize_events/make_client\.hpp>.*?)```", text, re.DOTALL)
    return program.group(1).replace("personalize_events/make_client.hpp", f"personalize_events/{header}")


def compiled_program():
    return readme_program("compiled.hpp").replace("pe::make_client(", "pe::compiled::make_client(")


def standard_headers(header, include, compiler):
    """The standard headers that ours name, from `header` on."""
    source = f'#include "personalize_events/{header}"\n'
    listed = subprocess.run([compiler, "-std=c++17", "-x", "c++", f"-I{include}", "-M", "-"], input=source,
                            capture_output=True, text=True, check=True).stdout
    own = {name for name in listed.replace("\\\n", " ").split() if "/personalize_events/" in name}
    named = {name for path in own
             for name in re.findall(r"^#include (<[^>]+>)", pathlib.Path(path).read_text(), re.MULTILINE)}
    return "".join(f"#include {name}\n" for name in sorted(named))


def compile_once(compiler, include, source, optimisation, output):
    """CPU seconds and megabytes of one run of the compiler."""
    command = [compiler, "-std=c++17", optimisation, f"-I{include}", "-c", str(source), "-o", str(output)]
    process = os.posix_spawnp(compiler, command, os.environ)
    _, status, used = os.wait4(process, 0)
    if status != 0:
        sys.exit(" ".join(command) + " failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--include", default=str(ROOT / "include"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        texts = {"floor": FLOOR, "README program": readme_program("make_client.hpp"), "given options": GIVEN,
                 "compiled": compiled_program(),
                 "umbrella": readme_program("personalize_events.hpp")}
        floors = {name: "floor" for name in texts}
        for header in LIGHT:
            texts[f"std of {header}"] = standard_headers(header, options.include, options.compiler)
            texts[header] = f'#include "personalize_events/{header}"\n'
            floors[header] = floors[f"std of {header}"] = f"std of {header}"
        sources = {}
        for number, (name, text) in enumerate(texts.items()):
            sources[name] = folder / f"{number}.cpp"
            sources[name].write_text(text)
        best = {}
        for _ in range(options.rounds):
            for name, source in sources.items():
                for optimisation in ("-O0", "-O2"):
                    output = source.with_suffix(f".{optimisation[1:]}.o")
                    used = compile_once(options.compiler, options.include, source, optimisation, output)
                    best[name, optimisation] = min(best.get((name, optimisation), used), used)
        print("| | -O0 | to floor | -O2 | to floor | memory at -O2 |\n|---|---|---|---|---|---|")
        for name in texts:
            row = [name]
            for optimisation in ("-O0", "-O2"):
                seconds = best[name, optimisation][0]
                row += [f"{seconds:.2f} s", f"{seconds / best[floors[name], optimisation][0]:.2f}"]
            print("| " + " | ".join([*row, f"{best[name, '-O2'][1]:.0f} MB"]) + " |")
        for name in ("README program", "given options"):
            unoptimised, optimised = (sources[name].with_suffix(f".{o}.o") for o in ("O0", "O2"))
            symbols = subprocess.run(["nm", "--defined-only", str(unoptimised)], capture_output=True, text=True,
                                     check=True).stdout.splitlines()
            functions = sum(1 for line in symbols if line.split()[1] in "TtWw")
            program = folder / "program"
            subprocess.run([options.compiler, str(optimised), "-o", str(program), "-lcurl", "-lcrypto", "-lpthread"],
                           check=True)
            subprocess.run(["strip", str(program)], check=True)
            print(f"{name}: {functions} functions at -O0, {program.stat().st_size / 1000:.0f} kB stripped at -O2")


if __name__ == "__main__":
    main()
