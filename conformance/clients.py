"""Clients of the official SDKs for MCP, driven alike: each is a program that takes commands. See mcp/driver.py."""
import itertools
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).parent
PATIENCE = 20

# Which SDKs speak which revision: legacy is 2025-11-25, with sessions; modern is 2026-07-28, without.
CLIENTS = [("python", "modern"), ("python", "legacy"), ("typescript", "modern"), ("typescript", "legacy"), ("typescript-v1", "legacy"),
           ("go", "modern"), ("go", "legacy")]
VERSIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code, self.message = error["code"], error["message"]


def command(sdk, folder):
    """The program that drives an SDK; the Go one is built into a folder."""
    if sdk == "python":
        return [sys.executable, str(HERE / "mcp" / "driver.py")]
    if sdk.startswith("typescript"):
        return ["node", "--no-warnings", str(HERE / "mcp" / "driver.mjs"), "v1" if sdk.endswith("v1") else "v2"]
    binary = pathlib.Path(folder, "mcpdriver")
    if not binary.exists():
        subprocess.run(["go", "build", "-C", str(HERE / "gosdk"), "-o", str(binary), "./mcpdriver"], check=True, timeout=300)
    return [str(binary)]


class Agent:
    """A client that is connected to the gateway with a token."""

    def __init__(self, sdk, era, url, token, folder, elicited=None):
        self.sdk, self.era, self.ids = sdk, era, itertools.count(1)
        self.answers, self.events, self.lock = {}, [], threading.Condition()
        self.process = subprocess.Popen(command(sdk, folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, cwd=HERE)
        self.errors = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self.errors.put(self.process.stderr.read()), daemon=True).start()
        self.version = self.ask("connect", url=url, token=token, era=era, elicited=elicited or {})
        if era == "modern" and sdk != "go":  # the Go SDK listens before it is connected
            self.wait(lambda: any(e["event"] == "listening" for e in self.events), "is listening")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self.process.poll() is None:
                self.ask("close")
        finally:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.lock:
                if "event" in message:
                    self.events.append(message)
                else:
                    self.answers[message["id"]] = message
                self.lock.notify_all()
        with self.lock:
            self.lock.notify_all()

    def wait(self, done, what, seconds=PATIENCE):
        with self.lock:
            assert self.lock.wait_for(lambda: done() or self.process.poll() is not None, seconds), f"{self.sdk}: waited until it {what}"
        if self.process.poll() is not None and not done():
            raise AssertionError(f"the driver of {self.sdk} ended:\n{self.errors.get(timeout=5)}")

    def begin(self, op, **members):
        """Sends a command and returns its id."""
        id = next(self.ids)
        self.process.stdin.write(json.dumps({"id": id, "op": op, **members}) + "\n")
        self.process.stdin.flush()
        return id

    def end(self, id):
        """The answer to a command."""
        self.wait(lambda: id in self.answers, f"answers command {id}")
        answer = self.answers[id]
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["ok"]

    def ask(self, op, **members):
        return self.end(self.begin(op, **members))

    def tools(self):
        return [t["name"] for t in self.ask("list")]

    def call(self, name, **arguments):
        """The text of a tool's answer. An answer that says that the call failed is Refused."""
        result = self.ask("call", name=name, arguments=arguments)
        text = "\n".join(c.get("text", "") for c in result["content"])
        if result.get("isError"):
            raise Refused({"code": 0, "message": text})
        return text

    def happened(self, event):
        with self.lock:
            return [e for e in self.events if e["event"] == event]
