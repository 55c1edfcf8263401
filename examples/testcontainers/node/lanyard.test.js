import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Connect } from "@aws-sdk/client-connect";
import { GenericContainer, Wait, getContainerRuntimeClient } from "testcontainers";

const docker = await getContainerRuntimeClient().catch(() => undefined);
let lanyard, connect;

before(async () => {
  if (!docker) return;
  lanyard = await new GenericContainer("lanyard:latest")
    .withCommand(["serve", "--emulator", "--store", "memory"])
    .withExposedPorts(4580)
    .withWaitStrategy(Wait.forLogMessage("Ready."))
    .start();
  connect = new Connect({
    endpoint: `http://${lanyard.getHost()}:${lanyard.getMappedPort(4580)}`,
    region: "us-east-1",
    credentials: { accessKeyId: "123456789012", secretAccessKey: "any" }, // in an emulator, the account
  });
});

after(() => lanyard?.stop());

test("an unknown permission is refused", { skip: !docker && "Docker is not running" }, async () => {
  const { Id: InstanceId } = await connect.createInstance({
    IdentityManagementType: "SAML",
    InstanceAlias: "centre",
    InboundCallsEnabled: true,
    OutboundCallsEnabled: true,
  });
  const { SecurityProfileId } = await connect.createSecurityProfile({
    InstanceId,
    SecurityProfileName: "Agents",
    Permissions: ["BasicAgentAccess"],
  });
  await assert.rejects(connect.updateSecurityProfile({ InstanceId, SecurityProfileId, Permissions: ["Users.Veiw"] }), {
    name: "InvalidParameterException",
    message: /Users\.Veiw/,
  });
});
