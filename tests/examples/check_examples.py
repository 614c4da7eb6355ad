# SPDX-License-Identifier: Apache-2.0
"""Runs the built examples against the built local endpoint.

    check_examples.py CASE --examples DIRECTORY --program PROGRAM --source DIRECTORY --recorder-programs PROGRAM

CASE is the name of one of the functions below. Status 77 tells CTest that a case is skipped.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import csv
import datetime
import io
import json
import os
import pathlib
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

KEY, SECRET = "test-key", "test-secret"
SKIPPED = 77
PATIENCE = 120  # seconds; only a program that hangs needs them


class Stage:
    """The built examples and tools, a folder to work in, and an endpoint."""

    def __init__(self, examples, program, source, recorder_programs, work):
        self.examples, self.program, self.source, self.work = examples, program, source, work
        self.spool_writer = [recorder_programs, "spool_writer"]
        self.log = work / "events.jsonl"
        self.url = ""

    @contextlib.contextmanager
    def endpoint(self, *options):
        port_file = self.work / "port"
        port_file.unlink(missing_ok=True)
        process = subprocess.Popen(
            [self.program, "endpoint", "--port-file", port_file, "--log", self.log,
             "--access-key-id", KEY, "--secret-access-key", SECRET, *options], stdout=subprocess.DEVNULL)
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
                "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true",
                **more}

    def run(self, name, *arguments, given=b"", patience=PATIENCE, **more):
        """A finished run; `given` are the bytes on its standard input."""
        done = subprocess.run([self.examples / name, *arguments], env=self.environment(**more), input=given,
                              capture_output=True, timeout=patience)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def tool(self, command, *arguments, **more):
        """A finished run of a command of personalize-events."""
        return self.run(self.program, command, *arguments, **more)

    def send(self, *arguments, **more):
        return self.tool("send", "--tracking-id", "tracker", *arguments, **more)

    def start(self, *arguments):
        return subprocess.Popen([self.program, "send", "--tracking-id", "tracker", *arguments],
                                env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, encoding="utf-8")

    def send_until(self, count, signal_number, *arguments):
        """Starts a run, sends it a signal when so many events have arrived in all, and waits for its end."""
        process = self.start(*arguments)
        deadline = time.monotonic() + PATIENCE
        while not self.log.exists() or self.log.read_bytes().count(b"\n") < count:
            expect(time.monotonic() < deadline and process.poll() is None, f"{count} events do not arrive")
            time.sleep(0.01)
        process.send_signal(signal_number)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def ask(self, what):
        """What the endpoint tells of what came, line by line."""
        request = urllib.request.Request(self.url + "/_local/" + what)
        no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with no_proxy.open(request, timeout=PATIENCE) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

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
            if name == "coroutine" and not (stage.examples / name).exists():
                continue  # this compiler has none
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


def account_of_settings(stage):
    """explain tells where each setting comes from, and no secret."""
    config = stage.file("config", "[default]\nregion = eu-west-3\nmax_attempts = 5\n")
    finished = stage.run("explain", AWS_REGION="", AWS_CONFIG_FILE=str(config), AWS_ENDPOINT_URL="",
                         AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="never-shown",
                         HTTPS_PROXY="http://user:never-shown@proxy.example.com:3128")
    expect_status(finished, 0)
    expect_equal(finished.stderr, "", "what explain complains of")
    for line in (f"region                eu-west-3  [{config}:2]\n",
                 f"attempts              5  [{config}:3]\n",
                 "endpoint              https://personalize-events.eu-west-3.amazonaws.com  [the region's]\n",
                 "proxy                 libcurl decides  [HTTPS_PROXY]\n",
                 "  1 environment       has keys AKIA****MPLE  [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY]\n"):
        expect(line in finished.stdout, f"no line {line!r}", finished.stdout)
    expect("never-shown" not in finished.stdout, "a secret is shown", finished.stdout)


# --- The recorder ---------------------------------------------------------------------------------


def run_recorder(stage, name):
    """What arrives of a run that ends well, in order, without what is of each run alone."""
    with stage.endpoint():
        finished = stage.run(name, "tracker", AWS_ENDPOINT_URL="",
                             AWS_ENDPOINT_URL_PERSONALIZE_EVENTS=stage.url)
    expect_status(finished, 0)
    expect_equal(finished.stdout, (stage.source / "examples" / f"{name}.output").read_text(), "the output")
    events = stage.arrived()
    stage.log.unlink()
    expect_equal(len({event["eventId"] for event in events}), len(events), "event ids")
    expect_equal([event["sentAt"] for event in events], sorted(event["sentAt"] for event in events), "the times")
    for event in events:
        expect_equal((event.pop("operation"), event.pop("trackingId")), ("PutEvents", "tracker"), "where it went")
        del event["eventId"], event["sentAt"]
    return events


def recorder_examples(stage):
    """What the examples of the recorder say they send is what arrives."""
    user = {"sessionId": "session-1", "userId": "user-7"}
    expect_equal(run_recorder(stage, "recorder"),
                 [{**user, "eventType": "Watch", "itemId": "movie-42", "eventValue": n} for n in range(25)],
                 "what recorder sends")
    expect_equal(run_recorder(stage, "login"),
                 [{"sessionId": "session-1", "eventType": "View", "itemId": "boots"},
                  {"sessionId": "session-1", "eventType": "View", "itemId": "tent"},
                  {**user, "eventType": "View", "itemId": "stove"}], "what login sends")
    expect_equal(run_recorder(stage, "feedback"),
                 [{**user, "eventType": "Shown", "recommendationId": "RID-4f2c",
                   "impression": ["boots", "tent", "stove"]},
                  {**user, "eventType": "Click", "itemId": "tent", "recommendationId": "RID-4f2c"},
                  {**user, "eventType": "Purchase", "itemId": "tent", "eventValue": 249.5,
                   "metricAttribution": {"eventAttributionSource": "front-page"}}], "what feedback sends")
    expect_equal(run_recorder(stage, "game_loop"),
                 [{"sessionId": "match-1", "userId": "player-7", "eventType": "PointWon",
                   "itemId": "level-3"}] * 15,
                 "what game_loop sends")


def recorder_without_endpoint(stage):
    """Where nobody answers, the fault is told, and the events are dropped at the end of close."""
    with stage.nobody():
        finished = stage.run("recorder", "tracker")
    expect_status(finished, 1)
    expect("Offline began: Transport: 127.0.0.1:" in finished.stderr, "does not tell the fault", finished.stderr)
    expect("\n0 delivered, 25 dropped\n" in finished.stdout, "does not tell the end", finished.stdout)


@contextlib.contextmanager
def web_server(stage):
    """The server and its URL. It is ended, if it still runs."""
    process = subprocess.Popen([stage.examples / "web_server", "tracker"], env=stage.environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def visit(url, item, session, user=None):
    """The status of one request."""
    headers = {"Session-Id": session, **({"User-Id": user} if user else {})}
    no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with no_proxy.open(urllib.request.Request(f"{url}/{item}", headers=headers), timeout=PATIENCE) as answer:
            expect_equal(answer.read().decode(), f"{item} for sale\n", "the page")
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            expect("sessionId: 0 characters, at least 1" in error.read().decode(), "does not say what is wrong")
            return error.code


def recording_web_server(stage):
    """Every visit of many at once arrives; SIGTERM ends the server when all has."""
    visits = [(f"item-{n}", f"session-{n % 7}", f"user-{n % 7}" if n % 7 else None) for n in range(200)]
    with stage.endpoint(), web_server(stage) as (process, url):
        with concurrent.futures.ThreadPoolExecutor(8) as visitors:
            statuses = list(visitors.map(lambda one: visit(url, *one), visits))
        expect_equal(statuses, [200] * 200, "statuses")
        expect_equal(visit(url, "item", ""), 400, "the status without a session")
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
    expect_equal((process.returncode, out, err), (0, "200 events recorded, 200 delivered, 0 dropped\n", ""), "the end")
    expect_equal(sorted((event["itemId"], event["sessionId"], event.get("userId")) for event in stage.arrived()),
                 sorted(visits), "the visits")


def recording_web_server_alone(stage):
    """Visitors do not notice that nobody takes the events; the end says so."""
    with stage.nobody(), web_server(stage) as (process, url):
        for n in range(30):
            expect_equal(visit(url, f"item-{n}", "session"), 200, "the status")
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
    expect_equal((process.returncode, out), (1, "30 events recorded, 0 delivered, 30 dropped\n"), "the end")
    expect("Transport: 127.0.0.1:" in err, "does not say why", err)


def unit_test_of_your_code(stage):
    """A test with a RecordingSink links neither libcurl nor OpenSSL."""
    shown = subprocess.run(["readelf", "--dynamic", stage.examples / "unit_test_your_code"], capture_output=True,
                           encoding="utf-8", timeout=PATIENCE, check=True).stdout
    libraries = re.findall(r"\(NEEDED\).*\[(.*)\]", shown)
    expect(any(library.startswith("libc.so") for library in libraries), "readelf names no libraries", shown)
    unwanted = [library for library in libraries if re.match(r"lib(curl|crypto|ssl)", library)]
    expect_equal(unwanted, [], "what it links")


# --- send ----------------------------------------------------------------------------------


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


def numbers_of_csv(stage):
    """Each cell of a property column arrives with its characters, as a number or as text."""
    header = "SESSION_ID,TIMESTAMP,EVENT_TYPE,PRICE,ORDER,SCORE,ZIP,COUNTRY,RATING"
    lines = ["s,1,W,1.10,12345678901234567890123,12e4,007,NA,NULL", "s,2,W,2,12345678901234567890124,0e12,8,DE,4.50",
             "s,3,W,x,y,z,1,AT,z", "s,today,W,x,y,z,1,AT,z"]
    accepted = stage.file("accepted.csv", "\n".join([header, *lines[:2], lines[3]]) + "\n")
    everything = stage.file("everything.csv", "\n".join([header, *lines[:3]]) + "\n")
    with stage.endpoint():
        finished = stage.send(accepted)
        expect_status(finished, 1)
        properties = [event["properties"] for event in stage.arrived()]
        expect_equal(properties, [
            '{"price":1.10,"order":"12345678901234567890123","score":12e4,"zip":"007","country":"NA"}',
            '{"price":2,"order":"12345678901234567890124","score":0e12,"zip":"8","country":"DE","rating":4.50}'],
            "the properties")
        for sentence in ("note: column ORDER is sent as text", "note: column RATING is a number column"):
            expect(finished.stderr.count(sentence) == 1, f"does not say once: {sentence}", finished.stderr)
        stage.log.write_text("")
        finished = stage.send("--text", "SCORE", "--number", "ORDER", "--null", "NA", "--null", "z", everything)
        expect_status(finished, 1)
        expect(":4: error: ORDER: not a number" in finished.stderr, "does not name the column", finished.stderr)
        properties = [event["properties"] for event in stage.arrived()]
        expect_equal(properties, [
            '{"price":1.10,"order":12345678901234567890123,"score":"12e4","zip":"007","rating":"NULL"}',
            '{"price":2,"order":12345678901234567890124,"score":"0e12","zip":"8","country":"DE","rating":"4.50"}'],
            "the properties with options")


def headers_of_csv(stage):
    """Headers that are nearly known are read with a note; options read files with other columns."""
    row = "u,s,i,1,Watch"
    expected = {"userId": "u", "sessionId": "s", "itemId": "i", "sentAt": 1, "eventType": "Watch"}
    files = {
        "exact": ("USER_ID,SESSION_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n" + row, [], []),
        "members": ("userId,sessionId,itemId,sentAt,eventType\n" + row, [], []),
        "blank": ("USER_ID,SESSION_ID,ITEM_ID ,TIMESTAMP,EVENT_TYPE\n" + row, [], ['"ITEM_ID " is read as ITEM_ID']),
        "invisible": ("\ufeff\ufeffUSER_ID,SESSION_ID,ITEM-ID,TIMESTAMP\u200b,EVENT_TYPE\u00a0\n" + row, [],
                      ['"\\ufeffUSER_ID" is read as USER_ID', '"ITEM-ID" is read as ITEM_ID',
                       '"TIMESTAMP\\u200b" is read as TIMESTAMP', '"EVENT_TYPE\\u00a0" is read as EVENT_TYPE']),
        "pandas": (",USER_ID,SESSION_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n0," + row, [], ["first column, which has no name"]),
        "excel": ("sep=;\r\n" + "USER_ID;SESSION_ID;ITEM_ID;TIMESTAMP;EVENT_TYPE;\r\n" + row.replace(",", ";") + ";",
                  [], ["last column without a name"]),
        "tabs": ("USER_ID\tSESSION_ID\tITEM_ID\tTIMESTAMP\tEVENT_TYPE\n" + row.replace(",", "\t"),
                 ["--delimiter", "tab"], []),
        "mapped": ("who,SESSION_ID,product,TIMESTAMP,kind,junk\n" + row + ",x",
                   ["--map", "USER_ID=who", "--map", "ITEM_ID=product", "--ignore", "junk", "--ignore", "kind",
                    "--event-type", "Watch"], [])}
    with stage.endpoint():
        for name, (text, options, notes) in files.items():
            finished = stage.send(*options, stage.file(name + ".csv", text + "\n"))
            expect_status(finished, 0)
            event = stage.arrived()[-1]
            expect_equal({member: event[member] for member in expected if member in event}, expected, name)
            expect("properties" not in event, f"{name}: a column became a property", event)
            expect_equal(finished.stderr.count("note: "), len(notes), f"{name}: notes in {finished.stderr}")
            for note in notes:
                expect(note in finished.stderr, f"{name}: does not say: {note}", finished.stderr)
        count = len(stage.arrived())
        header = "USER_ID,SESSION_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n" + row + "\n"
        for text, options, sentence in (
                (header.replace("EVENT_TYPE", "EVENT_TYPE,item-id"), [], '"ITEM_ID", "item-id"'),
                (header.encode("utf-16"), [], "iconv -f UTF-16"), (header.encode("utf-16-be"), [], "iconv -f UTF-16"),
                (header.replace("\n", "\r"), [], "lines that end in CR only"),
                (header.replace(",", ";"), [], "give --delimiter ';'"),
                (header.replace(",", "\t"), [], "give --delimiter tab"),
                ('[{"sessionId":"s","eventType":"Watch"}]', [], "JSON array"),
                (header, ["--delimiter", "x"], "--delimiter: expected"),
                (header, ["--event-type", "Watch"], "there is a column EVENT_TYPE"),
                (header, ["--map", "ITEM_ID=product"], "no column product for --map"),
                (header, ["--ignore", "product"], "no column product for --ignore")):
            finished = stage.send(*options, stage.file("refused.csv", text))
            expect_status(finished, 2)
            expect(sentence in finished.stderr, f"does not say: {sentence}", finished.stderr)
        lines = stage.file("lines.jsonl", '{"sessionId":"null","eventType":"Watch","sentAt":1}\n' * 2
                           + '{"sessionId":"s","eventType":"Watch","sentAt":-5}\n'
                           + '{"sessionId":"s","eventType":"Watch","eventValue":1e39}\n')
        finished = stage.send("--map", "ITEM_ID=product", lines)
        expect_status(finished, 2)
        expect("--map is for CSV files only" in finished.stderr, "does not say why", finished.stderr)
        finished = stage.send(lines)
        expect_status(finished, 1)
        expect_equal(finished.stderr.count('the sessionId is "null"'), 1, "warnings")
        for sentence in (":3: error: sentAt: not a number of seconds", ":4: error: eventValue: beyond the range"):
            expect(sentence in finished.stderr, f"does not say: {sentence}", finished.stderr)
        expect_equal(len(stage.arrived()), count + 2, "events that arrived")


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
        reasons = {int(line): reason
                   for line, reason in re.findall(r"\.csv:(\d+): error: (.*)$", run.stderr, re.MULTILINE)}
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
        expect(f":{reject['line']}: error: {reject['reason']}" in finished.stderr, "is not told", reject)
    good = [line for number, line in enumerate(lines, 1) if number not in reasons]
    stage.check_arrived(stage.file("good.csv", "\n".join(good) + "\n"))


def interrupted(stage):
    """Ctrl-C ends the run with a summary that agrees with what arrived."""
    header, *rows = stage.shop_file.read_text(encoding="utf-8").splitlines()
    file = stage.file("long.csv", "\n".join([header, *rows * 50]) + "\n")
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        stage.log.unlink(missing_ok=True)
        with stage.endpoint():
            finished = stage.send_until(100, signal_number, "--json", file)
        expect_status(finished, 130)
        expect("stopped by a signal" in finished.stderr, "does not say why", finished.stderr)
        summary = json.loads(finished.stdout)
        expect(summary["notSent"] > 0, "all was sent before the signal", summary)
        expect_equal(summary["sent"], len(stage.arrived()), "rows that were sent")
        expect_equal(summary["sent"] + summary["notSent"], 50 * len(rows), "all rows")


def without_ids(stage, rows):
    """A file without sessions and event ids, in which some rows repeat another and some are bad."""
    script = stage.source / "tests" / "examples" / "make_rows.py"
    made = subprocess.run([sys.executable, script, str(rows)], capture_output=True, timeout=PATIENCE, check=True)
    header, *lines = made.stdout.decode().splitlines()
    bad = list(range(100, len(lines), 333))
    for number in bad:
        lines[number] = f"user,item,,Click,{number},,"
    return stage.file("without_ids.csv", "\n".join([header, *lines]) + "\n"), len(bad)


def in_one_go(stage, file):
    """All events of a file as one run sends them, each as text."""
    with stage.endpoint():
        stage.send(file)
    events = collections.Counter(json.dumps(event, sort_keys=True) for event in stage.arrived())
    stage.log.unlink()
    return events


def resumed(stage):
    """A run that is interrupted three times and resumed sends every row once, with the ids of one run."""
    file, bad = without_ids(stage, 3000)
    expected = in_one_go(stage, file)
    options = ["--json", "--resume", stage.work / "state", "--rejects", stage.work / "rejects"]
    slowly = ["--rate", "500"]  # so that a run is never over before its signal
    with stage.endpoint():
        done = 0
        for _ in range(3):
            finished = stage.send_until(done + 300, signal.SIGINT, *slowly, *options, file)
            expect_status(finished, 130)
            summary = json.loads(finished.stdout)
            expect_equal(summary["doneBefore"], done, "rows of the runs before")
            done += summary["sent"] + summary["rejected"]
            expect_equal(done + summary["notSent"], 3000, "all rows")
            expect(summary["notSent"] > 0, "the run ended before the signal", summary)
        finished = stage.send(*options, file)
        expect_status(finished, 1)  # some rows are bad
        expect_equal(json.loads(finished.stdout)["doneBefore"], done, "rows of the runs before")
        again = stage.send(*options, file)
    expect_status(again, 1)
    expect("all was sent before" in again.stderr, "does not say that nothing is left", again.stderr)
    expect_equal(json.loads(again.stdout)["sent"], 0, "rows that the complete run sent")
    events = collections.Counter(json.dumps(event, sort_keys=True) for event in stage.arrived())
    expect_equal(events, expected, "the events")
    rejects = [json.loads(line)["line"] for line in (stage.work / "rejects").read_text().splitlines()]
    expect_equal((len(rejects), len(set(rejects))), (bad, bad), "the rejects")
    expect(json.loads((stage.work / "state").read_text())["complete"], "the state is not complete")


def resumed_real_file(stage):
    """The same of the real file, compared column by column."""
    file = real_or_skip(stage)
    options = ["--resume", stage.work / "state"]
    with stage.endpoint():
        for part in (1, 2, 3):
            expect_status(stage.send_until(part * 600, signal.SIGINT, "--rate", "1000", *options, file), 130)
        expect_status(stage.send(*options, file), 0)
        again = stage.send(*options, file)
    expect_status(again, 0)
    stage.check_arrived(file)


def resumed_after_kill(stage):
    """After SIGKILL some rows come again, but none is left out, and each has the id that it had."""
    file, bad = without_ids(stage, 4000)
    expected = in_one_go(stage, file)
    options = ["--resume", stage.work / "state", "--rejects", stage.work / "rejects"]
    with stage.endpoint():
        for part in (1, 2):
            killed = stage.send_until(part * 800, signal.SIGKILL, "--rate", "500", *options, file)
            expect_status(killed, -signal.SIGKILL)
        finished = stage.send("--json", *options, file)
    expect_status(finished, 1)
    expect(json.loads(finished.stdout)["doneBefore"] > 300, "the run began anew", finished.stdout)
    events = {json.dumps(event, sort_keys=True) for event in stage.arrived()}
    expect_equal(events, set(expected), "the events")
    expect_equal(max(expected.values()), 1, "events with one id")
    rejects = [json.loads(line)["line"] for line in (stage.work / "rejects").read_text().splitlines()]
    expect_equal((len(rejects), len(set(rejects))), (bad, bad), "the rejects")


def wrong_resume(stage):
    """A state that does not belong to the run is refused with the reason, and stays as it is."""
    text = stage.shop_file.read_bytes()
    file, state = stage.file("shop.csv", text), stage.work / "state"
    foreign = stage.file("foreign", "precious")
    with stage.endpoint():
        expect_status(stage.send("--resume", state, file), 0)
        kept = state.read_bytes()
        other = stage.file("other.csv", text + text.splitlines(keepends=True)[1])
        for finished, sentence in (
                (stage.send("--resume", state, other), "the file's size is not the same"),
                (stage.send("--resume", state, "--session-gap", "31", file), "--session-gap is not the same"),
                (stage.tool("send", "--tracking-id", "other", "--resume", state, file), "--tracking-id is not"),
                (stage.send("--resume", state, "--null", "NULL", file), "an option for columns"),
                (stage.send("--resume", foreign, file), "no state of personalize-events send"),
                (stage.send("--resume", state, "-", given=text), "standard input cannot be read again"),
                (stage.send("--resume", state, "--dry-run", file), "a dry run sends nothing"),
                (stage.send("--resume", file, file), "that is FILE itself"),
                (stage.send("--resume", stage.work / "absent" / "state", file), "cannot be locked")):
            expect_status(finished, 2)
            expect(sentence in finished.stderr, f"does not say: {sentence}", finished.stderr)
    expect_equal(state.read_bytes(), kept, "the state")
    expect_equal(foreign.read_bytes(), b"precious", "the foreign file")
    expect_equal(file.read_bytes(), text, "the file")


# --- JSON Lines, standard input, the rate ---------------------------------------------------------


def jsonl(stage):
    """Events and whole requests in the API's member names arrive as they are; odd ones are rejected."""
    start = 1291191960
    watch = {"userId": "ann", "sessionId": "s", "eventType": "Watch", "sentAt": start + 0.5, "itemId": "i",
             "eventId": "e-1", "eventValue": 2.5, "properties": {"device": "tv", "deep": {"a": [1.5]}},
             "recommendationId": "r", "impression": ["x", "y"],
             "metricAttribution": {"eventAttributionSource": "mail"}}
    plain = {"userId": "bob", "eventType": "Click", "sentAt": start}
    request = {"userId": "cid", "sessionId": "t", "eventList": [
        {"eventType": "A", "sentAt": start, "properties": "{\"n\": 1}"}, {"eventType": "B"},
        {"eventType": "C", "itemid": "x"}]}
    lines = [json.dumps(watch), json.dumps(plain), "", json.dumps(plain), json.dumps({**plain, "sentAt": start + 60}),
             json.dumps(request), json.dumps({"trackingId": "other", **request}), "{",
             json.dumps({**plain, "ITEM_ID": "x"}), json.dumps({"eventType": "Watch", "sentAt": start})]
    expected = [(6, "unknown member \"itemid\""), (7, "trackingId: not the one of --tracking-id"),
                (7, "trackingId: not the one of --tracking-id"), (7, "unknown member \"itemid\""),
                (8, "not JSON at byte"), (9, "unknown member \"ITEM_ID\""), (10, "sessionId: missing")]
    file = stage.file("lines.jsonl", "\ufeff" + "\r\n".join(lines))
    rejects = stage.work / "rejects"
    with stage.endpoint():
        finished = stage.send("--json", "--rejects", rejects, file)
        first = stage.arrived()
        stage.log.write_text("")
        by_content = stage.send("--format", "jsonl", stage.file("lines.txt", file.read_bytes()))
        expect_status(by_content, 1)
        by_pipe = stage.send("-", given=file.read_bytes())
        expect_status(by_pipe, 1)
    expect_status(finished, 1)
    told = sorted((reject["line"], reject["reason"], reject["row"])
                  for reject in map(json.loads, rejects.read_text().splitlines()))
    expect_equal([line for line, _, _ in told], [line for line, _ in expected], "the lines of the rejects")
    for (_, reason, _), (_, sentence) in zip(told, expected):
        expect(sentence in reason, f"does not say: {sentence}", reason)
    expect_equal(json.loads(told[0][2]), {"userId": "cid", "sessionId": "t", "eventType": "C", "itemid": "x"},
                 "an event of a request on its own")
    expect_equal((json.loads(finished.stdout)["rows"], len(first)), (13, 6), "rows and events")
    whole = next(event for event in first if event.get("eventId") == "e-1")
    expect_equal(whole.pop("properties"), json.dumps(watch["properties"], separators=(",", ":")),
                 "the properties")
    expect_equal({name: value for name, value in whole.items() if name not in ("operation", "trackingId")},
                 {name: value for name, value in watch.items() if name != "properties"}, "the event")
    clicks = [event for event in first if event["userId"] == "bob"]
    expect_equal((len(clicks), len({click["eventId"] for click in clicks}),
                  len({click["sessionId"] for click in clicks})), (3, 3, 1), "events, ids and sessions")
    expect_equal(json.loads(next(event for event in first if event["eventType"] == "A")["properties"]), {"n": 1},
                 "properties that were a text")
    stable = sorted(event["eventId"] for event in first)
    expect_equal(sorted(event["eventId"] for event in stage.arrived()), sorted(stable * 2), "the ids of more runs")


