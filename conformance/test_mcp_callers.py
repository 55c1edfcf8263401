"""Who calls the MCP gateway, in a process of its own next to a server: tokens of lanyard and JWTs of an issuer."""
import http.server
import json
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from centre import Centre, agent_arn
from check import client
from gateway import META, MODERN, UPSTREAM, Web, applications, free_port, quoted
from server import Server

RESOURCE = "https://tools.example.com/agents"
METADATA = "https://tools.example.com/.well-known/oauth-protected-resource/agents"
FIND = "python___find_order"


class Issuer:
    """An OpenID Connect issuer: what the gateway reads of one, and tokens."""

    def __init__(self):
        self.rotate()
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = {"/.well-known/openid-configuration": issuer.configuration, "/keys": issuer.keys}[self.path]()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def rotate(self):
        self.key, self.id = rsa.generate_private_key(public_exponent=65537, key_size=2048), f"key-{time.monotonic_ns()}"

    def configuration(self):
        return {"issuer": self.url, "jwks_uri": self.url + "/keys", "authorization_endpoint": self.url + "/authorize",
                "token_endpoint": self.url + "/token", "id_token_signing_alg_values_supported": ["RS256"]}

    def keys(self):
        shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [shown | {"kid": self.id, "alg": "RS256", "use": "sig"}]}

    def token(self, typ="at+jwt", key=None, algorithm="RS256", **claims):
        now = int(time.time())
        claims = {"iss": self.url, "aud": RESOURCE, "sub": "claire", "client_id": "bot", "iat": now, "exp": now + 300,
                  "scope": "tools"} | claims
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, None if algorithm == "none" else key or self.key, algorithm,
                          headers={"kid": self.id, "typ": typ})

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Own:
    """A server, a gateway next to it, an issuer, an AI agent and a user, who both may find orders."""

    def __init__(self, folder):
        self.issuer, self.agent, self.server, self.process = Issuer(), agent_arn(), Server(), None
        self.config = folder / "gateway.yaml"
        self.port = free_port()
        self.log = folder / "gateway.log"
        self.config.write_text(f"""
resource: {RESOURCE}
prefixed: true
upstreams:
- name: python
  command: {quoted(sys.executable, UPSTREAM)}
issuers:
- url: {self.issuer.url}
  clients:
    bot: {{agent: "{self.agent}"}}
    night: {{agent: "{self.agent}", subject: agent}}
    desktop: {{agent: none}}
scopes: [tools]
""")

    def __enter__(self):
        self.server.start()
        self.centre = Centre(client(self.server))
        self.profile = self.centre.profile(Applications=applications({"python": ["find_order", "called"]}))
        self.centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=self.agent, SecurityProfiles=[{"Id": self.profile}])
        self.user = self.centre.user(Username="claire", SecurityProfileIds=[self.profile])
        self.begin()
        deadline = time.monotonic() + 30
        while FIND not in self.web(self.token()).tools():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self

    def begin(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.server.binary, "mcp-gateway", "--config", str(self.config), "--data", self.server.data,
                 "--listen", f"127.0.0.1:{self.port}"], stdout=log, stderr=log, env=self.server.environment())
        deadline = time.monotonic() + 20
        while not self.ready():
            assert time.monotonic() < deadline and self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def __exit__(self, *_):
        self.process.terminate()
        code = self.process.wait(30)
        self.server.stop()
        self.issuer.close()
        log = self.log.read_text()
        assert code == 0 and "panic" not in log and "DATA RACE" not in log, log[-4000:]

    def token(self, *flags):
        return self.server.run("token", "create", "--instance", self.centre.id, "--output", "table",
                               *(flags or ("--agent", self.agent))).strip()

    def web(self, token):
        gateway = types.SimpleNamespace(server=types.SimpleNamespace(port=self.port))
        return Web(types.SimpleNamespace(gateway=gateway, token=token), token=token)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with Own(tmp_path_factory.mktemp("own")) as own:
        yield own


def found(reply):
    return reply.status == 200 and not reply.json["result"].get("isError") and "4711" in reply.json["result"]["content"][0]["text"]


def soon(holds, what):
    """Within a second, as the documentation says; the machine may take another one."""
    deadline = time.monotonic() + 2
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_token_for_an_agent_a_user_or_both(own):
    for flags in (["--agent", own.agent], ["--agent", own.agent, "--user", "claire"], ["--user", "claire"]):
        assert found(own.web(own.token(*flags)).call(FIND, order="4711")), flags


def test_the_path_of_the_resource(own):
    for path, status in (("/mcp", 200), ("/agents", 200), ("/agents/", 404), ("/", 404)):
        reply = own.web(own.token()).send({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}},
                                          {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}, path=path)
        assert reply.status == status, (path, reply)


def test_a_stranger_learns_where_tokens_come_from(own):
    reply = own.web("").call(FIND, order="1")
    assert (reply.status, reply.headers["www-authenticate"]) == (
        401, f'Bearer resource_metadata="{METADATA}", scope="tools"')
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/agents"):
        metadata = own.web("").send(None, method="GET", path=path).json
        assert metadata == {"resource": RESOURCE, "authorization_servers": [own.issuer.url], "scopes_supported": ["tools"],
                            "bearer_methods_supported": ["header"], "resource_name": "lanyard MCP gateway"}
    assert own.web("").send(None, method="GET", path="/.well-known/oauth-protected-resource/other").status == 404


