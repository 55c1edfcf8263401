import { at, expect, open, signIn, test } from "./support";

test("a user who may not view profiles is told which permission is missing", async ({ page, server }) => {
  await signIn(page, server, "claire.dubois", at(server, "profiles"));
  await expect(page.getByText("You don't have permission to do this")).toBeVisible();
  await expect(page.getByText("SecurityProfiles.View").first()).toBeVisible();
  await expect(page.getByRole("table")).toHaveCount(0);
  for (const [path, permission] of [
    ["agents", "QConnectAIAgents.View"],
    ["explore/heat", "SecurityProfiles.View"],
    ["explore/hierarchy", "AgentGrouping.View"],
  ]) {
    await open(page, server, path);
    await expect(page.getByText(permission).first(), path).toBeVisible();
  }
  // She sees whom she may view: the people of France and nobody else.
  await open(page, server, "users");
  await expect(page.getByRole("link", { name: "hugo.moreau" })).toBeVisible();
  await expect(page.getByRole("link", { name: "jonas.becker" })).toHaveCount(0);
  // A link to a user whom she may not view shows nothing.
  const users = await server.users();
  await open(page, server, `users/${users["jonas.becker"]}`);
  await expect(page.getByText(/not allowed|Not found/).first()).toBeVisible();
  await expect(page.getByText("Jonas")).toHaveCount(0);
});

test("an administrator of some profiles can view and change only those", async ({ page, server }) => {
  await server.makeProfile("Sales only", { Permissions: ["Users.View"] }, { Department: "Sales" });
  const profiles = await server.profiles();
  await server.assign("noah.kim", [profiles["Sales administrator"]]);
  await signIn(page, server, "noah.kim", at(server, "profiles"));
  await expect(page.getByRole("link", { name: "Sales only" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Admin", exact: true })).toHaveCount(0);
  // A new profile without the tag is rejected with the server's message and is not created.
  await open(page, server, "profiles/new");
  await page.getByLabel("Name", { exact: true }).fill("Out of reach");
  await page.getByRole("button", { name: "Create profile" }).click();
  await expect(page.getByText("SecurityProfiles.Create").first()).toBeVisible();
  expect(Object.keys(await server.profiles())).not.toContain("Out of reach");
  await page.getByRole("tab", { name: /Details/ }).click();
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Tags of the profile: Key 1").fill("Department");
  await page.getByLabel("Tags of the profile: Value 1").fill("Sales");
  await page.getByRole("button", { name: "Create profile" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Out of reach" })).toBeVisible();
});

test("a reader can view everything and change nothing", async ({ page, server }) => {
  const profiles = await server.profiles();
  await server.assign("emily.carter", [profiles.Auditor]);
  await signIn(page, server, "emily.carter", at(server, `profiles/${profiles["Order desk"]}`));
  await expect(page.getByText("You can view this profile but not change it. Missing permission: SecurityProfiles.Edit")).toBeVisible();
  await expect(page.getByRole("checkbox", { name: /^BasicAgentAccess/ })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Review and save" })).toBeDisabled();
  await page.getByRole("tab", { name: /Details/ }).click();
  await expect(page.getByLabel("Description")).toBeDisabled();
  await open(page, server, "profiles");
  await expect(page.getByRole("link", { name: "Auditor" })).toBeVisible();
  await expect(page.locator("[aria-disabled=true]").filter({ hasText: "Create profile" })).toBeVisible();
});

test("an administrator who may not view hierarchy groups cannot remove a user from one", async ({ page, server }) => {
  const users = await server.users();
  const id = await server.makeProfile("Edits people", { Permissions: ["Users.View", "Users.Edit"] });
  await server.assign("maya.patel", [id]);
  await signIn(page, server, "maya.patel", at(server, `users/${users["manon.girard"] ?? users["hugo.moreau"]}?tab=edit`));
  await expect(page.getByText("The current group is hidden from you, so you can't change it here.")).toBeVisible();
  await expect(page.getByRole("radio")).toHaveCount(0);
});