def jsonl_without_tracking_id(stage):
    """Lines may say their tracker themselves."""
    lines = [{"trackingId": tracker, "sessionId": "s", "eventList": [{"eventType": "A", "sentAt": 1}]}
             for tracker in ("one", "two", "one")]
    file = stage.file("lines.jsonl", "\n".join(map(json.dumps, lines)) + '\n{"sessionId":"s","eventType":"A"}\n')
    with stage.endpoint():
        finished = stage.tool("send", file)
    expect_status(finished, 1)
    expect(":4: error: trackingId: missing" in finished.stderr, "does not say why", finished.stderr)
    expect_equal(sorted(event["trackingId"] for event in stage.arrived()), ["one", "one", "two"], "the trackers")


def standard_input(stage):
    """What comes through a pipe arrives as the file would; numbers are the columns that are named."""
    file, bad = without_ids(stage, 1000)
    expected = in_one_go(stage, file)
    numbers = ["--number", "NUM_RATINGS"]
    with stage.endpoint():
        finished = stage.send("--json", *numbers, "-", given=file.read_bytes())
        expect_status(finished, 1)
        events = collections.Counter(json.dumps(event, sort_keys=True) for event in stage.arrived())
        expect_equal(events, expected, "the events")
        expect_equal(json.loads(finished.stdout)["rejected"], bad, "rejected rows")
        stage.log.write_text("")
        text = "SESSION_ID,TIMESTAMP,EVENT_TYPE,A,B\ns,1,W,1,2\ns,2,W,x,3\ns,3,W,,4\n"
        finished = stage.send("--number", "A", "-", given=text.encode())
        expect_status(finished, 1)
        expect("standard input:3: error: A: not a number" in finished.stderr, "does not name the column", finished.stderr)
        expect_equal([json.loads(event["properties"]) for event in stage.arrived()], [{"a": 1, "b": "2"}, {"b": "4"}],
                     "the properties")
        for arguments, sentence in ((["--number", "C", "-"], "no column C for --number"),
                                    (["--number", "A", "--text", "A", "-"], "both --text and --number")):
            finished = stage.send(*arguments, given=text.encode())
            expect_status(finished, 2)
            expect(sentence in finished.stderr, f"does not say: {sentence}", finished.stderr)


