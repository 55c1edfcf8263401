import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { findBinary } from "./binary.js";
import { here } from "./here.js";
import { brokerVariable } from "./helper.js";
import { type Lanyard, type LanyardOptions, start } from "./server.js";

/**
 * For globalSetup of Vitest and of Jest: one server for each worker and the whole run, instead of one for each test
 * file. Servers start when a test file first asks for one.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const servers = new Map<string, Promise<Lanyard>>();
  const path = `/${randomUUID()}`;
  const broker = createServer(async (request, response) => {
    if (request.url !== path) {
      response.writeHead(404).end(); // somebody else on this machine
      return;
    }
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) {
        chunks.push(chunk as Buffer);
      }
      const { slot, options } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { slot: string; options: LanyardOptions };
      const key = JSON.stringify([slot, options]);
      if (!servers.has(key)) {
        servers.set(key, start(findBinary(here), options));
      }
      const { url, account, region, instanceId, instanceArn } = await servers.get(key)!;
      response.end(JSON.stringify({ url, account, region, instanceId, instanceArn }));
    } catch (error) {
      response.writeHead(500).end((error as Error).message);
    }
  });
  await new Promise<void>((done) => broker.listen(0, "127.0.0.1", done));
  broker.unref(); // must not keep the test run going
  process.env[brokerVariable] = `http://127.0.0.1:${(broker.address() as AddressInfo).port}${path}`;
  return async () => {
    broker.close();
    delete process.env[brokerVariable];
    await Promise.allSettled([...servers.values()].map(async (server) => (await server).stop()));
  };
}
