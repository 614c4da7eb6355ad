# SPDX-License-Identifier: Apache-2.0
"""Runs the library under Wine with real sockets, libcurl and OpenSSL.

    check_windows_sockets.py --source ROOT --work FOLDER --libraries FOLDER

The libraries come from make_windows_libraries, which is run first. The server is a loopback server
on this machine. Exits with 77 after a line with the reason where something is missing.
"""
import argparse
import http.server
import json
import os
import pathlib
import random
import shutil
import ssl
import subprocess
import sys
import threading
import time

KILLS = 50
WINDOWS_LIBRARIES = ["curl", "ssl", "crypto", "ws2_32", "crypt32", "bcrypt", "advapi32", "user32", "gdi32"]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def must(is_true, message):
    if not is_true:
        sys.exit(f"failed: {message}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.guard:
            self.server.events += [event.get("eventId") for event in body["eventList"]]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("x-amzn-RequestId", "request")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A server on loopback that accepts every event and keeps its ID."""

    daemon_threads = True

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.events = []
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is done by the thread of the connection.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A killed process leaves broken connections."""


class Wine:
    """A Wine prefix with a server of its own, ended at the end."""

    def __init__(self, folder):
        # What names a certificate file or a proxy would change the result.
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "SSL_")) and "proxy" not in name.lower()}
        self.environment = {**kept, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=",
                            "WINEPREFIX": str(folder), "AWS_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1",
                            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
                            "AWS_EC2_METADATA_DISABLED": "true"}

    def __enter__(self):
        # Persistent, so that no program waits for a server that ends.
        subprocess.run(["wineserver", "-p"], env=self.environment, check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["wineboot", "--init"], env=self.environment, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=300)
        return self

    def __exit__(self, *_):
        subprocess.run(["wineserver", "-k"], env=self.environment, stderr=subprocess.DEVNULL)

    def start(self, url, program, *arguments):
        return subprocess.Popen(["wine", program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True,
                                env={**self.environment, "AWS_ENDPOINT_URL": url})

    def run(self, url, program, *arguments):
        process = self.start(url, program, *arguments)
        output, errors = process.communicate(timeout=180)
        return process.returncode, output, errors


class Checker:
    def __init__(self, options):
        self.root = pathlib.Path(options.source).resolve()
        self.work = pathlib.Path(options.work).resolve()
        self.libraries = pathlib.Path(options.libraries).resolve()
        self.work.mkdir(parents=True, exist_ok=True)

    def build(self, source):
        """A Windows program of one file."""
        program = self.work / (source.stem + ".exe")
        command = ["x86_64-w64-mingw32-g++-posix", "-std=c++17", "-O0", "-Wa,-mbig-obj", "-wrapper",
                   self.root / "tests/portability/link_with_lld", "-fno-use-linker-plugin", "-static",
                   "-DCURL_STATICLIB", "-I", self.root / "include", "-isystem",
                   self.libraries / "include", source, "-o", program, "-L", self.libraries / "lib",
                   *(f"-l{name}" for name in WINDOWS_LIBRARIES)]
        made = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        must(made.returncode == 0, made.stderr)
        return str(program)

    def certificates(self):
        """A root in DER, and a server's certificate that it signed, with its key."""
        folder = self.work / "certificates"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        for command in (
                "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=test-root",
                "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1",
                "x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile names "
                "-out server.crt",
                "x509 -in root.pem -outform DER -out root.der"):
            subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
        (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())
        return folder / "root.der", folder / "server.pem"

    def check_minimal(self, wine, minimal):
        server = Server()
        code, output, errors = wine.run(server.url, minimal, "tracker")
        must(code == 0 and "sent in 1 attempt(s)" in output, f"minimal: {output}{errors}")
        must(len(server.events) == 1, f"minimal sent {len(server.events)} events")
        print("minimal: sent in 1 attempt(s)", flush=True)

    def check_trust(self, wine, minimal, recorder):
        root, certificate = self.certificates()
        server = Server(certificate)
        code, output, errors = wine.run(server.url, minimal, "tracker")
        must(code == 1 and "certificate" in errors, f"without the root: {output}{errors}")
        code, output, errors = wine.run(server.url, recorder, "trust", str(root))
        must(code == 0, f"the root could not be added: {errors}")
        code, output, errors = wine.run(server.url, minimal, "tracker")
        must(code == 0 and len(server.events) == 1, f"with the root in the store: {output}{errors}")
        print("HTTPS: refused without the root certificate, sent with it in the store", flush=True)

    def folders(self, spool):
        return sorted(path.name for path in spool.glob("w-*"))

    def check_closes(self, wine, recorder):
        server = Server()
        spool = self.work / "closed-spool"
        shutil.rmtree(spool, ignore_errors=True)
        for number in range(5):
            code, output, errors = wine.run(server.url, recorder, "send", str(spool), f"c{number}")
            must(code == 0 and not errors, f"send: {output}{errors}")
        must(len(set(server.events)) == 100, f"{len(set(server.events))} of 100 events arrived")
        must(not self.folders(spool), f"clean closes leave {self.folders(spool)}")
        print("5 clean closes: 100 events arrived, no folder left", flush=True)

    def check_kills(self, wine, recorder):
        server = Server()
        spool = self.work / "killed-spool"
        shutil.rmtree(spool, ignore_errors=True)
        chance = random.Random(15)
        accepted, problems, begun = set(), "", time.monotonic()
        for number in range(KILLS):
            process = wine.start(server.url, recorder, "record", str(spool), f"k{number}")
            process_id = process.stdout.readline().strip()
            must(process_id.isdigit(), f"record: {process_id}{process.stderr.read() if not process_id else ''}")
            lines = [process.stdout.readline() for _ in range(1 + chance.randrange(300))]
            if number % 2 == 0:
                process.kill()
            else:
                # It cannot write to a full pipe, so the rest is read meanwhile.
                killer = threading.Thread(target=wine.run,
                                          args=(server.url, "taskkill", "/F", "/PID", process_id))
                killer.start()
            rest, errors = process.communicate(timeout=60)
            if number % 2 == 1:
                killer.join()
            problems += errors
            output = "".join(lines) + rest
            # The last line may be cut.
            accepted.update(output[:output.rfind("\n") + 1].split())
        code, output, errors = wine.run(server.url, recorder, "drain", str(spool))
        must(code == 0, f"drain: {output}{errors}")
        problems += errors
        lost = accepted - set(server.events)
        must(not lost, f"{len(lost)} of {len(accepted)} events are lost: {sorted(lost)[:5]}")
        must(not self.folders(spool), f"kills leave {self.folders(spool)}")
        must("FAULT" not in problems, problems[:2000])
        print(f"{KILLS} kills: {len(accepted)} events accepted, none lost, no folder left "
              f"({time.monotonic() - begun:.0f} s)", flush=True)

    def run(self):
        for program, package in (("wine", "wine wine64"), ("wineserver", "wine"), ("openssl", "openssl"),
                                 ("x86_64-w64-mingw32-g++-posix", "g++-mingw-w64-x86-64"), ("ld.lld", "lld")):
            if not shutil.which(program):
                skip(f"there is no {program} (Debian: {package})")
        made = subprocess.run([str(self.root / "tests/portability/make_windows_libraries"), str(self.libraries)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode == 77:
            skip(made.stdout.strip().splitlines()[-1])
        must(made.returncode == 0, made.stdout[-3000:])
        minimal = self.build(self.root / "examples/minimal.cpp")
        recorder = self.build(self.root / "tests/portability/windows_recorder.cpp")
        prefix = self.work / "wine"
        # A root certificate of an earlier run would still be in its store.
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.mkdir()
        with Wine(prefix) as wine:
            self.check_minimal(wine, minimal)
            self.check_trust(wine, minimal, recorder)
            self.check_closes(wine, recorder)
            self.check_kills(wine, recorder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--libraries", required=True)
    Checker(parser.parse_args()).run()


if __name__ == "__main__":
    main()
