"""The published conformance suite of MCP, through the gateway in front of the Go SDK's server that does everything."""
import http.client
import http.server
import json
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

from centre import Centre, agent_arn
from check import client
from server import Server

HERE = pathlib.Path(__file__).resolve().parent
SUITE = HERE / "mcp"
SERVER = "github.com/modelcontextprotocol/go-sdk/conformance/everything-server"
NAMESPACE = "everything"
# What each revision requires of a server, and whether the server behind the gateway has sessions.
REVISIONS = {"2026-07-28": (37, "-stateless=true"), "2025-11-25": (30, "-stateless=false")}
# Each scenario that needs a permission and shares it with no other.
TAKEN = {"test_image_content": "tools-call-image", "prompts/test_simple_prompt": "prompts-get-simple",
         "resources/test://static-text": "resources-read-text"}

pytestmark = pytest.mark.skipif(not (shutil.which("go") and shutil.which("npm")), reason="Go and npm are required")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not (got := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return got


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def suite():
    """The command of the suite, with a Node that is new enough."""
    modules = SUITE / "node_modules"
    if not (modules / "@modelcontextprotocol" / "conformance").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=SUITE, check=True, timeout=300)
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].split(".")[0]) < 22:
        node = modules / "node" / "bin" / "node"
        if not node.exists():  # its package brings the program in a script
            subprocess.run(["node", "installArchSpecificPackage.js"], cwd=modules / "node", check=True, timeout=300,
                           env={"PATH": f"{pathlib.Path(shutil.which('node')).parent}:/usr/bin:/bin", "HOME": str(modules),
                                "npm_package_version": json.loads((SUITE / "package.json").read_text())["dependencies"]["node"]})
    return [str(node), str(modules / ".bin" / "conformance"), "server"]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The servers behind the gateways, by revision."""
    program = tmp_path_factory.mktemp("mcp") / "everything"
    subprocess.run(["go", "build", "-o", program, SERVER], cwd=HERE.parent, check=True, timeout=300)
    running, ports = [], {}
    for revision, (_, flag) in REVISIONS.items():
        ports[revision] = free_port()
        running.append(subprocess.Popen([program, "-http", f"127.0.0.1:{ports[revision]}", flag], stderr=subprocess.DEVNULL))
        until("the server behind the gateway listens", lambda: listens(ports[revision]))
    yield ports
    for process in running:
        process.kill()
        process.wait()


class Bearer(http.server.BaseHTTPRequestHandler):
    """Adds a token to each request, which the suite cannot send, and passes on everything else as it comes."""
    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        to = http.client.HTTPConnection(*self.server.target, timeout=60)
        to.putrequest(self.command, "/mcp", skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "authorization"):
                to.putheader(name, value)
        to.putheader("Authorization", "Bearer " + self.server.token)
        to.endheaders(body)
        answer = to.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while data := answer.read1(65536):
                self.wfile.write(data)
        except OSError:
            pass  # the client has heard enough
        finally:
            to.close()
            self.close_connection = True

    do_GET = do_POST = do_DELETE = do_OPTIONS = forward

    def log_message(self, *_):
        pass


class Gateways:
    """A gateway for each revision: one in the server's process, one next to it; and an agent with a profile."""

    def __init__(self, folder, everything):
        self.files = {}
        for revision, port in everything.items():
            self.files[revision] = folder / f"{revision}.yaml"
            self.files[revision].write_text(f"upstreams:\n  - name: {NAMESPACE}\n    url: http://127.0.0.1:{port}/mcp\n")
        self.server = Server("--mcp-gateway", str(self.files["2026-07-28"]))

    def __enter__(self):
        self.server.start()
        self.centre = Centre(client(self.server))
        self.agent = agent_arn(":1")
        self.profile = self.centre.profile()
        self.centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=self.agent, SecurityProfiles=[{"Id": self.profile}])
        made = json.loads(self.server.run("token", "create", "--agent", self.agent, "--output", "json"))
        self.token = made["Token"]
        port = free_port()
        self.process = subprocess.Popen(
            [self.server.binary, "mcp-gateway", "--config", str(self.files["2025-11-25"]), "--data", self.server.data,
             "--listen", f"127.0.0.1:{port}"], env=self.server.environment(), stderr=subprocess.DEVNULL)
        until("the second gateway listens", lambda: listens(port))
        self.ports = {"2026-07-28": self.server.port, "2025-11-25": port}
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(30) == 0
        self.server.stop()

    def grant(self, permissions):
        self.centre.update_security_profile(SecurityProfileId=self.profile, Applications=[
            {"Namespace": NAMESPACE, "ApplicationPermissions": permissions, "Type": "MCP"}])


@pytest.fixture(scope="module")
def gateways(everything, tmp_path_factory):
    with Gateways(tmp_path_factory.mktemp("gateways"), everything) as g:
        yield g


def everything_offered(port):
    """What a profile must grant so that its holder sees all that the server has."""
    def ask(method):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}})
        request = urllib.request.Request(f"http://127.0.0.1:{port}/mcp", body.encode(), {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(re.search(r"\{.*\}", answer.read().decode()).group())["result"]
    return ([tool["name"] for tool in ask("tools/list")["tools"]]
            + ["prompts/" + prompt["name"] for prompt in ask("prompts/list")["prompts"]]
            + ["resources/" + resource["uri"] for resource in ask("resources/list")["resources"]]
            + ["resources/" + t["uriTemplate"] for t in ask("resources/templates/list")["resourceTemplates"]])


def run(suite, gateways, revision, folder):
    """Runs what a revision requires, and returns how many scenarios there were and which failed."""
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bearer)
    proxy.daemon_threads = True
    proxy.target, proxy.token = ("127.0.0.1", gateways.ports[revision]), gateways.token
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        out = subprocess.run([*suite, "--url", f"http://127.0.0.1:{proxy.server_port}/mcp", "--requirements", revision],
                             cwd=folder, capture_output=True, text=True, timeout=300).stdout
    finally:
        proxy.shutdown()
        proxy.server_close()
    summary, _, unscored = out[out.rindex("=== SUMMARY ==="):].partition("Not scored for")
    unscored = re.findall(r"^\s*[✓✗] (\S+) \(", unscored, re.M)
    results = {name: mark for mark, name in re.findall(r"^([✓✗]) ([^\s:]+):", summary, re.M) if name not in unscored}
    return len(results), {name for name, mark in results.items() if mark == "✗"}, out


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_scenario_passes(suite, gateways, everything, revision, tmp_path):
    gateways.grant(everything_offered(everything["2026-07-28"]))
    count, failed, out = run(suite, gateways, revision, tmp_path)
    assert not failed, out[-6000:]
    assert count == REVISIONS[revision][0]


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_is_taken_away_fails_alone(suite, gateways, everything, revision, tmp_path):
    gateways.grant([p for p in everything_offered(everything["2026-07-28"]) if p not in TAKEN])
    _, failed, out = run(suite, gateways, revision, tmp_path)
    assert failed == set(TAKEN.values()), out[-6000:]
