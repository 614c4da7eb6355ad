# SPDX-License-Identifier: Apache-2.0
"""Runs the built examples against the built local endpoint.

    check_examples.py CASE --examples DIRECTORY --source DIRECTORY

CASE is the name of one of the functions below. Status 77 tells CTest that a case is skipped.
"""
import argparse
import contextlib
import csv
import io
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

KEY, SECRET = "test-key", "test-secret"
SKIPPED = 77
PATIENCE = 120  # seconds; only a program that hangs needs them


class Stage:
    """The built examples, a folder to work in, and an endpoint."""

    def __init__(self, examples, source, work):
        self.examples, self.source, self.work = examples, source, work
        self.log = work / "events.jsonl"
        self.url = ""

    @contextlib.contextmanager
    def endpoint(self):
        port_file = self.work / "port"
        process = subprocess.Popen(
            [self.examples / "local_endpoint", "--port-file", port_file, "--log", self.log,
             "--access-key-id", KEY, "--secret-access-key", SECRET], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + PATIENCE
            while not port_file.exists():
                expect(process.poll() is None, "the endpoint ended at once")
                expect(time.monotonic() < deadline, "the endpoint names no port")
                time.sleep(0.02)
            self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)

    @contextlib.contextmanager
    def nobody(self):
        """A port that is taken, so that no other program can open it, and refuses every connection."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            yield

    def environment(self, **more):
        """Nothing of this machine's own AWS settings or proxies."""
        return {"HOME": str(self.work), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.url, **more}

    def run(self, name, *arguments, **more):
        return subprocess.run([self.examples / name, *arguments], env=self.environment(**more),
                              stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=PATIENCE)

    def send(self, *arguments, **more):
        return self.run("send_events", "--tracking-id", "tracker", *arguments, **more)

    def arrived(self):
        # Not splitlines(): a text may hold U+2028, which it takes for a line's end.
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").split("\n") if line]

    def check_arrived(self, file):
        checked = subprocess.run([sys.executable, self.source / "scripts" / "check_arrived", file, self.log],
                                 capture_output=True, encoding="utf-8", timeout=PATIENCE)
        print(checked.stdout, checked.stderr, end="")
        expect(checked.returncode == 0, "not every row arrived once and whole")

    def file(self, name, text):
        path = self.work / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    @property
    def shop_file(self):
        return self.source / "examples" / "data" / "shop_events.csv"


def expect(condition, sentence, *more):
    if not condition:
        sys.exit("\n".join([sentence, *map(str, more)]))


def expect_equal(actual, expected, what):
    expect(actual == expected, f"{what}: not as expected", f"expected: {expected!r}", f"actual:   {actual!r}")


def expect_status(finished, status):
    expect(finished.returncode == status, f"exit status {finished.returncode}, not {status}",
           finished.stdout, finished.stderr)


def summary_of(finished):
    """The summary's numbers by their names: {"rows": 1000, ...}."""
    return {name: float(number) for name, number in
            re.findall(r"^([a-z ]+?) +([0-9.]+)$", finished.stdout, re.MULTILINE)}


# --- Each example does what it says ---------------------------------------------------------------


def programs(stage):
    """Every example that has an .output beside it prints just that."""
    outputs = sorted((stage.source / "examples").glob("*.output"))
    expect(outputs, "there is no examples/*.output")
    vault = stage.file("vault", f"{KEY}\n{SECRET}\n\n{int(time.time()) + 3600}\n")
    with stage.endpoint():
        for output in outputs:
            name = output.stem
            own = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""} if name == "custom_credentials" else {}
            finished = stage.run(name, "tracker", VAULT_FILE=str(vault), **own)
            expect_status(finished, 0)
            expect_equal(finished.stdout, output.read_text(), name)
            expect_equal(finished.stderr, "", name)
            print(name)


def programs_without_endpoint(stage):
    """Where nobody answers, each says so and ends with status 1."""
    vault = stage.file("vault", f"{KEY}\n{SECRET}\n\n{int(time.time()) + 3600}\n")
    with stage.nobody():
        for name in ("minimal", "custom_credentials", "custom_transport", "error_handling"):
            finished = stage.run(name, "tracker", VAULT_FILE=str(vault))
            expect_status(finished, 1)
            expect("Transport: 127.0.0.1:" in finished.stdout + finished.stderr, f"{name} does not say why",
                   finished.stdout, finished.stderr)


