// Drives the clients of the TypeScript SDK by commands, as driver.py does the Python one: v1 is @modelcontextprotocol/sdk,
// v2 is @modelcontextprotocol/client.
import { createInterface } from 'node:readline';

const v1 = process.argv[2] === 'v1';
const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const calls = new Map();
let client;

const sample = async (request) => {
  const content = request.params.messages[0].content;
  say({ event: 'sampling', text: (Array.isArray(content) ? content[0] : content).text });
  return { role: 'assistant', model: 'scripted', content: { type: 'text', text: 'sampled' } };
};
const changed = () => say({ event: 'tools_changed' });

async function load(era, elicit) {
  const capabilities = { sampling: {}, elicitation: {} };
  const info = { name: 'driver', version: '1' };
  if (v1) {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const types = await import('@modelcontextprotocol/sdk/types.js');
    client = new Client(info, { capabilities });
    client.setRequestHandler(types.ElicitRequestSchema, elicit);
    client.setRequestHandler(types.CreateMessageRequestSchema, sample);
    client.setNotificationHandler(types.ToolListChangedNotificationSchema, changed);
    return StreamableHTTPClientTransport;
  }
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  client = new Client(info, { capabilities, versionNegotiation: { mode: era === 'legacy' ? 'legacy' : { pin: '2026-07-28' } } });
  client.setRequestHandler('elicitation/create', elicit);
  client.setRequestHandler('sampling/createMessage', sample);
  client.setNotificationHandler('notifications/tools/list_changed', changed);
  return StreamableHTTPClientTransport;
}

const ops = {
  async connect({ url, token, era, elicited }) {
    const elicit = async (request) => {
      say({ event: 'elicitation', text: request.params.message });
      return { action: 'accept', content: elicited };
    };
    const Transport = await load(era, elicit);
    const transport = new Transport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } });
    await client.connect(transport);
    if (era !== 'legacy') {
      await client.listen({ toolsListChanged: true });
      say({ event: 'listening' });
    }
    return v1 ? transport.protocolVersion : client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
  },
  async list() { return (await client.listTools()).tools; },
  async call({ id, name, arguments: args, progress }) {
    const abort = new AbortController();
    calls.set(id, abort);
    const options = { signal: abort.signal, timeout: 30000 };
    if (progress) options.onprogress = (p) => say({ event: 'progress', call: id, progress: p.progress });
    const params = { name, arguments: args ?? {} };
    return v1 ? client.callTool(params, undefined, options) : client.callTool(params, options);
  },
  async cancel({ call }) { calls.get(call).abort('no longer needed'); },
  async close() { await client.close(); },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  ops[command.op](command).then(
    (ok) => say({ id: command.id, ok: ok ?? null }),
    (e) => say({ id: command.id, error: { code: typeof e?.code === 'number' ? e.code : 0, message: `${e?.name}: ${e?.message ?? e}` } }));
}
process.exit(0);
