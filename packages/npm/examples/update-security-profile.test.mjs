// Every exception that UpdateSecurityProfile declares, and how a caller of yours meets it. Copy what you need.
import { ConnectClient, CreateSecurityProfileCommand, UpdateSecurityProfileCommand } from "@aws-sdk/client-connect";
import { lanyard } from "@lanyard/server/vitest";
import { beforeEach, describe, expect, test } from "vitest";

describe("UpdateSecurityProfile", () => {
  const server = lanyard();
  let connect;
  let update; // calls it on a new profile; members replace parameters

  beforeEach(async () => {
    connect = new ConnectClient(server.clientConfig());
    const InstanceId = server.instanceId;
    const made = await connect.send(new CreateSecurityProfileCommand({ InstanceId, SecurityProfileName: "Night shift" }));
    const defaults = { InstanceId, SecurityProfileId: made.SecurityProfileId, Description: "From 22:00" };
    update = (changes, by = connect) => by.send(new UpdateSecurityProfileCommand({ ...defaults, ...changes }));
  });

  test("unknown permission", async () => {
    await expect(update({ Permissions: ["Users.Veiw"] })).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  test("unknown profile", async () => {
    const unknown = update({ SecurityProfileId: "00000000-0000-4000-8000-000000000000" });
    await expect(unknown).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test.each([
    "InvalidRequestException",
    "InvalidParameterException",
    "ResourceNotFoundException",
    "ThrottlingException",
    "InternalServiceException",
  ])("%s", async (exception) => {
    await server.fault({ operation: "UpdateSecurityProfile", exception });
    await expect(update()).rejects.toMatchObject({ name: exception });
    await server.clearFaults();
    await update();
  });

  test("a client with your settings retries", async () => {
    await server.fault({ operation: "UpdateSecurityProfile", exception: "ThrottlingException", count: 1 });
    const answer = await update({}, new ConnectClient({ maxAttempts: 2 }));
    expect(answer.$metadata.attempts).toBe(2);
  });
});

describe("throttled as by Amazon Connect", () => {
  const server = lanyard({ throttling: true });

  test("of many calls at once, some are refused", async () => {
    const connect = new ConnectClient(server.clientConfig());
    const create = (n) =>
      connect.send(new CreateSecurityProfileCommand({ InstanceId: server.instanceId, SecurityProfileName: `Shift ${n}` }));
    const calls = await Promise.allSettled([...Array(20).keys()].map(create));
    expect(calls.filter((c) => c.reason?.name === "ThrottlingException").length).toBeGreaterThan(0);
  });
});