def standard_input_interrupted(stage):
    """Ctrl-C ends a run that waits for a pipe. What came before is sent, and a part of a row is no row."""
    with stage.endpoint():
        process = stage.start("--json", "-")
        process.stdin.write("SESSION_ID,TIMESTAMP,EVENT_TYPE\n" + "s,1,Watch\n" * 25 + "s,1")
        process.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while not stage.log.exists() or stage.log.read_bytes().count(b"\n") < 20:
            expect(time.monotonic() < deadline and process.poll() is None, "nothing arrives")
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        expect_equal(process.wait(PATIENCE), 130, "exit status")
        summary = json.loads(process.stdout.read())
        process.stdin.close()
        process.stdout.close()
        process.stderr.close()
    numbers = [summary[member] for member in ("rows", "sent", "rejected", "notSent")]
    expect_equal(numbers, [25, 25, 0, 0], "the summary")
    expect_equal(len(stage.arrived()), 25, "events that arrived")


def rate(stage):
    """No more events a second than asked for."""
    with stage.endpoint():
        finished = stage.send("--json", "--rate", "1000", stage.shop_file)
    expect_status(finished, 0)
    seconds = json.loads(finished.stdout)["seconds"]
    expect(seconds >= (1000 - 10) / 1000, f"1000 events took {seconds} s only")  # the last ten wait for nobody


