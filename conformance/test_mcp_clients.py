"""The official clients of MCP, in both revisions, through the gateway to real MCP servers. Profiles are changed by boto3."""
import json
import subprocess
import time

import pytest

from clients import CLIENTS, VERSIONS, Agent, Refused
from gateway import await_port, free_port

ELICITED = {"name": "Ann", "check": True}


@pytest.fixture(scope="module", params=CLIENTS, ids="-".join)
def who(request, gateway):
    """A bot without rights, and a client that is connected as it."""
    bot = gateway.bot()
    with bot.agent(*request.param, elicited=ELICITED) as agent:
        yield bot, agent


def grant(bot, agent, **grants):
    """Grants these tools and no others, and waits until the agent sees that."""
    want = sorted(f"{namespace}___{name}" for namespace, names in grants.items() for name in names)
    if sorted(agent.tools()) != want:
        told(agent, lambda: bot.grant(**grants))
        assert sorted(agent.tools()) == want


def told(agent, change):
    """Makes a change, and expects the agent to be told within a second that its tools are others."""
    before = len(agent.happened("tools_changed"))
    change()
    began = time.monotonic()
    agent.wait(lambda: sum(e["event"] == "tools_changed" for e in agent.events) > before, "is told that its tools have changed")
    assert (took := time.monotonic() - began) < 1, f"the agent was told after {took:.2f} s"


def test_list_and_call(who):
    bot, agent = who
    assert agent.version == VERSIONS[agent.era]
    grant(bot, agent, everything=["echo"], remote=["get-sum"], files=["read_text_file"], python=["find_order"])
    assert agent.call("everything___echo", message="hello") == "Echo: hello"
    assert agent.call("remote___get-sum", a=2, b=3) == "The sum of 2 and 3 is 5."
    assert agent.call("files___read_text_file", path=str(bot.gateway.files / "order.txt")) == "Order 4711 arrived."
    assert agent.call("python___find_order", order="4711").startswith("Order 4711 arrived.")


def test_structured_content(who):
    bot, agent = who
    grant(bot, agent, remote=["get-structured-content"])
    result = agent.ask("call", name="remote___get-structured-content", arguments={"location": "Chicago"})
    assert set(result["structuredContent"]) == {"temperature", "conditions", "humidity"}


def test_refused_until_granted(who):
    bot, agent = who
    grant(bot, agent, everything=["echo"])
    with pytest.raises(Refused) as refused:
        agent.call("everything___get-sum", a=2, b=3)
    assert "get-sum" in refused.value.message and "everything" in refused.value.message
    grant(bot, agent, everything=["echo", "get-sum"])
    assert agent.call("everything___get-sum", a=2, b=3) == "The sum of 2 and 3 is 5."
    grant(bot, agent, everything=["echo"])
    with pytest.raises(Refused):
        agent.call("everything___get-sum", a=2, b=3)


def test_what_does_not_exist_looks_as_what_is_not_granted(who):
    _, agent = who
    with pytest.raises(Refused) as hidden:
        agent.call("python___delete_order", order="1")
    with pytest.raises(Refused) as missing:
        agent.call("python___no_such_tool", order="1")
    assert hidden.value.message.replace("delete_order", "no_such_tool") == missing.value.message


@pytest.mark.parametrize("upstream, tool, arguments", [
    ("remote", "trigger-long-running-operation", {"duration": 1, "steps": 4}), ("python", "count", {"to": 4})])
def test_progress(who, upstream, tool, arguments):
    bot, agent = who
    grant(bot, agent, **{upstream: [tool]})
    id = agent.begin("call", name=f"{upstream}___{tool}", arguments=arguments, progress=True)
    agent.end(id)
    seen = [e["progress"] for e in agent.happened("progress") if e["call"] == id]
    assert seen and seen == sorted(seen) and seen[-1] >= 3


def test_cancellation_reaches_the_upstream(who):
    bot, agent = who
    grant(bot, agent, python=["called", "count"])
    before = agent.call("python___called").count("count cancelled")
    id = agent.begin("call", name="python___count", arguments={"to": 400}, progress=True)
    agent.wait(lambda: any(e["event"] == "progress" and e["call"] == id for e in agent.events), "makes progress")
    agent.ask("cancel", call=id)
    deadline = time.monotonic() + 10
    while agent.call("python___called").count("count cancelled") == before:
        assert time.monotonic() < deadline, "the upstream was not told that the call is cancelled"


def test_an_upstream_asks_the_client(who):
    """Elicitation and sampling pass through to an upstream that speaks every revision, whatever the client speaks."""
    bot, agent = who
    grant(bot, agent, web=["ask", "sample"])
    assert agent.call("web___ask") == "Ann is calling."
    assert agent.happened("elicitation")[-1]["text"] == "Who is calling?"
    assert agent.call("web___sample") == "The model says sampled."
    assert agent.happened("sampling")[-1]["text"] == "What is 2+2?"


