"""Drives the Python SDK's client by commands: one JSON object a line on stdin, answers and events on stdout.

The other SDKs have drivers that take the same commands, so that one test plays all of them: see clients.py.
"""
import asyncio
import json
import sys

import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client


def say(**message):
    print(json.dumps(message), flush=True)


class Driver:
    def __init__(self):
        self.client, self.calls = None, {}

    async def sample(self, _, params):
        say(event="sampling", text=params.messages[0].content.text)
        return types.CreateMessageResult(role="assistant", model="scripted", content=types.TextContent(type="text", text="sampled"))

    async def elicit(self, _, params):
        say(event="elicitation", text=params.message)
        return types.ElicitResult(action="accept", content=self.elicited)

    async def message(self, message):
        if isinstance(message, types.ToolListChangedNotification):
            say(event="tools_changed")

    async def run(self, url, token, era, elicited, ready):
        self.elicited = elicited
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
        async with http, Client(streamable_http_client(url, http_client=http), mode="legacy" if era == "legacy" else "auto",
                                sampling_callback=self.sample, elicitation_callback=self.elicit, message_handler=self.message,
                                cache=None) as self.client:
            self.closing = asyncio.Event()
            listening = asyncio.create_task(self.listen()) if era != "legacy" else None
            ready.set_result(self.client.protocol_version)
            await self.closing.wait()
            if listening:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def listen(self):
        async with self.client.listen(tools_list_changed=True) as events:
            say(event="listening")
            async for _ in events:
                say(event="tools_changed")

    async def connect(self, url, token, era, elicited=None):
        ready = asyncio.get_running_loop().create_future()
        self.session = asyncio.create_task(self.run(url, token, era, elicited, ready))
        await asyncio.wait([ready, self.session], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await self.session
        return ready.result()

    async def list(self):
        return [t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in (await self.client.list_tools()).tools]

    async def call(self, name, arguments=None, id=None, progress=False):
        async def told(done, total, message):
            say(event="progress", call=id, progress=done)
        task = asyncio.ensure_future(self.client.call_tool(name, arguments or {}, progress_callback=told if progress else None))
        self.calls[id] = task
        return (await task).model_dump(mode="json", by_alias=True, exclude_none=True)

    async def cancel(self, call):
        self.calls[call].cancel()

    async def close(self):
        self.closing.set()
        await self.session


def reason(e):
    while isinstance(e, BaseExceptionGroup):
        e = e.exceptions[0]
    return {"code": e.code if isinstance(e, MCPError) else 0, "message": f"{type(e).__name__}: {e}"}


async def main():
    driver, tasks = Driver(), set()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def answer(id, op, members):
        try:
            extra = {"id": id} if op == "call" else {}
            say(id=id, ok=await getattr(driver, op)(**members, **extra))
        except asyncio.CancelledError:
            say(id=id, error={"code": 0, "message": "cancelled"})
        except BaseException as e:
            say(id=id, error=reason(e))
    while line := await reader.readline():
        command = json.loads(line)
        task = asyncio.create_task(answer(command.pop("id"), command.pop("op"), command))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    for task in tasks:
        task.cancel()


asyncio.run(main())
