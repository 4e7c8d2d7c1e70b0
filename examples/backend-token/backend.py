"""A backend that believes the gateway alone: it answers with what the gateway's token says."""

import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What stands before the 32 bytes of a public key of Ed25519 (RFC 8410).
PREFIX = bytes.fromhex("302a300506032b6570032100")


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token):
    """What a token says, if the gateway made it, for us, and it still holds."""
    message, _, signature = token.rpartition(".")
    header, body = (json.loads(decoded(part)) for part in message.split("."))
    with urllib.request.urlopen(sys.argv[2]) as served:
        keys = {key["kid"]: key for key in json.load(served)["keys"]}
    der = PREFIX + decoded(keys[header["kid"]]["x"])
    with tempfile.TemporaryDirectory() as folder:
        for name, content in [("key", der), ("text", message.encode()), ("mac", decoded(signature))]:
            with open(f"{folder}/{name}", "wb") as file:
                file.write(content)
        verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
        verify += ["-inkey", "key", "-in", "text", "-sigfile", "mac"]
        subprocess.run(verify, cwd=folder, check=True, capture_output=True)
    if (body["iss"], body["aud"]) != ("https://gateway.example", "orders"):
        raise ValueError("it is meant for somebody else")
    if body["exp"] <= time.time():
        raise ValueError("it has ended")
    return body


class Backend(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            said = claims(self.headers["x-tollgate-token"] or "")
            status, text = 200, f"{said['sub']} of {said['tenant']} may {said['scope']}\n"
        except Exception:
            status, text = 401, "only the gateway may call\n"
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Backend).serve_forever()
