"""The tools for assistants of administrators, called by the Python SDK for MCP as an assistant would: by starting lanyard mcp, and
over HTTP."""
import asyncio
import json
import subprocess
import urllib.error
import urllib.request

import pytest
from mcp import Client, StdioServerParameters

from server import Server


@pytest.fixture(scope="module")
def demo():
    with Server("--demo", quotas=True) as server:
        yield server


def token(server, *flags):
    return subprocess.run([server.binary, "token", "create", "--data", server.data, "--output", "table", *flags], check=True,
                          capture_output=True, text=True).stdout.strip()


def started(server, bearer=None):
    """How an assistant starts the program."""
    env = {"LANYARD_DATA": server.data} | ({"LANYARD_TOKEN": bearer} if bearer else {})
    return StdioServerParameters(command=server.binary, args=["mcp"], env=env)


def talk(to, conversation):
    async def run():
        async with Client(to) as client:
            return await conversation(client)
    return asyncio.run(asyncio.wait_for(run(), 60))


def test_every_tool_answers(demo):
    """The SDK checks each structured answer against the tool's output schema."""
    calls = {
        "list_instances": {},
        "find_resources": {"type": "User", "text": "claire"},
        "find_permissions": {"text": "edit users"},
        "describe_profile": {"profile": "Auditor"},
        "describe_user": {"user": "claire.dubois"},
        "check_access": {"subject": "claire.dubois", "permission": "Users.Edit", "resource": "User/jonas.becker"},
        "who_can": {"permission": "SecurityProfiles.Edit"},
        "what_can": {"subject": "claire.dubois"},
        "which_resources": {"subject": "claire.dubois", "permission": "Users.View", "type": "User"},
        "profile_holders": {"profile": "Supervisor France"},
        "what_if": {"profile": "Supervisor France", "add_permissions": ["Users.Delete"]},
        "lint_findings": {},
        "history": {"type": "SecurityProfile", "resource": "Auditor"},
    }

    async def conversation(client):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == set(calls)
        for name, arguments in calls.items():
            tool, answer = tools[name], await client.call_tool(name, arguments)
            assert not answer.is_error, (name, answer.content[0].text)
            assert tool.annotations.read_only_hint and tool.output_schema and answer.structured_content, name
            assert answer.content[0].text
        denied = await client.call_tool("check_access", calls["check_access"])
        assert denied.structured_content["decision"] is False
        assert "Country=DE" in denied.structured_content["explanation"]
        return len(tools)

    assert talk(started(demo), conversation) == 13


@pytest.mark.parametrize("user, sees", [("olivia.stone", True), ("claire.dubois", False)])
def test_rights_of_the_token(demo, user, sees):
    """Olivia may view everybody; Claire may view only users of France, and no profiles."""
    async def conversation(client):
        jonas = await client.call_tool("describe_user", {"user": "jonas.becker"})
        lint = await client.call_tool("lint_findings", {})
        mine = await client.call_tool("list_instances", {})
        assert mine.structured_content["user"]["name"] == user
        return jonas, lint

    jonas, lint = talk(started(demo, token(demo, "--user", user)), conversation)
    assert jonas.is_error is not sees and lint.is_error is not sees
    if not sees:
        assert jonas.content[0].text.startswith('User "jonas.becker" does not exist, or you may not view it')
        assert "SecurityProfiles.View" in lint.content[0].text


def test_nothing_changes(demo):
    """What-if plans; the revision of the instance stays, whatever was asked."""
    async def conversation(client):
        before = (await client.call_tool("history", {"limit": 1})).structured_content["events"][0]["revision"]
        for arguments in ({"profile": "Auditor", "set_permissions": []}, {"user": "claire.dubois", "set_profiles": ["Auditor"]}):
            assert (await client.call_tool("what_if", arguments)).structured_content["affected"] > 0
        after = (await client.call_tool("history", {"limit": 1})).structured_content["events"][0]["revision"]
        return before, after

    before, after = talk(started(demo), conversation)
    assert before == after


def test_over_http(demo):
    """A plain request, as curl sends it."""
    def post(bearer):
        request = urllib.request.Request(
            demo.url + "/assistant/mcp", method="POST", headers={
                "Authorization": "Bearer " + bearer, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
            data=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                             "params": {"name": "list_instances", "arguments": {}}}).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["result"]["structuredContent"]

    assert post(token(demo, "--user", "claire.dubois"))["user"]["name"] == "claire.dubois"
    with pytest.raises(urllib.error.HTTPError) as refused:
        post("lanyard_unknown")
    assert refused.value.code == 401 and refused.value.headers["WWW-Authenticate"] == 'Bearer realm="lanyard"'
