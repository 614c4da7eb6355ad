# SPDX-License-Identifier: Apache-2.0
"""What both directions share: the skips, the checks, and a boto3 that knows nothing of this machine."""
import argparse
import os
import pathlib
import sys
import tempfile

SKIPPED = 77
PATIENCE = 120  # seconds; only a program that hangs needs them
KEY, SECRET, REGION = "AKIDSTRANGER", "stranger/secret+key=", "eu-central-1"
TOKEN = "FwoGZXIvYXdzE/+token=="


def skip(sentence):
    print(f"skipped: {sentence}")
    sys.exit(SKIPPED)


try:
    import boto3
    import botocore
    import botocore.config
    import botocore.session
except ImportError as missing:
    skip(f"{sys.executable} has no boto3 ({missing})")


def expect(condition, sentence, *more):
    if not condition:
        sys.exit("\n".join([sentence, *map(str, more)]))


def expect_equal(actual, expected, what):
    expect(actual == expected, f"{what}: not as expected", f"expected: {expected!a}", f"actual:   {actual!a}")


class Stage:
    """A folder to work in, and how to get a boto3 client."""

    def __init__(self, work, conformance):
        self.work = work
        folder = os.environ.get("PERSONALIZE_EVENTS_CONFORMANCE_DIR", conformance)
        self.model = pathlib.Path(folder) / "model" / "service-2.json"

    def client(self, url, operation, secret=SECRET, token=None, region=REGION):
        """A boto3 client that sends each request once. Skips the test when neither boto3's own model
        nor that of the conformance folder has the operation."""
        session = botocore.session.Session()
        if not self.has(session, operation):
            if not self.model.is_file():
                skip(f"boto3 {boto3.__version__} has no {operation}, and there is no {self.model}")
            data = self.work / "data"
            place = data / "personalize-events" / "2018-03-22"
            place.mkdir(parents=True, exist_ok=True)
            (place / "service-2.json").write_bytes(self.model.read_bytes())
            session = botocore.session.Session()
            session.set_config_variable("data_path", str(data))
            expect(self.has(session, operation), f"{self.model} has no {operation}")
        return boto3.Session(botocore_session=session).client(
            "personalize-events", endpoint_url=url, region_name=region, aws_access_key_id=KEY,
            aws_secret_access_key=secret, aws_session_token=token,
            config=botocore.config.Config(retries={"total_max_attempts": 1}))

    @staticmethod
    def has(session, operation):
        return operation in session.get_service_model("personalize-events").operation_names


def call(client, operation, request):
    return getattr(client, botocore.xform_name(operation))(**request)


def operation_of(case):
    """The operation of "put_events"."""
    return "".join(word.capitalize() for word in case.split("_"))


def main(cases, description, program):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("case", choices=sorted(cases))
    parser.add_argument(program, dest="program", type=pathlib.Path, required=True)
    parser.add_argument("--conformance", required=True)
    options = parser.parse_args()
    print(f"boto3 {boto3.__version__}, botocore {botocore.__version__}, {sys.executable}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                del os.environ[name]
        os.environ["HOME"] = folder
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        cases[options.case](Stage(work, options.conformance), options.program)