def large_file(stage):
    """A million rows in memory that a million more would not change."""
    script = stage.source / "tests" / "examples" / "make_rows.py"
    most = 64 * 1024  # KiB; a table of the rows would take as much again
    for options, rows in (([], 1_000_000), (["--equal"], 300_000)):
        file = stage.work / "large.csv"
        with open(file, "wb") as out:
            subprocess.run([sys.executable, script, str(rows), *options], stdout=out, timeout=PATIENCE, check=True)
        finished = stage.send("--json", "--dry-run", file, patience=2 * PATIENCE, TMPDIR=str(stage.work))
        expect_status(finished, 0)
        expect_equal(json.loads(finished.stdout)["valid"], rows, "valid rows")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # the largest of all, and send is
        print(f"{rows} rows: {json.loads(finished.stdout)['seconds']} s, at most {peak} KiB")
        expect(peak < most, f"{peak} KiB of memory, {most} at most")
    without_room = stage.send("--dry-run", file, TMPDIR="/nonexistent/folder")
    expect_status(without_room, 2)
    expect("TMPDIR" in without_room.stderr, "does not name TMPDIR", without_room.stderr)


def many_sessions(stage):
    """Batches are full when the rows of many sessions are interleaved, in bounded memory."""
    most = 400 * 1024  # KiB: 256 MiB for rows and events, and the rest of the program
    for sessions, rounds in ((800, 20), (20_000, 10)):
        stage.log.unlink(missing_ok=True)
        rows = ["USER_ID,SESSION_ID,TIMESTAMP,EVENT_TYPE,ITEM_ID,EVENT_ID\n"]
        for turn in range(rounds):
            rows.extend(f"user-{session},session-{session},{1_700_000_000 + turn},Watch,item-{session % 97},"
                        f"event-{session}-{turn}\n" for session in range(sessions))
        file = stage.file("interleaved.csv", "".join(rows))
        with stage.endpoint("--keep", "0"):
            finished = stage.send("--json", "--concurrency", "16", file, patience=2 * PATIENCE)
        expect_status(finished, 0)
        summary = json.loads(finished.stdout)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"{sessions} sessions: {summary['requests']} requests, {summary['seconds']} s, at most {peak} KiB")
        expect_equal((summary["sent"], summary["requests"]), (sessions * rounds, sessions * rounds // 10),
                     "rows and requests")
        expect(peak < most, f"{peak} KiB of memory, {most} at most")


def two_runs_on_one_state(stage):
    """The second run on a --resume file is refused while the first one runs."""
    state = stage.work / "state"
    with stage.endpoint():
        first = stage.start("--resume", state, "--rate", "20", stage.shop_file)
        deadline = time.monotonic() + PATIENCE
        while not (stage.work / "state.lock").exists():
            expect(time.monotonic() < deadline and first.poll() is None, "no lock")
            time.sleep(0.01)
        second = stage.send("--resume", state, stage.shop_file)
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=PATIENCE)
    expect_status(second, 2)
    expect("is in use by another run" in second.stderr, "does not say why", second.stderr)
    expect("resume with the same command" in err, "gives no hint", err)
    expect(not (stage.work / "state.lock").exists(), "the lock is left")


