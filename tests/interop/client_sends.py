# SPDX-License-Identifier: Apache-2.0
"""Our client sends to an endpoint whose signature check is botocore's own signer.

    client_sends.py CASE --send-all PROGRAM --conformance DIRECTORY

CASE is the name of an operation, "put_events", or "wrong_secret". Status 77 tells CTest that a case
is skipped.
"""
import contextlib
import datetime
import http.server
import json
import os
import re
import subprocess
import threading

import common
import values
from common import KEY, PATIENCE, REGION, SECRET, TOKEN, call, expect, expect_equal

import botocore.auth
import botocore.awsrequest
import botocore.credentials

# Base paths of the endpoint's URL. What is sent is encoded already, and the signature encodes it once
# more (/a%2520b/%40c) and without the empty segments. boto3 sends hex digits in upper case only,
# whatever it signed, so there are no others here.
BASE_PATHS = ("", "/", "/proxy/v1", "/a%20b/@c", "/%C3%BC/", "/a//b%2Fc", "/%25/%7E", "/~!$&'()*,;:=@+-._")


class Received:
    """A request as it arrived, and why its signature is not the one that botocore makes, if so."""

    def __init__(self, method, target, headers, body, token):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.fault = self.fault_of_signature(token)

    def fault_of_signature(self, token):
        sent = self.headers.get("Authorization", "")
        named = re.search("SignedHeaders=([^,]*)", sent)
        if named is None:
            return "no header is signed"
        signed = {name: self.headers.get_all(name) for name in named.group(1).split(";")}
        if None in signed.values():
            return "a header that was signed did not arrive"
        date = self.headers.get("X-Amz-Date", "")
        if self.headers.get("X-Amz-Security-Token") != token:
            return "another session token"
        required = {"content-type", "host", "x-amz-date"} | ({"x-amz-security-token"} if token else set())
        if not required <= set(signed):
            return f"unsigned: {required - set(signed)}"

        request = botocore.awsrequest.AWSRequest(
            method=self.method, url=f"http://{self.headers['Host']}{self.target}", data=self.body)
        for name, each in signed.items():
            for value in each:
                request.headers.add_header(name, value)
        request.context["timestamp"] = date
        signer = botocore.auth.SigV4Auth(
            botocore.credentials.Credentials(KEY, SECRET, token), "personalize", REGION)
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        expected = (f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
                    f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, "
                    f"Signature={signer.signature(to_sign, request)}")
        if sent != expected:
            return "botocore signs it otherwise: " + signer.canonical_request(request)
        age = datetime.datetime.utcnow() - datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        return None if abs(age) < datetime.timedelta(minutes=5) else f"signed at {date}"

    def opened(self):
        """The body as parsed JSON, with the JSON in its properties parsed too."""
        return {name: [values.with_open_properties(element) for element in value] if isinstance(value, list) else value
                for name, value in json.loads(self.body).items()}


@contextlib.contextmanager
def endpoint(token=None):
    """Yields the endpoint's URL and the list of what it received."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.command, self.path, self.headers, body, token)
            received.append(request)
            answer = b""
            self.send_response(403 if request.fault else 200)
            self.send_header("x-amzn-RequestId", f"request-{len(received)}")
            if request.fault:
                answer = b'{"message": "The request signature does not match."}'
                self.send_header("x-amzn-ErrorType", "InvalidSignatureException")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()


def send(program, operation, url, secret=SECRET, token=None):
    return subprocess.run(
        [program, operation], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=PATIENCE,
        env={**os.environ, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret,
             "AWS_ENDPOINT_URL": url, **({"AWS_SESSION_TOKEN": token} if token else {})})


def check_operation(operation):
    def case(stage, program):
        """boto3 and our client send the same to the same place: both are signed as botocore signs,
        and what arrives is the same."""
        for token in (None, TOKEN):
            for base_path in BASE_PATHS:
                with endpoint(token) as (url, received):
                    call(stage.client(url + base_path, operation, token=token), operation, values.to_send(operation))
                    finished = send(program, operation, url + base_path, token=token)
                    what = f"{operation} to {base_path!r}"
                    expect(all(request.fault is None for request in received), what,
                           *(request.fault for request in received), finished.stdout)
                    expect_equal((finished.returncode, finished.stdout), (0, "request-2 after 1 attempt(s)\n"),
                                 what + finished.stderr)
                    theirs, ours = received
                    expect_equal((ours.method, ours.target), (theirs.method, theirs.target), what)
                    for name in ("Host", "Content-Type"):
                        expect_equal(ours.headers[name], theirs.headers[name], f"{what}: {name}")
                    expect_equal(ours.headers.get("Transfer-Encoding"), None, f"{what}: Transfer-Encoding")
                    expect_equal(ours.opened(), theirs.opened(), f"{what}: the body")
                    expect_equal(ours.opened(), values.REQUESTS[operation], f"{what}: the body")
        print(f"{operation}: {len(BASE_PATHS)} base paths, without and with a session token")
    return case


def wrong_secret(_, program):
    """botocore's signer notices a wrong secret and a wrong token, and our client says so."""
    for operation in values.REQUESTS:
        for token, wrong in ((None, {"secret": "another"}), (TOKEN, {"secret": "another", "token": TOKEN}),
                             (TOKEN, {"token": TOKEN + "x"}), (TOKEN, {})):
            with endpoint(token) as (url, received):
                finished = send(program, operation, url, **wrong)
                expect_equal((finished.returncode, len(received)), (1, 1), f"{operation}: {finished.stdout}")
                expect("InvalidSignatureException" in finished.stderr, "the error is not told", finished.stderr)


CASES = {"wrong_secret": wrong_secret}
for name in ("put_events", "put_action_interactions", "put_users", "put_items", "put_actions"):
    CASES[name] = check_operation(common.operation_of(name))

if __name__ == "__main__":
    common.main(CASES, __doc__, "--send-all")