def credentials_that_fail(stage):
    """The custom provider's own errors reach the user."""
    with stage.nobody():
        for file, reason in ((None, "VAULT_FILE is not set"), ("/nonexistent", "missing or cut short")):
            finished = stage.run("custom_credentials", "tracker", **({"VAULT_FILE": file} if file else {}))
            expect_status(finished, 1)
            expect(reason in finished.stderr, "the reason is lost", finished.stderr)


# --- send_events ----------------------------------------------------------------------------------


def send_whole_file(stage, file, rows):
    with stage.endpoint():
        finished = stage.send(file)
    expect_status(finished, 0)
    summary = summary_of(finished)
    expect_equal((summary["rows"], summary["sent"], summary["rejected"]), (rows, rows, 0), "the summary")
    stage.check_arrived(file)


def real_or_skip(stage):
    file = stage.source.parent / "shared" / "data" / "online_retail_interactions.csv"
    if not file.exists():
        print("skipped: ../shared/data/online_retail_interactions.csv is absent")
        sys.exit(SKIPPED)
    return file


def real_file(stage):
    """Each row of the real transactions arrives once, every column in its place."""
    send_whole_file(stage, real_or_skip(stage), 4792)


def shop_file(stage):
    """The same of the invented shop, which has every column there is."""
    send_whole_file(stage, stage.shop_file, 1000)


def shop_file_is_made_by_its_script(stage):
    script = stage.source / "examples" / "data" / "make_shop_events.py"
    made = subprocess.run([sys.executable, script], capture_output=True, timeout=PATIENCE, check=True)
    expect(made.stdout == stage.shop_file.read_bytes(), "shop_events.csv is not what its script writes")


def twice(stage):
    """A file that is sent twice has the same ids both times, so that it trains once."""
    with stage.endpoint():
        for _ in range(2):
            expect_status(stage.send(stage.shop_file), 0)
    ids = [event["eventId"] for event in stage.arrived()]
    expect_equal((len(ids), len(set(ids))), (2000, 1000), "events and ids")


def every_form_of_csv(stage):
    """A byte order mark, CRLF, quotes, line breaks, text that looks like a number."""
    rows = [["USER_ID", "SESSION_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE", "EVENT_ID", "NUM_RATINGS",
             "CODE", "NOTE"],
            ["u", "s", "i,1", "1291191960", "Watch", "-1.5", "id-1", "4", "007", " spaces "],
            ["u", "s", "i\"2\"", "1291191961", "Watch", "", "id-2", "4.5", "8", "line\r\nbreak\n"],
            ["", "s", "", "1291191962", "Watch", "0", "id-3", "", "", "\u8336\U0001f300"]]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    file = stage.file("forms.csv", b"\xef\xbb\xbf" + text.getvalue().encode())
    with stage.endpoint():
        expect_status(stage.send(file), 0)
    stage.check_arrived(file)
    properties = [json.loads(event["properties"]) for event in stage.arrived()]
    expect_equal(properties, [{"numRatings": 4, "code": "007", "note": " spaces "},
                              {"numRatings": 4.5, "code": "8", "note": "line\r\nbreak\n"},
                              {"note": "\u8336\U0001f300"}], "the properties")


def without_sessions(stage):
    """A user's events less than half an hour apart are one session."""
    start = 1291191960
    times = {"ann": [0, 1799, 3598, 5398], "bob": [0]}
    rows = "".join(f"{user},item,{start + time},Watch\n" for user in times for time in times[user])
    file = stage.file("no_sessions.csv", "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n" + rows)
    with stage.endpoint():
        expect_status(stage.send(file), 0)
        stage.check_arrived(file)
        sessions = {(event["userId"], event["sentAt"] - start): event["sessionId"] for event in stage.arrived()}
        expect_equal(len({sessions["ann", 0], sessions["ann", 1799], sessions["ann", 3598]}), 1, "one session")
        expect_equal(len(set(sessions.values())), 3, "all sessions")
        stage.log.write_text("")
        expect_status(stage.send("--session-gap", "120", file), 0)
        expect_equal(len({event["sessionId"] for event in stage.arrived()}), 2, "sessions with a longer gap")