def web_pages_are_refused(stage):
    """A page that rebinds its host name to 127.0.0.1, and one that posts from another site."""
    with stage.endpoint():
        for headers in ({"Host": "attacker.example"}, {"Origin": "https://attacker.example"}):
            for method, path in (("GET", "events"), ("GET", "summary"), ("POST", "faults"), ("POST", "reset")):
                request = urllib.request.Request(f"{stage.url}/_local/{path}", method=method, headers=headers,
                                                 data=b'{"status":503}' if method == "POST" else None)
                try:
                    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
                        expect(False, f"{method} {path} with {headers} is answered with {response.status}")
                except urllib.error.HTTPError as error:
                    expect_equal(error.code, 403, f"{method} {path} with {headers}")
        expect_status(stage.send(stage.shop_file), 0)


def variables_for_a_shell(stage):
    """eval takes the output of --export, whatever the keys contain."""
    script = (f"eval \"$('{stage.program}' endpoint --export --secret-access-key \"it's-a-\\$secret\" &)\" || exit 9\n"
              "printf '%s\\n' \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_ENDPOINT_URL_PERSONALIZE_EVENTS\"\n"
              f"'{stage.program}' send --tracking-id tracker --json '{stage.shop_file}'\n"
              "kill \"$PERSONALIZE_EVENTS_ENDPOINT_PID\"\n")
    environment = {"HOME": str(stage.work), "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, encoding="utf-8", timeout=PATIENCE)
    expect_status(done, 0)
    secret, url, summary = done.stdout.splitlines()
    expect_equal(secret, "it's-a-$secret", "the secret")
    expect(url.startswith("http://127.0.0.1:"), "the URL", url)
    expect_equal(json.loads(summary)["sent"], 1000, "rows sent")


def help_and_completion(stage):
    """Help is no wider than the terminal, the man page has every option, and bash completes words."""
    commands = ("", "send", "endpoint", "spool", "spool ls", "spool check", "spool export", "spool purge",
                "spool drain", "spool resend", "explain", "completion")
    page = stage.tool("man-page").stdout.replace("\\-", "-")
    for command in commands:
        for width in (50, 80):
            finished = stage.tool(*command.split(), "--help", COLUMNS=str(width))
            expect_status(finished, 0)
            expect_equal(finished.stderr, "", f"standard error of {command} --help")
            for line in finished.stdout.splitlines():
                expect(len(line) <= width or " " not in line.strip(), f"{command} --help is wider than {width}", line)
            for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", finished.stdout, re.M):
                expect(option in page or command == "", f"no {option} in the man page")
    version = stage.tool("--version")
    expect(re.fullmatch(r"personalize-events \d+\.\d+\.\d+\n", version.stdout), "no version", version.stdout)
    script = stage.file("completion.bash", stage.tool("completion", "bash").stdout)
    for words, expected in ((["sp"], "spool"), (["spool", "dr"], "drain"), (["spool", "drain", "--acc"], "--account"),
                            (["send", "--rej"], "--rejects")):
        line = " ".join(f"'{word}'" for word in ["personalize-events", *words])
        done = subprocess.run(["bash", "-c", f"source '{script}'; COMP_WORDS=({line}); COMP_CWORD={len(words)}; "
                               "_personalize_events; echo \"${COMPREPLY[*]}\""],
                              capture_output=True, encoding="utf-8", timeout=PATIENCE)
        expect_equal(done.stdout.strip(), expected, f"the completion of {words}")
    for arguments, reason in ((["no-such"], "no-such"), ([], "subcommand"), (["send"], "FILE is required")):
        finished = stage.tool(*arguments) if arguments else stage.run(stage.program)
        expect_status(finished, 2)
        expect(finished.stderr.startswith("personalize-events") and reason in finished.stderr, "no reason", finished.stderr)


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
                (stage.tool("send", file), "--tracking-id is required"),
                (stage.tool("send", "--tracking-id", "t"), "FILE is required"),
                (stage.send("--no-such-option", file), "--no-such-option"),
                (stage.send("--concurrency", "0", file), "--concurrency"),
                (stage.send(stage.work / "absent.csv"), "absent.csv: cannot be opened"),
                (stage.send(stage.work), "cannot be read"),
                (stage.send("--rejects", stage.work / "absent" / "rejects", file), "cannot be written"),
                (stage.send(no_time), "there is no column TIMESTAMP"),
                (stage.send(empty), "does not name columns"),
                (stage.send(file, **without_region), "AWS_REGION"),
                (stage.send("--endpoint-url", "ftp://127.0.0.1", file), "endpoint"),
                (stage.tool("send", "--tracking-id", "t" * 257, file), "trackingId"),
                (stage.send(file, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), "AWS_ACCESS_KEY_ID"),
                (stage.send(file, AWS_SECRET_ACCESS_KEY="wrong"), "InvalidSignatureException")):
            expect_status(finished, 2)
            expect(sentence in finished.stdout + finished.stderr, f"does not say: {sentence}",
                   finished.stdout, finished.stderr)
        expect_equal(stage.arrived(), [], "what arrived")
        expect_status(stage.tool("send", "--help"), 0)
        expect_status(stage.send("--region", "us-east-1", file, **without_region), 0)
        expect_equal(len(stage.arrived()), 1, "events that arrived")


def nobody_answers(stage):
    """The run is stopped, and the summary tells what was not sent."""
    with stage.nobody():
        finished = stage.send(stage.shop_file)
    expect_status(finished, 1)
    expect_equal(summary_of(finished)["not sent"], 1000, "rows that were not sent")
    expect("stopped: Transport: 127.0.0.1:" in finished.stderr, "does not say why", finished.stderr)


