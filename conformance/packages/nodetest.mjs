import assert from "node:assert/strict";
import { test } from "node:test";

import { lanyard } from "@lanyard/server/node";

const server = lanyard({ seeds: ["team.yaml"], region: "eu-central-1" });
assert.throws(() => server.url, /is known when tests run/);
assert.equal(await Promise.resolve(server), server); // a module may hand it on before there is a server

test("questions", async () => {
  assert.match(server.instanceArn, /:eu-central-1:123456789012:/);
  await server.assertAllowed("claire", "Users.Edit", "User/new", { isNew: true, tags: { Country: "FR" } });
  await server.assertDenied("claire", "Users.Edit", "User/new", { isNew: true, tags: { Country: "DE" } });
  await server.assertDenied("nobody", "Users.Edit", undefined, { unknown: true });
  await server.save("mine");
  await server.reset();
  await server.assertDenied("claire", "Users.Edit", undefined, { unknown: true });
  await server.load("mine");
  await server.assertAllowed("claire", "Users.Edit", "User/claire");
  await assert.rejects(server.load("nobody"), /does not exist/);
});
