#!/usr/bin/env python3
"""Two control planes on PostgreSQL, three Envoys with a relay each, and a caller.

Changes a route, kills control planes and the database, restarts an Envoy while no
control plane is left, and says at each step what the caller saw. Ends with 1 if it
saw anything but answers.

The three Envoys listen on one port: the system deals connections out among
them, as a load balancer would, and the caller tries again where a connection
breaks, as a load balancer would too.
"""

import http.client
import http.server
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLLGATE = os.environ.get("TOLLGATE", "tollgate")
FETCHED = ROOT / ".tools/envoy"
ENVOY = os.environ.get("ENVOY") or (str(FETCHED) if FETCHED.exists() else "envoy")
# The control plane knows where the one is that came along with it.
MODULE = ["--module", os.environ["MODULE"]] if "MODULE" in os.environ else []
# The gateway, the backend, both control planes and where they answer for tokens, the
# relays, the Envoys' admin interfaces, PostgreSQL.
PORTS = [8080, 9000, 18100, 18101, 18110, 18111, 18121, 18122, 18123, 19001, 19002, 19003, 15432]
PORTS = [int(port) for port in os.environ.get("PORTS", "").split()] or PORTS
PORT, BACKEND = PORTS[:2]
CONTROL_PLANES, INTROSPECTION, RELAYS, ADMINS = PORTS[2:4], PORTS[4:6], PORTS[6:9], PORTS[9:12]
DATABASE = PORTS[12]
STORE = f"postgres://tollgate@127.0.0.1:{DATABASE}/postgres"
# PostgreSQL refuses to run as root.
NOBODY = 65534 if os.geteuid() == 0 else None
KEY = "key-acme-5f0c2d7e9b1a4c3d8e6f"
PATIENCE = 120

work = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-fleet-"))
running = {}


def start(name, *command, user=None):
    log = open(work / f"{name}.log", "ab")
    running[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=work, user=user)


def kill(name):
    process = running.pop(name)
    process.kill()
    process.wait()