def test_tokens_of_the_issuer(own):
    for claims in ({}, {"aud": ["https://other.example", RESOURCE]}, {"client_id": "night", "sub": "anything"}, {"client_id": "desktop"},
                   {"typ": "JWT"}, {"client_id": None, "azp": "bot"}):
        assert found(own.web(own.issuer.token(**claims)).call(FIND, order="4711")), claims


@pytest.mark.parametrize("what, claims", [
    ("another audience", {"aud": "https://other.example/mcp"}), ("the client as the audience", {"aud": "bot"}), ("no audience", {"aud": None}),
    ("expired", {"exp": int(time.time()) - 60}), ("never expires", {"exp": None}), ("not valid yet", {"nbf": int(time.time()) + 3600}),
    ("another issuer", {"iss": "https://login.example"}), ("an unknown client", {"client_id": "stranger"}), ("an unknown user", {"sub": "nobody"}),
    ("an agent without its user", {"sub": "bot"}), ("another type", {"typ": "logout+jwt"}),
    ("another's key", {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}),
    ("no signature", {"algorithm": "none"}), ("a shared secret", {"algorithm": "HS256", "key": "x" * 32})])
def test_tokens_that_prove_nobody(own, what, claims):
    reply = own.web(own.issuer.token(**claims)).call(FIND, order="4711")
    assert reply.status == 401 and reply.headers["www-authenticate"].startswith('Bearer error="invalid_token", resource_metadata='), reply
    assert "4711" not in reply.body.decode()


def test_a_token_without_the_scope(own):
    reply = own.web(own.issuer.token(scope="tool")).call(FIND, order="4711")
    assert (reply.status, reply.headers["www-authenticate"]) == (
        403, f'Bearer error="insufficient_scope", resource_metadata="{METADATA}", scope="tools"')


def test_keys_are_rotated(own):
    before = own.issuer.token()
    assert found(own.web(before).call(FIND, order="4711"))
    time.sleep(3)  # the gateway asks an issuer no more often
    own.issuer.rotate()
    assert found(own.web(own.issuer.token()).call(FIND, order="4711"))


def test_a_web_page_of_a_stranger(own):
    assert own.web(own.token()).call(FIND, {"Origin": "https://evil.example"}, order="1").status == 403


def test_a_revoked_token(own):
    made = json.loads(own.server.run("token", "create", "--instance", own.centre.id, "--agent", own.agent, "--output", "json"))
    web = own.web(made["Token"])
    assert found(web.call(FIND, order="4711"))
    own.server.run("token", "revoke", made["Id"])
    soon(lambda: web.call(FIND, order="4711").status == 401, "the token is still accepted")


def test_a_right_that_is_taken_away(own):
    web = own.web(own.token("--agent", own.agent, "--user", "claire"))
    assert found(web.call(FIND, order="4711"))
    nothing = own.centre.profile()
    own.centre.update_user_security_profiles(UserId=own.user, SecurityProfileIds=[nothing])
    try:
        soon(lambda: FIND not in web.tools() and not found(web.call(FIND, order="4711")), "the agent still has the user's right")
        assert found(own.web(own.token()).call(FIND, order="4711")), "the agent by itself lost it too"
    finally:
        own.centre.update_user_security_profiles(UserId=own.user, SecurityProfileIds=[own.profile])
    soon(lambda: found(web.call(FIND, order="4711")), "the right does not come back")


def test_the_server_goes_and_comes_back(own):
    """Without the server nothing is allowed. The gateway goes on by itself when the server is back."""
    token, issued = own.token(), own.issuer.token()
    assert found(own.web(token).call(FIND, order="4711"))
    own.server.kill()
    for t in (token, issued):
        soon(lambda: own.web(t).call(FIND, order="4711").status >= 500, "a call is allowed without the server")
    assert not own.ready()
    own.server.start()
    deadline = time.monotonic() + 20
    while not all(found(own.web(t).call(FIND, order="4711")) for t in (token, issued)):
        assert time.monotonic() < deadline, own.log.read_text()[-4000:]
        time.sleep(0.05)
    assert own.ready()


def test_the_audit_says_who_called(own):
    own.web(own.issuer.token()).call(FIND, order="4711")
    deadline = time.monotonic() + 10
    while own.issuer.url not in (audit := own.server.run("audit", "--instance", own.centre.id)):
        assert time.monotonic() < deadline, audit[-2000:]
        time.sleep(0.1)
    assert own.agent in audit


def test_a_bad_configuration(own, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("upstreams:\n- name: python\n  comand: [x]\n")
    command = [own.server.binary, "mcp-gateway", "--config", str(bad)]
    for flags in (["--check"], ["--data", own.server.data]):
        ended = subprocess.run([*command, *flags], env=own.server.environment(), capture_output=True, text=True, timeout=30)
        assert ended.returncode == 2 and f"{bad}:3:3: " in ended.stderr and "did you mean command?" in ended.stderr, ended
    checked = subprocess.run([own.server.binary, "mcp-gateway", "--config", str(own.config), "--check"], env=own.server.environment(),
                             capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, f"{own.config} is valid\n"), checked