def bad_rows(stage):
    """A bad row is named by line and reason and rejected; all others are sent."""
    columns = "USER_ID,SESSION_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,RECOMMENDATION_ID,NOTE"
    good = "u,s,item,1291191960,Watch,1.5,,fine"
    bad = [  # the row, and what the reason must say
        (b"u,s,item,1291191960000,Watch,1.5,,", "milliseconds"),
        (b"u,s,item,today,Watch,1.5,,", "TIMESTAMP: not a whole number"),
        (b"u,s,item,,Watch,1.5,,", "TIMESTAMP: empty"),
        (b"u,s,item,1291191960,,1.5,,", "EVENT_TYPE: empty"),
        (b"u,,item,1291191960,Watch,1.5,,", "SESSION_ID: empty"),
        (b"u,s,item,1291191960,Watch,much,,", "EVENT_VALUE: not a number"),
        (b"u,s,item,1291191960,Watch,1.5", "6 cells, 8 expected"),
        (b"u,s,item,1291191960,Watch,1.5,,note,more", "9 cells, 8 expected"),
        (b"u,s,\"item,1291191960,Watch,1.5,,", "quote"),
        (b"u,s,\"item\"x,1291191960,Watch,1.5,,", "after a closing quote"),
        (b"u,s," + b"i" * 257 + b",1291191960,Watch,1.5,,", "itemId: 257 characters, at most 256"),
        (b"u,s,item,1291191960," + b"w" * 257 + b",1.5,,", "eventType: 257 characters, at most 256"),
        (b"u,s,item,1291191960,Watch,1.5," + b"r" * 41 + b",", "recommendationId: 41 characters, at most 40"),
        (b"u,s,item,1291191960,Watch,1.5,," + b"n" * 1025, "characters, at most 1024"),
        (b"u,s,\xff,1291191960,Watch,1.5,,", "UTF-8"),
        (b"u," + b"s" * 257 + b",item,1291191960,Watch,1.5,,", "sessionId: 257 characters, at most 256"),
        (b"u" * 257 + b",t,item,1291191960,Watch,1.5,,", "userId: 257 characters, at most 256"),
    ]
    lines, expected = [columns.encode()], {}
    for row, reason in bad:
        lines += [good.encode()] * 3
        lines.append(row)
        expected[len(lines)] = reason
    lines += [good.encode()] * 3
    file = stage.file("bad_rows.csv", b"\n".join(lines) + b"\n")
    with stage.endpoint():
        finished = stage.send(file)
        dry = stage.send("--dry-run", file)
    expect_status(finished, 1)
    expect_status(dry, 1)
    for run in (finished, dry):
        reasons = {int(line): reason for line, reason in re.findall(r"^line (\d+): (.*)$", run.stderr, re.MULTILINE)}
        expect_equal(sorted(reasons), sorted(expected), "the lines that were rejected")
        for line, reason in expected.items():
            expect(reason in reasons[line], f"line {line} should say: {reason}", reasons[line])
    rows = len(lines) - 1
    summary = summary_of(finished)
    expect_equal((summary["rows"], summary["sent"], summary["rejected"]), (rows, rows - len(bad), len(bad)),
                 "the summary")
    stage.check_arrived(stage.file("good_rows.csv", "\n".join([columns] + [good] * (rows - len(bad))) + "\n"))


