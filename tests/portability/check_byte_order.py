# SPDX-License-Identifier: Apache-2.0
"""Drains a spool on a machine of the other byte order than the one that wrote it.

    check_byte_order.py --source ROOT --work FOLDER -- OTHER...

OTHER runs spool_byte_order on the emulated machine: the emulator, its options and the program. The
same program is compiled here with g++. Both directions are tried; every event must come back with
its value. Prints why and exits with 77 where this machine has no compiler.
"""
import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys

LEFT = 7


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def compile_here(root, work):
    """The command that runs the program on this machine."""
    compiler = shutil.which("g++")
    if not compiler:
        skip("there is no g++ (Debian: g++)")
    program = work / "spool_byte_order"
    subprocess.run([compiler, "-std=c++17", "-O0", "-I", root / "include",
                    root / "tests/portability/spool_byte_order.cpp", "-o", program, "-lcrypto", "-pthread"],
                   check=True)
    return [str(program)]


def expected():
    return [{"eventType": "Watch", "sentAt": 1700000000 + number, "eventId": f"event-{number}",
             "eventValue": 0.1 * number, "itemId": f"item-\u00e9-{number}"} for number in range(1, LEFT + 1)]


def carry(title, writer, reader, folder):
    """Writes with one program and drains with the other."""
    shutil.rmtree(folder, ignore_errors=True)
    written = subprocess.run([*writer, "write", folder], capture_output=True, text=True, timeout=120)
    # An emulator reports the signal of its program as its exit status, or dies of it.
    if written.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL):
        sys.exit(f"{title}: the writer ended with {written.returncode}: {written.stderr}")
    drained = subprocess.run([*reader, "drain", folder, str(LEFT)], capture_output=True, text=True, timeout=120)
    if drained.returncode != 0:
        sys.exit(f"{title}: the reader ended with {drained.returncode}: {drained.stderr}")
    events = [event for body in drained.stdout.splitlines() for event in json.loads(body)["eventList"]]
    if events != expected():
        sys.exit(f"{title}: expected {expected()}\nfound {events}")
    print(f"{title}: {len(events)} events delivered")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("other", nargs="+")
    options = parser.parse_args()
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    here = compile_here(pathlib.Path(options.source), work)
    spool = work / "spool"
    carry("written here, drained on the emulated machine", here, options.other, spool)
    carry("written on the emulated machine, drained here", options.other, here, spool)


if __name__ == "__main__":
    main()
