"""A server with an MCP gateway in front of real MCP servers, and AI agents that may call through it."""
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

from centre import Centre, agent_arn
from check import client
from clients import Agent
from server import Server

HERE = pathlib.Path(__file__).parent
MODULES = HERE / "node_modules" / "@modelcontextprotocol"
EVERYTHING = MODULES / "server-everything" / "dist" / "index.js"
FILESYSTEM = MODULES / "server-filesystem" / "dist" / "index.js"
UPSTREAM = HERE / "mcp" / "upstream.py"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, process):
    """Waits until the process listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, f"{process.args} ended with status {process.returncode}"
            assert time.monotonic() < deadline, f"{process.args} does not listen"
            time.sleep(0.05)


def quoted(*words):
    return "[" + ", ".join(f'"{w}"' for w in words) + "]"


class Gateway:
    """The server, and what stands behind its gateway: the everything server, over stdin and HTTP; the filesystem server; and
    upstream.py, over stdin and HTTP. The first two speak revisions with sessions, the last one all."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lanyard-gateway-")
        self.files = pathlib.Path(self.folder.name, "files").resolve()
        self.files.mkdir()
        (self.files / "order.txt").write_text("Order 4711 arrived.")
        self.running = []
        self.remote = self.run("node", EVERYTHING, "streamableHttp")
        self.web = self.run(sys.executable, UPSTREAM)
        self.target = Target()
        self.secret = pathlib.Path(self.folder.name, "secret")
        self.secret.write_text("of-the-target\n")
        self.config = pathlib.Path(self.folder.name, "gateway.yaml")
        self.config.write_text(self.yaml())
        self.server = Server("--mcp-gateway", str(self.config))

    def run(self, *command):
        """Starts a server that speaks HTTP, and returns its port."""
        port = free_port()
        env = os.environ | {"PORT": str(port)}
        process = subprocess.Popen([*map(str, command), *([str(port)] if UPSTREAM in command else [])], env=env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(process)
        await_port(port, process)
        return port

    def end_all(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(10)
        self.target.close()

    def yaml(self):
        return f"""
upstreams:
  - name: everything
    command: {quoted("node", EVERYTHING, "stdio")}
  - name: remote
    url: http://127.0.0.1:{self.remote}/mcp
  - name: files
    command: {quoted("node", FILESYSTEM, self.files)}
  - name: python
    command: {quoted(sys.executable, UPSTREAM)}
  - name: web
    url: http://127.0.0.1:{self.web}/mcp
flow-modules:
  target: {self.target.url}/run/{{module}}/{{version}}?instance={{instance}}
  headers: {{Authorization: {{file: "{self.secret}", prefix: "Bearer "}}}}
  alias: live
limits:
  calls-per-minute: 100000
"""

    def __enter__(self):
        try:
            self.server.start()
        except BaseException:
            self.end_all()
            raise
        self.url = self.server.url + "/mcp"
        self.connect = client(self.server)
        self.centre = Centre(self.connect)  # callers of the gateway are of one instance
        self.await_upstreams()
        return self

    def await_upstreams(self):
        """Waits until the gateway has read what the servers behind it offer."""
        granted = {"everything": ["echo"], "remote": ["echo"], "files": ["read_text_file"], "python": ["called"], "web": ["called"]}
        web, deadline = Web(self.bot(**granted)), time.monotonic() + 30
        while len(web.tools()) < len(granted):
            assert time.monotonic() < deadline, f"only {web.tools()} are there\n{self.server.log()[-4000:]}"
            time.sleep(0.05)

    def __exit__(self, *_):
        try:
            self.server.stop()
        finally:
            self.end_all()
            self.folder.cleanup()

    def bot(self, **grants):
        return Bot(self, **grants)


class Target:
    """Where calls of flow modules go: it answers with the state of the order, and remembers what it was sent."""

    def __init__(self):
        self.sent = sent = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sent.append((self.path, dict(self.headers), body))
                answer = json.dumps({"state": f"Order {body['arguments'].get('order')} is packed."}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Bot:
    """An AI agent, with a profile of its own that grants tools: namespace to names."""

    def __init__(self, gateway, **grants):
        self.gateway, self.centre, self.arn = gateway, gateway.centre, agent_arn()
        self.profile = self.centre.profile(Applications=applications(grants))
        self.centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=self.arn, SecurityProfiles=[{"Id": self.profile}])
        self.token = self.make_token("--agent", self.arn)

    def make_token(self, *flags):
        return self.gateway.server.run("token", "create", "--instance", self.centre.id, "--output", "table", *flags).strip()

    def grant(self, **grants):
        self.centre.update_security_profile(SecurityProfileId=self.profile, Applications=applications(grants))

    def agent(self, sdk, era, **kw):
        return Agent(sdk, era, self.gateway.url, self.token, self.gateway.folder.name, **kw)


MODERN, LEGACY = "2026-07-28", "2025-11-25"
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"}}


class Reply:
    """An answer over HTTP; of a stream, the last message."""

    def __init__(self, status, headers, body):
        self.status, self.body, self.headers = status, body, headers
        if headers.get("content-type", "").startswith("text/event-stream"):
            body = [line[6:] for line in body.splitlines() if line.startswith(b"data: {")][-1]
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = {}

    @property
    def code(self):
        return self.json.get("error", {}).get("code")

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class Web:
    """Sends requests to the gateway as they are."""

    def __init__(self, bot, token=None):
        self.gateway, self.token = bot.gateway, bot.token if token is None else token

    def send(self, body, headers=None, method="POST", path="/mcp"):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.server.port, timeout=20)
        sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        sent = {k: v for k, v in (sent | (headers or {})).items() if v is not None}
        body = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is answered before it has arrived
                connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def modern(self, method, params=None, headers=None, id=1):
        params = {"_meta": META} | (params or {})
        sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if "name" in params:
            sent["Mcp-Name"] = params["name"]
        return self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params}, sent | (headers or {}))

    def tools(self):
        reply = self.modern("tools/list")
        assert reply.status == 200, reply
        return [t["name"] for t in reply.json["result"]["tools"]]

    def call(self, name, headers=None, **arguments):
        return self.modern("tools/call", {"name": name, "arguments": arguments}, headers)

    def initialize(self, headers=None, capabilities=None):
        """Begins a session and returns its id."""
        reply = self.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": LEGACY, "capabilities": capabilities or {}, "clientInfo": {"name": "raw", "version": "1"}}}, headers)
        assert reply.status == 200, reply
        return reply.headers["mcp-session-id"]


def applications(grants):
    return [{"Namespace": namespace, "Type": "MCP", "ApplicationPermissions": names} for namespace, names in grants.items() if names]