def service_that_fails(stage):
    """One that stays away stops the run; the next run sends the rest."""
    state = ["--resume", stage.work / "state"]
    with stage.endpoint("--fault", "PutEvents:status=503,code=ServiceUnavailable"):
        finished = stage.send(*state, stage.shop_file)
    expect_status(finished, 1)
    expect_equal(summary_of(finished)["not sent"], 1000, "rows that were not sent")
    expect("stopped: Service: ServiceUnavailable" in finished.stderr, "does not say why", finished.stderr)
    with stage.endpoint():
        expect_status(stage.send(*state, stage.shop_file), 0)
    stage.check_arrived(stage.shop_file)


def intermediary_responds(stage):
    """The page of a captive portal, gateway or proxy ends no row: the run stops, and the next run sends them all."""
    for status in (200, 400, 407):
        state = ["--resume", stage.work / f"state-{status}"]
        with stage.endpoint("--fault", f"PutEvents:from=intermediary,status={status}"):
            finished = stage.send("--json", *state, stage.shop_file)
        expect_status(finished, 1)
        counts = json.loads(finished.stdout)
        expect_equal((counts["sent"], counts["rejected"], counts["notSent"]), (0, 0, 1000), f"rows, HTTP {status}")
        expect("stopped: Response: Intermediary: " in finished.stderr and f"(HTTP {status})" in finished.stderr
               and "captive portal" in finished.stderr and "endpoint_url" in finished.stderr,
               "does not say why", finished.stderr)
    with stage.endpoint():
        expect_status(stage.send(*state, stage.shop_file), 0)
    stage.check_arrived(stage.shop_file)


def refused_rows(stage):
    """Where the service takes no row at all, few are told one by one, and many are the tracking id's fault."""
    def refuse(name, sessions, count):
        rows = "".join(f"session-{n % sessions},item,{1291191960 + n},Watch\n" for n in range(count))
        file = stage.file(name, "SESSION_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n" + rows)
        with stage.endpoint("--fault", "PutEvents:status=400,code=InvalidInputException"):
            return stage.send("--json", file)

    few = refuse("few.csv", 2, 2)
    expect_status(few, 1)
    expect_equal(json.loads(few.stdout)["rejected"], 2, "rejected rows")
    expect_equal(len(re.findall(r":\d+: error: Service: InvalidInputException", few.stderr, re.MULTILINE)), 2, "reasons")

    many = refuse("many.csv", 20, 40)
    expect_status(many, 2)
    expect_equal((json.loads(many.stdout)["rejected"], json.loads(many.stdout)["notSent"]), (0, 40), "rows")
    expect("stopped: Service: InvalidInputException: trackingId \"tracker\": is it the event tracker's id?"
           in many.stderr, "does not name the tracking id", many.stderr)


def progress_bar(stage):
    """On a terminal a bar shows how far the run is."""
    try:
        terminal, end = pty.openpty()
    except OSError as error:
        print(f"skipped: there are no pseudo-terminals here: {error}")
        sys.exit(SKIPPED)
    with stage.endpoint():
        process = subprocess.Popen([stage.program, "send", "--tracking-id", "tracker", stage.shop_file],
                                   env=stage.environment(), stdout=subprocess.DEVNULL, stderr=end)
        os.close(end)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux tells the end of a terminal
            while part := os.read(terminal, 4096):
                shown += part
        os.close(terminal)
        expect_equal(process.wait(PATIENCE), 0, "exit status")
    expect(re.search(rb"\r\[#* *\] sending \d+ of 1000 rows \(\d+ %\)", shown), "there is no bar", shown)
    expect(shown.endswith(b"\r\x1b[K"), "the bar stays when the run is over", shown)


# --- endpoint -------------------------------------------------------------------------------


def endpoint_on_demand(stage):
    """Faults, a quota and a bound to what is kept, as the options say."""
    with stage.endpoint("--fault", "PutEvents:status=503,code=ServiceUnavailable,times=3"):
        finished = stage.send("--json", stage.shop_file)
        [summary] = stage.ask("summary")
    expect_status(finished, 0)
    stage.check_arrived(stage.shop_file)
    expect_equal((summary["faults"], summary["requests"], summary["events"]),
                 (3, json.loads(finished.stdout)["requests"], 1000), "faults, requests and events")

    stage.log.unlink()
    with stage.endpoint("--quota", "50"):
        finished = stage.send("--json", stage.shop_file)
        [summary] = stage.ask("summary")
    expect_status(finished, 0)
    stage.check_arrived(stage.shop_file)
    expect(summary["refusedRequests"] > 0, "the quota refuses nobody", summary)

    stage.log.unlink()
    with stage.endpoint("--keep", "7"):
        expect_status(stage.send(stage.shop_file), 0)
        kept = stage.ask("events")
        [summary] = stage.ask("summary")
    expect_equal((len(kept), summary["events"]), (7, 1000), "events kept and counted")

    for option, value in (("--fault", "PutEvents:statas=503"), ("--quota", "-1"), ("--keep", "few")):
        finished = stage.tool("endpoint", option, value)
        expect_status(finished, 2)
        expect(option in finished.stdout + finished.stderr, f"does not name {option}", finished.stderr)


# --- spool -----------------------------------------------------------------------------------


def crc32c(content):
    """The checksum of a spool's files (Castagnoli)."""
    crc = 0xffffffff
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


