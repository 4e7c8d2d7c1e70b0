"""A backend in trouble: every other request fails, and /slow takes its time.

    flaky.py PORT [ADDRESS]
"""

import itertools
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REQUESTS = itertools.count(1)


class Flaky(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(5)
        status = 503 if next(REQUESTS) % 2 else 200
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


PORT, *ADDRESS = sys.argv[1:]
ThreadingHTTPServer((*(ADDRESS or ["127.0.0.1"]), int(PORT)), Flaky).serve_forever()
