"""What is kept of the calls of AI agents, and what bounds them: the audit, the decision log, redaction and limits."""
import json
import pathlib
import signal
import sys
import time
import urllib.request

import pytest

from centre import Centre
from check import client
from gateway import UPSTREAM, Bot, Web, quoted
from server import Server

FIND, DELETE, COUNT = "python___find_order", "python___delete_order", "python___count"
SECRET = "4111-1111-1111-1111"


class Audited:
    """A server whose gateway has limits, rules of redaction and a decision log."""

    def __init__(self, folder, audit="window: 100ms"):
        self.folder, self.log = folder, folder / "decisions.jsonl"
        config = folder / "gateway.yaml"
        config.write_text(f"""
prefixed: true
upstreams:
- name: python
  command: {quoted(sys.executable, UPSTREAM)}
limits:
  calls-per-minute: 600
  overrides:
  - {{tool: "*called", calls-per-minute: 60, burst: 2}}
  - {{tool: "*count", timeout: 300ms}}
redaction:
  rules:
  - {{upstream: python, tool: "*delete_order", default: keep}}
audit: {{{audit}}}
decision-log:
  authzen: true
  file: {{path: {json.dumps(str(self.log))}}}
""")
        self.server = Server("--mcp-gateway", str(config))

    def __enter__(self):
        self.server.start()
        self.url = self.server.url + "/mcp"
        self.centre = Centre(client(self.server))
        return self

    def __exit__(self, *_):
        self.server.stop()

    def audit(self, *flags):
        return [json.loads(line) for line in self.server.run("audit", "--instance", self.centre.id, *flags).splitlines()]

    def decision(self, reply):
        """The record of the call that was answered."""
        id, deadline = reply.headers["lanyard-decision-id"], time.monotonic() + 10
        while not (found := self.audit("--decision", id)):
            assert time.monotonic() < deadline, f"decision {id} is not in the audit"
            time.sleep(0.05)
        assert len(found) == 1 and found[0]["eventID"] == id, found
        return found[0]

    def logged(self, reply):
        """The line about it in the decision log."""
        id, deadline = reply.headers["lanyard-decision-id"], time.monotonic() + 10
        while True:
            found = [d for d in map(json.loads, self.log.read_text().splitlines()) if d["decision_id"] == id]
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"decision {id} is not in the decision log"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with Audited(tmp_path_factory.mktemp("audited")) as g:
        yield g


@pytest.fixture(scope="module")
def bot(gateway):
    bot = Bot(gateway, python=["find_order", "called", "count"])
    deadline = time.monotonic() + 20
    while FIND not in Web(bot).tools():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return bot


@pytest.fixture(scope="module")
def web(bot):
    return Web(bot)


def test_an_allowed_call(gateway, bot, web):
    reply = web.call(FIND, order=SECRET)
    record = gateway.decision(reply)
    assert record["eventName"] == "tools/call" and record["eventCategory"] == "Data"
    assert record["userIdentity"]["principalId"] == bot.arn
    assert record["requestParameters"] == {"instanceId": gateway.centre.id, "upstream": "python", "namespace": "python",
                                           "tool": "find_order", "arguments": {"order": "<string>"}}
    decision = record["additionalEventData"]["decision"]
    assert decision["allowed"] and decision["outcome"] == "answered" and decision["profile"] == bot.profile
    assert decision["durationMs"] > 0 and "errorCode" not in record
    line = gateway.logged(reply)
    assert line["subject"] == {"type": "ai_agent", "id": bot.arn} and line["decision"] is True
    assert line["action"] == {"name": "find_order"} and line["resource"] == {"type": "Application", "id": "python"}
    assert line["call"]["arguments"] == {"order": "<string>"}


