import { appendFileSync } from "node:fs";

import { ConnectClient, CreateSecurityProfileCommand, ListInstancesCommand, ListSecurityProfilesCommand } from "@aws-sdk/client-connect";
import { lanyard } from "@lanyard/server/vitest";
import { beforeAll, expect, test } from "vitest";

const imported = new ConnectClient({}); // before the server runs
const server = lanyard();

beforeAll(() => appendFileSync(process.env.STARTED, server.url + "\n"));

test.each([1, 2, 3, 4, 5])("nothing of another test %i", async () => {
  const names = (await imported.send(new ListSecurityProfilesCommand({ InstanceId: server.instanceId }))).SecurityProfileSummaryList;
  expect(names.map((p) => p.Name)).toContain("Admin");
  expect(names.map((p) => p.Name)).not.toContain("Left over");
  await imported.send(new CreateSecurityProfileCommand({ InstanceId: server.instanceId, SecurityProfileName: "Left over" }));
  await server.fault({ operation: "*", exception: "InternalServiceException" });
  await server.setTime(new Date("2040-01-01T00:00:00Z"));
});

test("one instance", async () => {
  const { InstanceSummaryList } = await imported.send(new ListInstancesCommand({}));
  expect(InstanceSummaryList.map((i) => i.Id)).toEqual([server.instanceId]);
});