def test_an_upstream_with_sessions_asks_the_client(who):
    """It asks in mid-call, and has tools that only clients who can be asked see. So do clients without sessions."""
    bot, agent = who
    grant(bot, agent, remote=["trigger-sampling-request", "trigger-elicitation-request"])
    assert "sampled" in agent.call("remote___trigger-sampling-request", prompt="2+2?")
    assert agent.happened("sampling")[-1]["text"].endswith("2+2?")
    assert "Ann" in agent.call("remote___trigger-elicitation-request")


SETTINGS = json.dumps({
    "input": {"schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}},
    "resultData": {"schema": {"type": "object", "properties": {"state": {"type": "string"}}}}, "transitions": {"results": []}})


def test_flow_modules(who):
    """A flow module is a tool as soon as a profile allows it, with its schemas, and as long as it is one."""
    bot, agent = who
    grant(bot, agent)
    id = bot.centre.tool(Name=f"Find order {agent.sdk} {agent.era}", Description="Says where an order is", Settings=SETTINGS)
    allow = lambda *ids: bot.centre.update_security_profile(
        SecurityProfileId=bot.profile, AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": id} for id in ids])
    told(agent, lambda: allow(id))
    [tool] = agent.ask("list")
    assert tool["name"].startswith("modules___find_order_") and tool["name"].endswith(id[-12:]) and len(tool["name"]) <= 64
    assert (tool["title"], tool["description"]) == (f"Find order {agent.sdk} {agent.era}", "Says where an order is")
    assert tool["inputSchema"] == json.loads(SETTINGS)["input"]["schema"] | {"additionalProperties": False}

    result = agent.ask("call", name=tool["name"], arguments={"order": "../../4711"})
    assert result["structuredContent"] == {"state": "Order ../../4711 is packed."}
    path, headers, body = bot.gateway.target.sent[-1]
    assert path == f"/run/{id}/1?instance={bot.centre.id}" and headers["Authorization"] == "Bearer of-the-target"
    decision = body.pop("decision")
    assert decision == headers["Lanyard-Decision-Id"] and bot.token not in str(headers)
    assert body == {"instance": bot.centre.id, "module": id, "name": tool["title"], "version": 1, "alias": "live",
                    "arguments": {"order": "../../4711"}, "agent": bot.arn}

    sent = len(bot.gateway.target.sent)
    for arguments in ({"order": 7}, {}, {"order": "1", "host": "evil.example"}):
        with pytest.raises(Refused, match="input schema"):
            agent.call(tool["name"], **arguments)
    told(agent, lambda: bot.centre.update_contact_flow_module_metadata(ContactFlowModuleId=id, State="ARCHIVED"))
    assert agent.tools() == []
    with pytest.raises(Refused):
        agent.call(tool["name"], order="1")
    told(agent, lambda: bot.centre.update_contact_flow_module_metadata(ContactFlowModuleId=id, State="ACTIVE"))
    told(agent, lambda: allow())
    with pytest.raises(Refused):
        agent.call(tool["name"], order="1")
    assert len(bot.gateway.target.sent) == sent, "refused calls do not reach the target"


def test_a_gateway_beside_the_server(gateway, tmp_path):
    """lanyard mcp-gateway asks the server that uses the data folder, and follows it within a second."""
    config = tmp_path / "gateway.yaml"
    config.write_text(f"instance: {gateway.centre.id}\nupstreams:\n  - name: web\n    url: http://127.0.0.1:{gateway.web}/mcp\n"
                      f"flow-modules:\n  target: {gateway.target.url}/run/{{module}}\n")
    port = free_port()
    process = subprocess.Popen([gateway.server.binary, "mcp-gateway", "--config", str(config), "--data", gateway.server.data,
                                "--listen", f"127.0.0.1:{port}"], env=gateway.server.environment(), stderr=subprocess.PIPE, text=True)
    try:
        await_port(port, process)
        bot = gateway.bot(web=["find_order", "called"])
        with Agent("typescript", "modern", f"http://127.0.0.1:{port}/mcp", bot.token, gateway.folder.name) as agent:
            deadline = time.monotonic() + 20
            while agent.tools() != ["web___called", "web___find_order"]:
                assert time.monotonic() < deadline, agent.tools()
            assert agent.call("web___find_order", order="1").startswith("Order 1 arrived.")
            with pytest.raises(Refused, match="delete_order"):
                agent.call("web___delete_order", order="1")
            told(agent, lambda: bot.grant(web=["called"]))
            with pytest.raises(Refused):
                agent.call("web___find_order", order="1")
            id = bot.centre.tool(Settings=SETTINGS)
            told(agent, lambda: bot.centre.update_security_profile(SecurityProfileId=bot.profile, AllowedFlowModules=[
                {"Type": "MCP", "FlowModuleId": id}]))
            [module] = [name for name in agent.tools() if name.startswith("modules___")]
            assert agent.ask("call", name=module, arguments={"order": "8"})["structuredContent"] == {"state": "Order 8 is packed."}
    finally:
        process.terminate()
        assert process.wait(20) == 0, process.stderr.read()
