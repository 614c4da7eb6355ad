# SPDX-License-Identifier: Apache-2.0
"""boto3 sends to the built local endpoint.

    boto3_sends.py CASE --endpoint PROGRAM --conformance DIRECTORY

CASE is the name of an operation, "put_events", or of one of the functions below. Status 77 tells
CTest that a case is skipped.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

import common
import values
from common import KEY, PATIENCE, REGION, SECRET, TOKEN, call, expect, expect_equal
from values import ARN, LISTS


@contextlib.contextmanager
def endpoint(stage, program, token=None):
    """The local endpoint: yields its URL, and a function that tells what it has taken so far."""
    log, port_file = stage.work / "log.jsonl", stage.work / "port"
    log.write_bytes(b"")
    port_file.unlink(missing_ok=True)
    process = subprocess.Popen(
        [program, "endpoint", "--port-file", port_file, "--log", log, "--region", REGION, "--access-key-id", KEY,
         "--secret-access-key", SECRET, *(["--session-token", token] if token else [])],
        stdout=subprocess.DEVNULL)

    def taken():
        lines = log.read_text(encoding="utf-8").split("\n")[:-1]  # U+2028 ends no line
        return [values.with_open_properties(json.loads(line)) for line in lines]

    try:
        deadline = time.monotonic() + PATIENCE
        while not port_file.exists():
            expect(process.poll() is None, "the endpoint ended at once")
            expect(time.monotonic() < deadline, "the endpoint names no port")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}", taken
    finally:
        process.terminate()
        process.wait(PATIENCE)


def lines_of(operation):
    """What the endpoint writes down of values.REQUESTS: a line for each element."""
    request = dict(values.REQUESTS[operation])
    elements = request.pop(LISTS[operation])
    return [{"operation": operation, **request, **element} for element in elements]


def expect_refused(client, operation, request, code, status):
    """The error that boto3 makes of the answer."""
    try:
        call(client, operation, request)
    except client.exceptions.ClientError as error:
        answer = error.response
        expect_equal((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status),
                     answer["Error"]["Message"])
        expect(answer["ResponseMetadata"].get("RequestId"), "the refusal has no request id")
        return error
    return sys.exit(f"{operation} was taken, and should be refused with {code}")


# What boto3 lets through and the service does not: the changes to a request, or to its first
# element, and where the message says that the rule is broken.
LONG = "x" * 257
WITHOUT_RULE_IN_BOTO3 = {
    "PutEvents": [
        ({"trackingId": LONG}, {}, "trackingId: "),
        ({"userId": LONG}, {}, "userId: "),
        ({"sessionId": "\U0001F3AC" * 257}, {}, "sessionId: "),
        ({"eventList": [{"eventType": "Click", "sentAt": 1}] * 11}, {}, "eventList: "),
        ({}, {"itemId": LONG}, "eventList[0].itemId: "),
        ({}, {"eventType": LONG}, "eventList[0].eventType: "),
        ({}, {"recommendationId": "x" * 41}, "eventList[0].recommendationId: "),
        ({}, {"impression": ["x"] * 26}, "eventList[0].impression: "),
        ({}, {"impression": ["x", LONG]}, "eventList[0].impression[1]: "),
        ({}, {"properties": json.dumps({"text": "x" * 1024})}, "eventList[0].properties: "),
        ({}, {"properties": "not JSON"}, "eventList[0].properties"),
        ({}, {"properties": json.dumps({"EventType": "Click"})}, "eventList[0].properties"),
        ({}, {"metricAttribution": {"eventAttributionSource": " "}},
         "eventList[0].metricAttribution.eventAttributionSource: "),
    ],
    "PutActionInteractions": [
        ({"actionInteractions": [{"actionId": "a", "sessionId": "s", "timestamp": 1, "eventType": "Taken"}] * 11}, {},
         "actionInteractions: "),
        ({}, {"actionId": LONG}, "actionInteractions[0].actionId: "),
    ],
    "PutUsers": [
        ({"users": [{"userId": "u"}] * 11}, {}, "users: "),
        ({"datasetArn": "arn:aws:s3:::bucket"}, {}, "datasetArn: "),
        ({}, {"userId": LONG}, "users[0].userId: "),
        ({}, {"properties": json.dumps({"text": "x" * 24000})}, "users[0].properties: "),
    ],
    "PutItems": [
        ({"items": [{"itemId": "i"}] * 11}, {}, "items: "),
        ({"datasetArn": ARN + "x" * 256}, {}, "datasetArn: "),
        ({}, {"itemId": LONG}, "items[0].itemId: "),
        ({}, {"properties": json.dumps({"text": "x" * 32000})}, "items[0].properties: "),
    ],
    "PutActions": [
        ({"actions": [{"actionId": "a"}] * 11}, {}, "actions: "),
        ({}, {"actionId": LONG}, "actions[0].actionId: "),
    ],
}


def check_operation(operation):
    def case(stage, program):
        """With and without a session token: a good request arrives as it was sent, a bad one is
        refused with the reason, a wrong secret is noticed; nothing refused is written down."""
        for token in (None, TOKEN):
            with endpoint(stage, program, token) as (url, taken):
                client = stage.client(url, operation, token=token)
                answer = call(client, operation, values.to_send(operation))["ResponseMetadata"]
                expect_equal((answer["HTTPStatusCode"], answer["RetryAttempts"]), (200, 0), "the answer")
                expect(answer.get("RequestId"), "the answer has no request id")
                expect_equal(taken(), lines_of(operation), "what arrived")

                for of_request, of_first, where in WITHOUT_RULE_IN_BOTO3[operation]:
                    request = {**values.to_send(operation), **of_request}
                    request[LISTS[operation]][0].update(of_first)
                    error = expect_refused(client, operation, request, "InvalidInputException", 400)
                    expect(isinstance(error, client.exceptions.InvalidInputException), "another class of error")
                    message = error.response["Error"]["Message"]
                    expect(message.startswith(where), f"the message does not begin with {where!r}", message)
                    expect("xxx" not in message, "the message shows content", message)

                stranger = stage.client(url, operation, secret="another", token=token)
                expect_refused(stranger, operation, values.to_send(operation), "InvalidSignatureException", 403)
                expect_equal(taken(), lines_of(operation), "what arrived in the end")
        print(f"{operation}: taken, {len(WITHOUT_RULE_IN_BOTO3[operation])} broken rules and a wrong secret refused, "
              "without and with a session token")
    return case


def wrong_credentials(stage, program):
    """A key, a token or a region that is not the endpoint's."""
    operation = "PutEvents"
    request = values.to_send(operation)
    for token, wrong, code in (
            (TOKEN, {"token": None}, "UnrecognizedClientException"),
            (TOKEN, {"token": TOKEN + "x"}, "UnrecognizedClientException"),
            (TOKEN, {"token": TOKEN, "secret": "another"}, "InvalidSignatureException"),
            (TOKEN, {"token": TOKEN, "region": "us-west-2"}, "InvalidSignatureException"),
            (None, {"token": TOKEN}, "UnrecognizedClientException"),
            (None, {"region": "us-west-2"}, "InvalidSignatureException")):
        with endpoint(stage, program, token) as (url, taken):
            expect_refused(stage.client(url, operation, **wrong), operation, request, code, 403)
            expect_equal(taken(), [], "what arrived")