def spoil(rows):
    """Breaks 50 of the rows (lists of cells) in 13 ways; the broken file's lines, and those lines' reasons."""
    def with_cell(column, cell):
        return lambda row: ",".join(cell if name == column else quoted(value) for name, value in zip(rows[0], row))

    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"' if re.search('[",\n]', cell) else cell

    ways = [
        (with_cell("TIMESTAMP", ""), "TIMESTAMP: empty"), (with_cell("TIMESTAMP", "today"), "TIMESTAMP: not a whole"),
        (with_cell("TIMESTAMP", "1291191960000"), "milliseconds"), (with_cell("TIMESTAMP", "-1"), "TIMESTAMP: not"),
        (with_cell("EVENT_TYPE", ""), "EVENT_TYPE: empty"),
        (with_cell("EVENT_TYPE", "w" * 257), "eventType: 257 characters"),
        (with_cell("SESSION_ID", ""), "SESSION_ID: empty"),
        (with_cell("SESSION_ID", "s" * 257), "sessionId: 257 characters"),
        (with_cell("USER_ID", "u" * 257), "userId: 257 characters"),
        (with_cell("ITEM_ID", "i" * 257), "itemId: 257 characters"), (with_cell("ITEM_ID", "\udcff"), "UTF-8"),
        (with_cell("ITEM_ID", '"x"y'), "after a closing quote"),
        (lambda row: ",".join(map(quoted, row)) + ",more", "cells"),
    ]
    lines, reasons = [",".join(rows[0])], {}
    for number, row in enumerate(rows[1:]):
        if number % 90 == 45 and len(reasons) < 50:
            spoil_row, reason = ways[len(reasons) % len(ways)]
            lines.append(spoil_row(row))
            reasons[len(lines)] = reason
        else:
            lines.append(",".join(map(quoted, row)))
    return lines, reasons