class SpoolStage:
    """A spool's directory, which real processes write to."""

    def __init__(self, stage):
        self.stage, self.directory = stage, stage.work / "spool"

    def leave(self, count, tracking_id="tracker"):
        """A process that delivers three events, records `count` more and is killed; the name of its folder."""
        before = self.folders()
        killed = self.stage.run(*self.stage.spool_writer, self.directory, tracking_id, str(count))
        expect_status(killed, -signal.SIGKILL)
        (name,) = self.folders() - before
        return name

    @contextlib.contextmanager
    def living(self, count):
        """A process that lives meanwhile; gives the name of its folder. Of another tracking id than the dead, or
        it would take over what they left."""
        before = self.folders()
        process = subprocess.Popen([*self.stage.spool_writer, self.directory, "living-tracker", str(count)],
                                   env=self.stage.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            expect_equal(process.stdout.readline(), b"recorded\n", "what the living process says")
            (name,) = self.folders() - before
            yield name
            expect(process.poll() is None, "the living process ended")
        finally:
            process.kill()
            process.communicate(timeout=PATIENCE)

    def folders(self):
        return {path.name for path in self.directory.glob("w-*")}

    def content(self, folder="."):
        """Every file below a folder, with its bytes and the time of its last change."""
        return {path: (path.is_file() and path.read_bytes(), path.stat().st_mtime_ns)
                for path in (self.directory / folder).rglob("*")}

    def segment(self, folder):
        return self.directory / folder / "00000001.log"

    def tool(self, command, *arguments, status=0, **more):
        finished = self.stage.tool("spool", command, *arguments, self.directory, **more)
        expect_status(finished, status)
        return finished

    def json(self, command, *arguments, status=0):
        return json.loads(self.tool(command, "--json", *arguments, status=status).stdout)

    def checked(self, folder, status=0):
        answer = self.json("check", status=status)
        expect_equal(answer["damaged"], status == 1, "damaged")
        (found,) = [one for one in answer["folders"] if one["writer"] == folder]
        return found

    def exported(self, status=0):
        return [json.loads(line) for line in self.tool("export", status=status).stdout.splitlines()]


def spool_is_looked_at(stage):
    """ls, check and export report orphaned and live folders, and write nothing."""
    spool = SpoolStage(stage)
    with stage.endpoint():
        dead = spool.leave(20)
        (spool.directory / dead / "LOCK").unlink()  # nor is one made again
        with spool.living(5) as living:
            before = spool.content()
            listed = spool.json("ls")
            expect_equal((listed["rejectedBytes"], listed["quarantinedFiles"]), (0, 0), "what is beside")
            folders = {folder.pop("writer"): folder for folder in listed["folders"]}
            expect_equal(set(folders), {dead, living}, "the folders")
            for name, live, count, tracker in ((dead, False, 20, "tracker"), (living, True, 5, "living-tracker")):
                folder = folders[name]
                age = folder.pop("oldestAgeSeconds")
                expect(0 <= age < PATIENCE, f"the oldest event is {age} s old")
                size = sum(path.stat().st_size for path in (spool.directory / name).iterdir())
                expect_equal(folder, {"live": live, "otherVersion": False, "trackingId": tracker, "region": "us-east-1",
                                      "endpoint": stage.url, "account": "", "segments": 1, "bytes": size,
                                      "openEvents": count}, name)
            table = {line.split()[0]: line.split()[1:] for line in spool.tool("ls").stdout.splitlines()}
            expect_equal(table[dead][:2] + table[dead][3:4], ["orphaned", "20", "1"], "the table's line of the orphaned")
            expect_equal(table[living][:2], ["live", "5"], "the table's line of the living")

            found = spool.checked(dead)
            expect(found.pop("acknowledgements") > 0, "no acknowledgement was read")
            expect_equal(found, {"writer": dead, "live": False, "otherVersion": False, "wholeFrames": 23,
                                 "brokenFrames": 0, "tornFrames": 0, "brokenAcknowledgements": 0, "unreadableFiles": 0,
                                 "brokenHeaders": 0}, "check")
            expect(spool.tool("check").stdout.endswith("\nno damage\n"), "check does not say that all is well")

            exported = spool.exported()
            expect_equal(spool.content(), before, "the directory after three commands that only read")
    expect_equal(sorted(event["sessionId"] for event in exported),
                 sorted([f"session-{n}" for n in range(3, 23)] + [f"session-{n}" for n in range(3, 8)]), "sessions")
    expect_equal(len({event["event"]["eventId"] for event in exported}), 25, "event ids")
    expect_equal(collections.Counter(event["trackingId"] for event in exported), {"tracker": 20, "living-tracker": 5},
                 "tracking ids")
    for event in exported:
        number = event["sessionId"].split("-")[1]
        expect_equal((event["userId"], event["event"]["itemId"]), (f"user-{number}", f"item-{number}"), "an event")
        recorded = datetime.datetime.fromisoformat(event["recordedAt"].replace("Z", "+00:00")).timestamp()
        expect(abs(recorded - event["event"]["sentAt"]) < 0.1, "recordedAt is not when it was recorded", event)


def spool_with_damage(stage):
    """check distinguishes a flipped bit, which is damage, from a torn tail, which is not."""
    spool = SpoolStage(stage)
    with stage.endpoint():
        folder = spool.leave(20)
    segment = spool.segment(folder)
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-3])
    found = spool.checked(folder)
    expect_equal((found["wholeFrames"], found["brokenFrames"], found["tornFrames"]), (22, 0, 1), "a torn tail")
    middle = len(whole) // 2
    segment.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
    found = spool.checked(folder, status=1)
    expect_equal((found["wholeFrames"], found["brokenFrames"], found["tornFrames"]), (22, 1, 0), "a flipped bit")
    expect("damage was found" in spool.tool("check", status=1).stdout, "the damage is not told")
    expect_equal(len(spool.exported(status=1)), 19, "events that can still be exported")
    segment.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    found = spool.checked(folder, status=1)
    expect_equal((found["wholeFrames"], found["brokenHeaders"], found["brokenFrames"]), (23, 1, 0), "a damaged header")
    expect_equal(len(spool.exported(status=1)), 20, "events of a segment with a damaged header")
    segment.write_bytes(b"\0" * 100)
    expect_equal(spool.checked(folder, status=1)["unreadableFiles"], 1, "a file without a header")
    segment.write_bytes(whole)
    unfinished = segment.with_name("00000001.1.log")  # a rewrite that was killed
    unfinished.write_bytes(whole[:-3])
    found = spool.checked(folder)
    expect_equal((found["wholeFrames"], found["tornFrames"]), (23, 0), "an incomplete generation")
    unfinished.unlink()
    acknowledged = segment.with_suffix(".ack")
    records = acknowledged.read_bytes()
    acknowledged.write_bytes(records[:-1] + bytes([records[-1] ^ 1]))
    expect_equal(spool.checked(folder, status=1)["brokenAcknowledgements"], 1, "a flipped bit of a record")


def spool_is_purged(stage):
    """purge removes orphaned folders with --yes, and never a live one."""
    spool = SpoolStage(stage)
    with stage.endpoint():
        dead = {spool.leave(20), spool.leave(10, "other-tracker")}
        with spool.living(5) as living:
            before, of_living = spool.content(), spool.content(living)
            refused = spool.tool("purge", status=2)
            expect("would remove 2 folders with 30 open events" in refused.stdout, "says nothing", refused.stdout)
            expect("--yes" in refused.stderr, "does not say how", refused.stderr)
            expect_equal(spool.content(), before, "the directory after a purge without --yes")
            young = spool.json("purge", "--yes", "--older-than", "1")
            expect_equal((young["folders"], young["openEvents"]), (0, 0), "what is older than an hour")
            expect_equal(spool.folders(), dead | {living}, "the folders, none of them old")
            purged = spool.json("purge", "--yes")
            expect(purged.pop("bytes") > 0, "no bytes were removed")
            expect_equal(purged, {"removed": True, "folders": 2, "openEvents": 30, "left": 0}, "what was purged")
            expect_equal(spool.folders(), {living}, "the folders after a purge")
            expect_equal(spool.content(living), of_living, "the living writer's files")
        note = spool.directory / living / "note"
        note.write_text("not the spool's")
        left = spool.tool("purge", "--yes", status=1)
        expect("not the spool's" in left.stderr and note.exists(), "a foreign file is removed or not told", left.stderr)


def spool_is_drained(stage):
    """drain sends events of orphaned writers, each once and unchanged, and none of living writers."""
    spool = SpoolStage(stage)
    with stage.endpoint():
        send = ("--tracking-id", "tracker", "--endpoint-url", stage.url)
        spool.leave(20)
        expected = {event["event"]["eventId"]: event for event in spool.exported()}
        before = len(stage.arrived())
        with spool.living(5) as living:
            of_living = spool.content(living)
            no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            rule = json.dumps({"operation": "PutEvents", "status": 503}).encode()
            faults = stage.url + "/_local/faults"
            no_proxy.open(urllib.request.Request(faults, rule, method="POST"), timeout=PATIENCE).close()
            waited = spool.json("drain", *send, "--timeout", "1", status=1)
            expect_equal(waited, {"delivered": 0, "rejected": 0, "expired": 0, "left": 20}, "while the service fails")
            no_proxy.open(urllib.request.Request(faults, method="DELETE"), timeout=PATIENCE).close()

            drained = spool.json("drain", *send)
            expect_equal(drained, {"delivered": 20, "rejected": 0, "expired": 0, "left": 0}, "what was drained")
            expect_equal(spool.folders(), {living}, "the folders after a drain")
            expect_equal(spool.content(living), of_living, "the living writer's files")
        arrived = stage.arrived()[before:]
    # Before the drain the living process delivered three events of its own.
    arrived = {event["eventId"]: event for event in arrived if event["eventId"] in expected}
    expect_equal(set(arrived), set(expected), "the events")
    for event_id, event in arrived.items():
        was = expected[event_id]
        expect_equal(event, {"operation": "PutEvents", "trackingId": "tracker", "userId": was["userId"],
                             "sessionId": was["sessionId"], **was["event"]}, "an event")


