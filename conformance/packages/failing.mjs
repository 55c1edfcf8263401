// Prints what fails, and expects that everything does.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { ConnectClient, ListInstancesCommand } from "@aws-sdk/client-connect";
import { redirect, startLanyard } from "@lanyard/server";
import https from "node:https";

const require = createRequire(import.meta.url);
const { findBinary } = require(join(dirname(require.resolve("@lanyard/server")), "binary.js"));

const server = await startLanyard();
await server.reset(["team.yaml"]);
writeFileSync(
  "broken.yaml",
  "Resources:\n  Night:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      SecurityProfileName: 7\n      Nonsense: 1\n",
);
const real = { region: "eu-west-2", credentials: { accessKeyId: "a", secretAccessKey: "b" }, maxAttempts: 1 };
const restore = redirect(server);
const failures = [
  () => server.assertAllowed("claire", "Users.Edit", "User/jonas"),
  () => server.assertDenied("claire", "Users.Edit", "User/claire"),
  () => server.assertDenied("nobody", "Users.Edit", "User/claire"),
  async () => https.get("https://sts.eu-west-2.amazonaws.com/"),
  () => new ConnectClient({ ...real, endpoint: "https://connect.eu-west-2.amazonaws.com" }).send(new ListInstancesCommand({})),
  () => server.fault({ operation: "ListSecurityProfiles", exception: "DuplicateResourceException" }),
  () => server.reset(["broken.yaml"]),
  async () => findBinary(import.meta.url, "sunos-x64"),
  async () => findBinary(import.meta.url, "win32-arm64"),
];
for (const fail of failures) {
  try {
    await fail();
    process.exitCode = 1;
    console.log(`this must fail: ${fail}`);
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
}
restore();
https.get("https://sts.eu-west-2.amazonaws.com/", { agent: new https.Agent(), signal: AbortSignal.abort() }).on("error", () => {});
await server.stop();
process.exit(); // the SDK would wait for timers of the refused request