def postgres_program(name):
    """From where Debian puts them, or from the path."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def make_database():
    data = work / "database"
    data.mkdir()
    if NOBODY:
        work.chmod(0o711)
        os.chown(data, NOBODY, NOBODY)
    subprocess.run([postgres_program("initdb"), "-D", str(data), "-U", "tollgate", "--auth=trust",
                    "--no-sync"], check=True, user=NOBODY, cwd=work, stdout=subprocess.DEVNULL)


def database():
    start("database", postgres_program("postgres"), "-D", str(work / "database"), "-p", str(DATABASE),
          "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", user=NOBODY)
    until("the database answers", lambda: socket.create_connection(("127.0.0.1", DATABASE)))


def control_plane(name):
    index = ["control-plane-a", "control-plane-b"].index(name)
    xds, introspection = CONTROL_PLANES[index], INTROSPECTION[index]
    start(name, TOLLGATE, "serve", str(work / "tollgate.yaml"), *MODULE,
          "--xds", f"127.0.0.1:{xds}", "--introspection", f"127.0.0.1:{introspection}",
          "--store", STORE, "--key-hash-secret", f"file:{work / 'secret'}",
          "--last-good", str(work / f"{name}.last-good"))


def relay(index):
    start(f"relay-{index}", TOLLGATE, "relay", "--node", f"envoy-{index}",
          "--upstream", f"127.0.0.1:{CONTROL_PLANES[0]}",
          "--upstream", f"127.0.0.1:{CONTROL_PLANES[1]}",
          "--xds", f"127.0.0.1:{RELAYS[index - 1]}", "--cache", str(work / f"cache-{index}"))


def envoy(index):
    bootstrap = (ROOT / "envoy/bootstrap.yaml").read_text()
    bootstrap = bootstrap.replace("18000", str(RELAYS[index - 1]))
    bootstrap = bootstrap.replace("19000", str(ADMINS[index - 1]))
    bootstrap = bootstrap.replace("id: envoy-1", f"id: envoy-{index}")
    path = work / f"envoy-{index}.yaml"
    path.write_text(bootstrap)
    start(f"envoy-{index}", ENVOY, "--config-path", str(path), "--disable-hot-restart",
          "--concurrency", "1", "--log-level", "warning")


def write(revision):
    text = (ROOT / "examples/fleet/tollgate.yaml").read_text()
    text = text.replace("8080", str(PORT)).replace("9000", str(BACKEND))
    (work / "new").write_text(text.replace('x-revision: "1"', f'x-revision: "{revision}"'))
    os.replace(work / "new", work / "tollgate.yaml")


def admin(index, path):
    connection = http.client.HTTPConnection("127.0.0.1", ADMINS[index - 1], timeout=5)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def until(what, probe):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if probe():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"{what}: not within {PATIENCE} s; the logs are in {work}")


def is_open(index):
    """It has been told what to do, and listens."""
    return "LIVE" in admin(index, "/ready") and f":{PORT}" in admin(index, "/listeners")


class Caller(threading.Thread):
    """Asks again and again, with a key, and now and then without."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lock = threading.Lock()
        self.answers = self.retries = 0
        self.seen = {}
        self.wrong = []

    def run(self):
        turn = 0
        while True:
            turn += 1
            headers, expected = ({"x-api-key": KEY}, 200) if turn % 10 else ({}, 401)
            status, revision = self.ask(headers)
            with self.lock:
                self.answers += 1
                if status != expected:
                    self.wrong.append(f"{status} instead of {expected}")
                if revision:
                    self.seen[revision] = self.seen.get(revision, 0) + 1
            time.sleep(0.005)

    def ask(self, headers):
        for _ in range(3):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
                connection.request("GET", "/orders/7", headers=headers)
                answer = connection.getresponse()
                answer.read()
                return answer.status, answer.getheader("x-revision")
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.retries += 1
        return 0, None

    def report(self, step):
        with self.lock:
            wrong = ", ".join(sorted(set(self.wrong))) or "nothing"
            seen = ", ".join(sorted(self.seen))
            print(f"{step}\n  {self.answers} answers of revision {seen}, {self.retries} connections "
                  f"tried again; the caller noticed {wrong}", flush=True)
            self.answers, self.retries, self.seen = 0, 0, {}

    def sees_only(self, revision):
        """For long enough that every Envoy was asked."""
        with self.lock:
            self.seen = {}
        time.sleep(1)
        with self.lock:
            return set(self.seen) == {revision}


class Orders(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"order": 7}\n'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", BACKEND), Orders)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    write(1)
    (work / "secret").write_text(secrets.token_hex(32))
    make_database()
    database()
    for name in ["control-plane-a", "control-plane-b"]:
        control_plane(name)
    for index in [1, 2, 3]:
        relay(index)
        envoy(index)
    for index in [1, 2, 3]:
        until(f"envoy-{index} serves", lambda: is_open(index))
    caller = Caller()
    caller.start()
    until("revision 1 is live", lambda: caller.sees_only("1"))
    caller.report("Two control planes on PostgreSQL, three Envoys.")

    write(2)
    until("revision 2 is live everywhere", lambda: caller.sees_only("2"))
    caller.report("A route was changed.")

    kill("control-plane-a")
    write(3)
    until("revision 3 is live everywhere", lambda: caller.sees_only("3"))
    caller.report("A control plane was killed, and the route changed by the other.")

    time.sleep(2)  # What Envoys took is written down within a second.
    kill("control-plane-b")
    for name in ["envoy-2", "relay-2"]:
        kill(name)
    relay(2)
    envoy(2)
    until("envoy-2 serves", lambda: is_open(2))
    until("revision 3 is live everywhere", lambda: caller.sees_only("3"))
    caller.report("The other control plane was killed too, and an Envoy restarted with none left.")

    kill("database")
    control_plane("control-plane-b")
    time.sleep(3)
    until("revision 3 is live everywhere", lambda: caller.sees_only("3"))
    caller.report("The database was killed, and a control plane came back without it.")

    database()
    write(4)
    until("revision 4 is live everywhere", lambda: caller.sees_only("4"))
    caller.report("The database came back, and the route was changed.")
    return 1 if caller.wrong else 0


try:
    code = main()
finally:
    for name in list(running):
        kill(name)
sys.exit(code)