def test_a_refused_call(gateway, web):
    """The rule keeps the arguments of this tool, and the record says what was missing."""
    reply = web.call(DELETE, order="17")
    record = gateway.decision(reply)
    assert record["errorCode"] == "AccessDenied" and "delete_order" in record["errorMessage"]
    assert record["requestParameters"]["arguments"] == {"order": "17"}
    assert record["additionalEventData"]["decision"]["allowed"] is False
    assert gateway.logged(reply)["decision"] is False


def test_too_many_calls(gateway, bot, web):
    replies = [web.call("python___called") for _ in range(4)]
    assert "retry-after" not in replies[0].headers
    limited = replies[-1]
    assert limited.json["result"]["isError"] and int(limited.headers["retry-after"]) == 1, limited
    assert "60 calls" in limited.json["result"]["content"][0]["text"]
    record = gateway.decision(limited)
    assert record["errorCode"] == "ThrottlingException" and record["additionalEventData"]["decision"]["allowed"] is True
    other = Bot(gateway, python=["called"])
    assert not Web(other).call("python___called").json["result"].get("isError")


def test_a_call_that_takes_too_long(gateway, web):
    began = time.monotonic()
    reply = web.call(COUNT, to=1000)
    assert reply.json["result"]["isError"] and time.monotonic() - began < 5
    assert gateway.decision(reply)["errorCode"] == "timed out"


def test_the_table_and_the_chain(gateway, web):
    id = web.call(FIND, order="1").headers["lanyard-decision-id"]
    deadline = time.monotonic() + 10
    while id not in (table := gateway.server.run("audit", "--instance", gateway.centre.id, "--output", "table")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert f"decision {id}" in table and "python" in table
    assert '"Problem":""' in gateway.server.run("audit", "verify", "--state", "--instance", gateway.centre.id)
    exported = gateway.server.run("audit", "export", "--instance", gateway.centre.id, "--format", "lines")
    assert id in [json.loads(line)["eventID"] for line in exported.splitlines()]


def test_the_arguments_are_nowhere(gateway, web):
    """The store, the log of the server and the decision log have none of the values."""
    reply = web.call(FIND, order=SECRET, note={SECRET: [SECRET]})
    gateway.decision(reply), gateway.logged(reply)
    for file in pathlib.Path(gateway.server.data).rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in gateway.log.read_text() and SECRET not in gateway.server.log()
    assert SECRET not in json.dumps(gateway.audit())


def test_decisions_of_authzen_are_logged(gateway, bot):
    token = gateway.server.run("token", "create", "--instance", gateway.centre.id, "--output", "table").strip()
    asked = {"subject": {"type": "ai_agent", "id": bot.arn}, "action": {"name": "find_order"},
             "resource": {"type": "Application", "id": "python"}}
    request = urllib.request.Request(gateway.server.url + "/access/v1/evaluation", json.dumps(asked).encode(),
                                     {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["decision"] is True
    deadline = time.monotonic() + 10
    while True:
        found = [d for d in map(json.loads, gateway.log.read_text().splitlines()) if "call" not in d]
        if found:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(found) == 1 and {k: found[0][k] for k in asked} == asked and found[0]["decision"] is True
    assert found[0]["context"]["profile"] == bot.profile


def test_the_last_calls_are_stored(tmp_path):
    """Those of a window at the end of a server that is stopped, and with durable also of one that is killed."""
    with Audited(tmp_path, "durable: true, window: 1m") as g:
        web = Web(Bot(g, python=["find_order"]))
        killed = web.call(FIND, order="1").headers["lanyard-decision-id"]
        g.server.kill()
        assert json.loads(g.server.run("audit", "--decision", killed))["eventID"] == killed
        g.server.start()
    with Audited(tmp_path, "window: 1m") as g:
        web = Web(Bot(g, python=["find_order"]))
        stopped = web.call(FIND, order="1").headers["lanyard-decision-id"]
        assert not g.audit("--decision", stopped)
        g.server.process.send_signal(signal.SIGTERM)
        g.server.process.wait(20)
        assert json.loads(g.server.run("audit", "--decision", stopped))["eventID"] == stopped
        g.server.start()