def spool_of_another_version(stage):
    """Folders of another format version are reported and stay as they are."""
    spool = SpoolStage(stage)
    with stage.endpoint():
        folder = spool.leave(5)
        segment = spool.segment(folder)
        content = bytearray(segment.read_bytes())
        header_end = 16 + int.from_bytes(content[12:16], "little")
        content[8:12] = (1).to_bytes(4, "little")
        content[header_end:header_end + 4] = crc32c(content[:header_end]).to_bytes(4, "little")
        segment.write_bytes(content)
        before = spool.content()
        (listed,) = spool.json("ls")["folders"]
        expect_equal((listed["otherVersion"], listed["openEvents"]), (True, 0), "ls")
        expect("other version" in spool.tool("ls").stdout, "the table does not report it")
        expect(f"{folder}: another format version" in spool.tool("check").stdout, "check does not report it")
        expect_equal(spool.exported(), [], "what is exported")
        left = spool.tool("purge", "--yes", status=1)
        expect("another format version" in left.stderr, "purge does not report it", left.stderr)
        drained = spool.tool("drain", "--tracking-id", "tracker", status=1)
        expect(f"{folder}: another format version" in drained.stdout, "drain does not report it", drained.stdout)
        expect("SpoolDamaged" in drained.stderr, "the recorder reports no fault", drained.stderr)
        expect_equal(spool.content(), before, "the directory")


def spool_of_others(stage):
    """drain leaves events of another tracking id or endpoint, and names their scope."""
    spool = SpoolStage(stage)
    with stage.endpoint():
        spool.leave(20)
        other = spool.leave(10, "other-tracker")
        drained = spool.tool("drain", "--tracking-id", "tracker", status=1)
        expect_equal(summary_of(drained), {"delivered": 20, "rejected": 0, "expired": 0, "left": 10}, "what it says")
        expect(f"{other}: 10 events of other-tracker us-east-1 {stage.url}" in drained.stdout, "whose they are",
               drained.stdout)
        expired = spool.json("drain", "--tracking-id", "other-tracker", "--region", "eu-west-1", status=1)
        expect_equal(expired["left"], 10, "events of another region")
        expect_equal(spool.json("drain", "--tracking-id", "other-tracker"),
                     {"delivered": 10, "rejected": 0, "expired": 0, "left": 0}, "with their own")
    expect_equal(spool.folders(), set(), "the folders")


def rejected_events_are_sent_again(stage):
    """resend delivers the lines of rejected/ under their own ids, once they are corrected."""
    spool = SpoolStage(stage)
    rejected = spool.directory / "rejected"
    rejected.mkdir(parents=True)
    times = {"id-1": 1700000000.25, "id-2": 1700000001.5}

    def line(event_id, event_type="Watch", tracking_id="tracker"):
        return json.dumps({"code": "InvalidInputException", "message": "no", "requestId": "r",
                           "trackingId": tracking_id, "sessionId": "session-1", "userId": "user-1",
                           "event": {"eventId": event_id, "eventType": event_type,
                                     "sentAt": times.get(event_id, 1700000002)}}) + "\n"

    first = rejected / "first.jsonl"
    second = rejected / "second.jsonl"
    first.write_text(line("id-1") + line("id-2"))
    second.write_text(line("id-3", "") + "{\n" + line("id-4", tracking_id="other-tracker"))
    with stage.endpoint():
        send = ("--tracking-id", "tracker", "--endpoint-url", stage.url)
        finished = spool.tool("resend", *send, status=1)
        expect_equal(summary_of(finished),
                     {"delivered": 2, "rejected": 0, "others": 1, "malformed": 2, "left": 3}, "what it says")
        expect(f"second.jsonl:1: " in finished.stderr and "second.jsonl:2: " in finished.stderr,
               "does not name the malformed lines", finished.stderr)
        expect(not first.exists(), "a file whose lines were all delivered is there")
        arrived = {event["eventId"]: event for event in stage.arrived()}
        expect_equal({name: event["sentAt"] for name, event in arrived.items()}, times, "ids and times")
        expect_equal((arrived["id-1"]["sessionId"], arrived["id-1"]["userId"]), ("session-1", "user-1"), "whose")

        second.write_text(line("id-3") + line("id-4", tracking_id="other-tracker"))
        resent = spool.json("resend", *send, status=1)
        expect_equal(resent, {"delivered": 1, "rejected": 0, "others": 1, "malformed": 0, "left": 1,
                              "removedFiles": 0}, "what was corrected")
        expect_equal(second.read_text(), line("id-4", tracking_id="other-tracker"), "what is left")
        resent = spool.json("resend", *send, "--any-tracking-id")
        expect_equal((resent["delivered"], resent["left"]), (1, 0), "of any tracking id")
        expect_equal(list(rejected.iterdir()), [], "the files")
        expect_equal(spool.json("resend", *send)["delivered"], 0, "an empty folder")


def spool_usage(stage):
    """What cannot be done ends with 2 and says why."""
    spool = SpoolStage(stage)
    stage.url = "http://127.0.0.1:1"  # nobody gets so far
    for command in ("ls", "check", "export", "purge"):
        expect(str(spool.directory) in spool.tool(command, status=2).stderr, f"{command} does not name the directory")
    spool.tool("drain", "--tracking-id", "tracker", status=2)
    spool.tool("resend", "--tracking-id", "tracker", status=2)
    expect(not spool.directory.exists(), "a directory was made")
    spool.directory.mkdir()
    for command in ("drain", "resend"):
        expect("--tracking-id" in spool.tool(command, status=2).stderr, "does not name what is missing")
    expect("--tracking-id" in spool.tool("drain", "--tracking-id", "x" * 300, status=2).stderr,
           "does not name what is wrong")
    spool.tool("no-such-command", status=2)
    expect_equal(spool.json("ls"), {"folders": [], "rejectedBytes": 0, "quarantinedFiles": 0}, "an empty spool")
    for command in ("ls", "check", "export", "purge", "drain", "resend"):
        finished = stage.tool("spool", command, "--help")
        expect_status(finished, 0)
        expect("Exit status: 0" in finished.stdout, "--help does not describe the exit status", finished.stdout)
        # Each describes itself alone.
        expect_equal("rejected/*.jsonl" in finished.stdout, command == "resend", f"the help of {command}")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([stage.program, "spool", "ls", spool.directory], env=stage.environment(),
                              stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
    expect_equal((done.returncode, done.stderr), (2, b"personalize-events spool: error: standard output cannot be written\n"), "a full disk")


CASES = (programs, programs_without_endpoint, credentials_that_fail, account_of_settings, recorder_examples,
         recorder_without_endpoint, recording_web_server, recording_web_server_alone, unit_test_of_your_code,
         real_file, shop_file,
         shop_file_is_made_by_its_script, twice, every_form_of_csv, numbers_of_csv, headers_of_csv, without_sessions,
         bad_rows, broken_rows,
         interrupted, resumed, resumed_real_file, resumed_after_kill, wrong_resume, jsonl, jsonl_without_tracking_id,
         standard_input, standard_input_interrupted, rate, large_file, many_sessions, two_runs_on_one_state, web_pages_are_refused,
         variables_for_a_shell, help_and_completion, dry_run, usage, nobody_answers,
         service_that_fails, intermediary_responds, refused_rows, progress_bar,
         endpoint_on_demand, spool_is_looked_at, spool_with_damage, spool_is_purged, spool_is_drained,
         spool_of_another_version, spool_of_others, rejected_events_are_sent_again, spool_usage)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=[case.__name__ for case in CASES])
    parser.add_argument("--examples", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="personalize-events")
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--recorder-programs", type=pathlib.Path, required=True)
    options = parser.parse_args()
    case = next(case for case in CASES if case.__name__ == options.case)
    with tempfile.TemporaryDirectory() as work:
        case(Stage(options.examples.resolve(), options.program.resolve(), options.source.resolve(),
                   options.recorder_programs.resolve(), pathlib.Path(work)))


if __name__ == "__main__":
    main()
