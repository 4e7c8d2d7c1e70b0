"""Requests signed by botocore, one in JSON a line."""

import json
import random
import time
from urllib.parse import quote, urlsplit

from botocore.auth import (
    S3SigV4Auth,
    S3SigV4QueryAuth,
    SigV4Auth,
    SigV4QueryAuth,
)
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNERS = {
    "generic": SigV4Auth,
    "s3": S3SigV4Auth,
    "presigned": SigV4QueryAuth,
    "presigned-s3": S3SigV4QueryAuth,
}
LETTERS = "abzABZ019-._~ %!$&'()*+,;=:@[]éሴ😀\"<>"


def main():
    chance = random.Random(9421)
    for number in range(96):
        kind = list(SIGNERS)[number % len(SIGNERS)]
        print(json.dumps(signed(chance, kind, number)))


def signed(chance, kind, number):
    presigned = kind.startswith("presigned")
    method = "GET" if presigned else chance.choice(["GET", "POST", "PUT", "DELETE", "PATCH"])
    url = f"https://api.example.com{chance.choice(['', ':8443'])}/" + path(chance) + query(chance)
    headers = {} if presigned and chance.random() < 0.5 else some_headers(chance)
    body = text(chance, 40) if method in ("POST", "PUT", "PATCH") else ""
    token = text(chance, 30, "abc/+=09") if chance.random() < 0.3 else None
    request = AWSRequest(method=method, url=url, headers=headers, data=body.encode())
    credentials = Credentials("AKIDEXAMPLE", SECRET, token)
    service = "s3" if kind.endswith("s3") else "execute-api"
    SIGNERS[kind](credentials, service, "eu-central-1").add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    return {
        "name": f"{number}: {kind} {method} {prepared.url}",
        "kind": kind,
        "token": token,
        "now": int(time.time()),
        "method": method,
        "scheme": "https",
        "authority": parts.netloc,
        "target": parts.path + (f"?{parts.query}" if parts.query else ""),
        "headers": [
            [name, value.decode("latin-1") if isinstance(value, bytes) else value]
            for name, value in prepared.headers.items()
            if name.lower() != "content-length"
        ],
        "body": body,
    }


def path(chance):
    """Segments that are not `.` or `..`, escaped as the SDKs escape them."""
    segments = ["x" + text(chance, 6).replace(";", "") for _ in range(chance.randrange(4))]
    return "/".join(quote(segment, safe="~") for segment in segments)


def query(chance):
    pairs = [(text(chance, 5), text(chance, 8)) for _ in range(chance.randrange(5))]
    escaped = [f"x{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs]
    return "?" + "&".join(escaped) if escaped else ""


def some_headers(chance):
    every = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Custom": "  a   b\tc  ",
        "X-Amz-Meta-One": "1",
        "Accept": "*/*",
        "Range": "bytes=0-9",
    }
    return {name: value for name, value in every.items() if chance.random() < 0.4}


def text(chance, most, letters=LETTERS):
    return "".join(chance.choice(letters) for _ in range(chance.randrange(1, most + 1)))


main()
