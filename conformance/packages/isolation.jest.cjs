const { ConnectClient, ListInstancesCommand } = require("@aws-sdk/client-connect");
const { lanyard } = require("@lanyard/server/jest");

const imported = new ConnectClient({}); // before the server runs
const server = lanyard({ seeds: ["team.yaml"] });

test("a client of an imported module", async () => {
  const { InstanceSummaryList } = await imported.send(new ListInstancesCommand({}));
  expect(InstanceSummaryList.map((i) => i.Id)).toEqual([server.instanceId]);
  await server.assertDenied("claire", "Users.Edit", "User/jonas");
});
