"""Starts, kills and restarts the server under test. It knows the command line and nothing about the API."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

REGION = "us-east-1"
ACCOUNT = "123456789012"
KEY_ID = "AKIACONFORMANCEROOT1"
SECRET = "conformance/root/secret/0123456789abcdef"
NO_QUOTAS = [f"--quota-{what}=-1" for what in (
    "instances", "profiles", "users", "groups", "queues", "routing-profiles", "hours", "modules", "quick-connects", "data-tables",
    "attributes-per-data-table", "primary-attributes-per-data-table", "values-per-data-table", "queues-per-routing-profile", "ai-agents",
    "documents")]


class Server:
    """One server on a free port and a data folder of its own."""

    def __init__(self, *flags, quotas=False):
        self.binary = os.environ["LANYARD_BIN"]
        self.data = tempfile.mkdtemp(prefix="lanyard-conformance-")
        self.flags = [*flags, *([] if quotas else NO_QUOTAS)]
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        log = open(pathlib.Path(self.data, "server.log"), "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.data, *self.flags],
            stdout=log, stderr=log, env=self.environment())
        log.close()
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not become ready:\n{self.log()}")
            time.sleep(0.02)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def environment(self):
        """The environment of the server and of its other commands."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LANYARD_"))}
        return clean | {"LANYARD_ROOT_ACCESS_KEY_ID": KEY_ID, "LANYARD_ROOT_SECRET_ACCESS_KEY": SECRET}

    def run(self, *args):
        """Runs another command of the binary on the data folder."""
        return subprocess.run([self.binary, *args, "--data", self.data], env=self.environment(), check=True,
                              capture_output=True, text=True, timeout=30).stdout

    def log(self):
        return pathlib.Path(self.data, "server.log").read_text()

    def kill(self):
        """SIGKILL: the server gets no chance to save anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            code = self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.kill()
        log = self.log()
        shutil.rmtree(self.data, ignore_errors=True)
        assert code == 0, f"the server ended with status {code}:\n{crash(log)}"
        assert "panic" not in log, log[-8000:]
        assert SECRET not in log


def crash(log):
    """The part of a log that says why a server ended: where it begins to, or else its last lines."""
    for word in ("panic:", "fatal error:", "SIGSEGV"):
        if word in log:
            return log[log.index(word):][:4000]
    return log[-4000:]