def aws_cli(stage, program):
    """The AWS command line interface, where it is installed."""
    aws = shutil.which("aws")
    if aws is None or subprocess.run([aws, "--version"], stdin=subprocess.DEVNULL).returncode != 0:
        common.skip("there is no aws that runs (Debian: awscli)")
    operations = {"PutEvents": "put-events", "PutUsers": "put-users", "PutItems": "put-items"}

    def run(operation, url, request, secret=SECRET):
        file = stage.work / "request.json"
        file.write_text(json.dumps(request), encoding="utf-8")
        return subprocess.run(
            [aws, "personalize-events", operations[operation], "--endpoint-url", url, "--cli-input-json",
             f"file://{file}"], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=PATIENCE,
            env={**os.environ, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret,
                 "AWS_SESSION_TOKEN": TOKEN, "AWS_MAX_ATTEMPTS": "1", "LC_ALL": "C.UTF-8"})

    for operation in operations:
        with endpoint(stage, program, TOKEN) as (url, taken):
            finished = run(operation, url, values.to_send(operation))
            expect_equal(finished.returncode, 0, finished.stderr)
            expect_equal(taken(), lines_of(operation), "what arrived")
            bad = values.to_send(operation)
            bad[LISTS[operation]] *= 11
            for request, secret, code in ((bad, SECRET, "InvalidInputException"),
                                          (values.to_send(operation), "another", "InvalidSignatureException")):
                finished = run(operation, url, request, secret)
                expect(finished.returncode != 0 and f"({code})" in finished.stderr,
                       f"{operation}: not refused with {code}", finished.stdout, finished.stderr)
            expect_equal(taken(), lines_of(operation), "what arrived in the end")


CASES = {"wrong_credentials": wrong_credentials, "aws_cli": aws_cli}
for name in ("put_events", "put_action_interactions", "put_users", "put_items", "put_actions"):
    CASES[name] = check_operation(common.operation_of(name))

if __name__ == "__main__":
    common.main(CASES, __doc__, "--endpoint")