def broken_rows(stage):
    """Of a copy of the real file with 50 broken rows all others are sent, and those 50 written down."""
    with open(real_or_skip(stage), newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    expect(not any("\n" in cell for row in rows for cell in row), "the real file has rows of several lines")
    lines, reasons = spoil(rows)
    expect_equal(len(reasons), 50, "broken rows")
    file = stage.file("broken.csv", "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n")
    with stage.endpoint():
        finished = stage.send("--json", "--rejects", stage.work / "rejects.jsonl", file)
    expect_status(finished, 1)
    summary = json.loads(finished.stdout)
    expect_equal((summary["rows"], summary["sent"], summary["rejected"], summary["notSent"]),
                 (len(rows) - 1, len(rows) - 51, 50, 0), "the summary")
    rejects = [json.loads(line) for line in (stage.work / "rejects.jsonl").read_text().splitlines()]
    expect_equal(sorted(reject["line"] for reject in rejects), sorted(reasons), "the lines of the rejects")
    for reject in rejects:
        expect_equal(reject["row"], lines[reject["line"] - 1], "the row itself")
        expect(reasons[reject["line"]] in reject["reason"], f"should say {reasons[reject['line']]}", reject)
        expect(f"line {reject['line']}: {reject['reason']}" in finished.stderr, "is not told", reject)
    good = [line for number, line in enumerate(lines, 1) if number not in reasons]
    stage.check_arrived(stage.file("good.csv", "\n".join(good) + "\n"))


def interrupted(stage):
    """Ctrl-C ends the run with a summary that agrees with what arrived."""
    header, *rows = stage.shop_file.read_text(encoding="utf-8").splitlines()
    file = stage.file("long.csv", "\n".join([header, *rows * 50]) + "\n")
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        stage.log.unlink(missing_ok=True)
        with stage.endpoint():
            process = subprocess.Popen([stage.examples / "send_events", "--tracking-id", "tracker", "--json", file],
                                       env=stage.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       encoding="utf-8")
            deadline = time.monotonic() + PATIENCE
            while not stage.log.exists() or stage.log.read_bytes().count(b"\n") < 100:
                expect(time.monotonic() < deadline and process.poll() is None, "nothing arrives")
                time.sleep(0.01)
            process.send_signal(signal_number)
            out, err = process.communicate(timeout=PATIENCE)
        expect_equal(process.returncode, 130, "exit status")
        expect("stopped by a signal" in err, "does not say why", err)
        summary = json.loads(out)
        expect(summary["notSent"] > 0, "all was sent before the signal", summary)
        expect_equal(summary["sent"], len(stage.arrived()), "rows that were sent")
        expect_equal(summary["sent"] + summary["notSent"], 50 * len(rows), "all rows")
        port = stage.work / "port"
        port.unlink(missing_ok=True)


def dry_run(stage):
    """Nothing is sent, and neither region nor credentials are needed."""
    with stage.nobody():
        finished = stage.send("--dry-run", stage.shop_file, AWS_REGION="", AWS_ACCESS_KEY_ID="",
                              AWS_SECRET_ACCESS_KEY="")
    expect_status(finished, 0)
    expect_equal(summary_of(finished)["valid"], 1000, "valid rows")


def usage(stage):
    """What no file can mend ends with status 2 and one clear sentence."""
    file = stage.file("one.csv", "SESSION_ID,TIMESTAMP,EVENT_TYPE\ns,1291191960,Watch\n")
    no_time = stage.file("no_time.csv", "SESSION_ID,EVENT_TYPE\ns,Watch\n")
    empty = stage.file("empty.csv", "")
    without_region = {"AWS_REGION": ""}
    with stage.endpoint():
        for finished, sentence in (
                (stage.run("send_events", file), "--tracking-id is required"),
                (stage.run("send_events", "--tracking-id", "t"), "FILE is required"),
                (stage.send("--no-such-option", file), "--no-such-option"),
                (stage.send("--concurrency", "0", file), "--concurrency"),
                (stage.send(stage.work / "absent.csv"), "absent.csv: cannot be opened"),
                (stage.send(stage.work), "cannot be read"),
                (stage.send("--rejects", stage.work / "absent" / "rejects", file), "cannot be written"),
                (stage.send(no_time), "there is no column TIMESTAMP"),
                (stage.send(empty), "does not name columns"),
                (stage.send(file, **without_region), "AWS_REGION"),
                (stage.send("--endpoint-url", "ftp://127.0.0.1", file), "endpoint"),
                (stage.run("send_events", "--tracking-id", "t" * 257, file), "trackingId"),
                (stage.send(file, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), "AWS_ACCESS_KEY_ID"),
                (stage.send(file, AWS_SECRET_ACCESS_KEY="wrong"), "InvalidSignatureException")):
            expect_status(finished, 2)
            expect(sentence in finished.stdout + finished.stderr, f"does not say: {sentence}",
                   finished.stdout, finished.stderr)
        expect_equal(stage.arrived(), [], "what arrived")
        expect_status(stage.run("send_events", "--help"), 0)
        expect_status(stage.send("--region", "us-east-1", file, **without_region), 0)
        expect_equal(len(stage.arrived()), 1, "events that arrived")


def nobody_answers(stage):
    """The run is stopped, and the summary tells what was not sent."""
    with stage.nobody():
        finished = stage.send(stage.shop_file)
    expect_status(finished, 1)
    expect_equal(summary_of(finished)["not sent"], 1000, "rows that were not sent")
    expect("stopped: Transport: 127.0.0.1:" in finished.stderr, "does not say why", finished.stderr)


def progress_bar(stage):
    """On a terminal a bar shows how far the run is."""
    try:
        terminal, end = pty.openpty()
    except OSError as error:
        print(f"skipped: there are no pseudo-terminals here: {error}")
        sys.exit(SKIPPED)
    with stage.endpoint():
        process = subprocess.Popen([stage.examples / "send_events", "--tracking-id", "tracker", stage.shop_file],
                                   env=stage.environment(), stdout=subprocess.DEVNULL, stderr=end)
        os.close(end)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux tells the end of a terminal
            while part := os.read(terminal, 4096):
                shown += part
        os.close(terminal)
        expect_equal(process.wait(PATIENCE), 0, "exit status")
    expect(re.search(rb"\r\[#* *\] \d+ of 1000 rows \(\d+ %\)", shown), "there is no bar", shown)
    expect(shown.endswith(b"\r\x1b[K"), "the bar stays when the run is over", shown)


CASES = (programs, programs_without_endpoint, credentials_that_fail, real_file, shop_file,
         shop_file_is_made_by_its_script, twice, every_form_of_csv, without_sessions, bad_rows, broken_rows,
         interrupted, dry_run, usage,
         nobody_answers, progress_bar)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=[case.__name__ for case in CASES])
    parser.add_argument("--examples", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    options = parser.parse_args()
    case = next(case for case in CASES if case.__name__ == options.case)
    with tempfile.TemporaryDirectory() as work:
        case(Stage(options.examples.resolve(), options.source.resolve(), pathlib.Path(work)))


if __name__ == "__main__":
    main()
