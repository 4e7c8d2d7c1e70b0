#!/usr/bin/env python3
"""A slow backend and two tenants, one of which storms; prints how each fares, every second.

`run.py GATEWAY BACKEND SECONDS`: where the gateway is, where it expects the backend, and for how long.
"""

import collections
import http.client
import http.server
import sys
import threading
import time

# The backend takes 40 requests at a time. `storm` could fill it twice, and begins a second later.
CALLERS = {"calm": 4, "storm": 80}
FIRST_SECONDS = {"calm": 0, "storm": 1}
BACKEND_SECONDS = 0.2
# What is refused is asked again; `storm` does so long before it is told to.
PAUSE_SECONDS = {"calm": 1, "storm": 0.1}


class Slow(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(BACKEND_SECONDS)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class Figures:
    """How one tenant fares: all in all, and since the last look."""

    def __init__(self):
        self.lock = threading.Lock()
        self.all = collections.Counter()
        self.lately = []

    def note(self, status, seconds):
        with self.lock:
            self.all[status] += 1
            self.lately.append((status, seconds))

    def look(self):
        with self.lock:
            lately, self.lately = self.lately, []
        served = sorted(seconds for status, seconds in lately if status == 200)
        slow = served[len(served) * 99 // 100] * 1000 if served else 0
        return f"{len(served):4} served, 99 of 100 within {slow:4.0f} ms, {len(lately) - len(served):4} refused"


def ask(gateway, tenant, figures, until):
    time.sleep(FIRST_SECONDS[tenant])
    connection = http.client.HTTPConnection(gateway, timeout=10)
    headers = {"x-api-key": f"{tenant}-key-5f0c2d7e9b1a4c3d8e6f"}
    while time.monotonic() < until:
        begun = time.monotonic()
        connection.request("GET", "/orders", headers=headers)
        answer = connection.getresponse()
        answer.read()
        figures.note(answer.status, time.monotonic() - begun)
        if answer.status != 200:
            time.sleep(PAUSE_SECONDS[tenant])


def main():
    gateway, backend, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    host, port = backend.split(":")
    threading.Thread(target=Server((host, int(port)), Slow).serve_forever, daemon=True).start()
    until = time.monotonic() + seconds
    figures = {tenant: Figures() for tenant in CALLERS}
    for tenant, callers in CALLERS.items():
        for _ in range(callers):
            arguments = (gateway, tenant, figures[tenant], until)
            threading.Thread(target=ask, args=arguments, daemon=True).start()
    for second in range(1, seconds + 1):
        time.sleep(1)
        for tenant in CALLERS:
            print(f"{second:3} s  {tenant:5} {figures[tenant].look()}", flush=True)
    calm = figures["calm"].all
    refused = sum(calm.values()) - calm[200]
    if refused == 0:
        print(f"calm is unharmed: all of its {calm[200]} requests were served")
    else:
        print(f"calm is harmed: {refused} of its {sum(calm.values())} requests were refused")


main()
