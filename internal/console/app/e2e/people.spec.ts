import { DescribeUserCommand, ListEntitySecurityProfilesCommand } from "@aws-sdk/client-connect";
import { expect, open, save, signIn, test } from "./support";

test("a user gets another profile after a review, and every permission shows the profile that grants it", async ({ page, server }) => {
  const users = await server.users();
  const profiles = await server.profiles();
  await signIn(page, server);
  await open(page, server, `users/${users["greta.lange"]}?tab=edit`);
  await page.getByRole("button", { name: "Security profiles" }).click();
  await page.getByRole("option", { name: "Price list editor" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Review and save", exact: true }).first().click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("added: Price list editor");
  await expect(dialog.locator("[data-affected]")).toHaveAttribute("data-affected", "1");
  await expect(dialog).toContainText("DataTables.View");
  await save(page);
  await expect(dialog).toHaveCount(0);
  const user = await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId: users["greta.lange"] }));
  expect(user.User!.SecurityProfileIds!.sort()).toEqual([profiles.Agent, profiles["Price list editor"]].sort());
  await page.getByRole("tab", { name: "Effective permissions" }).click();
  const row = page.getByRole("row", { name: /DataTables\.View/ });
  await expect(row).toContainText("Price list editor");
  await expect(row).toContainText("Region");
});

test("a user moves to another group after a review of who sees them", async ({ page, server }) => {
  const users = await server.users();
  await signIn(page, server);
  await open(page, server, `users/${users["ben.richter"]}?tab=edit`);
  await page.getByLabel("Search groups").fill("Lyon");
  await page.getByRole("radio", { name: "Lyon" }).check();
  await page.getByRole("button", { name: "Review and save: Hierarchy group" }).click();
  await expect(page.getByRole("dialog")).toContainText("anna.vogel will no longer see this user");
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const user = await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId: users["ben.richter"] }));
  await expect(page.getByText("Europe / France / Lyon")).toBeVisible();
  expect(user.User!.HierarchyGroupId).toBeTruthy();
});

test("a tag that the server rejects is reported at its field, and nothing is lost", async ({ page, server }) => {
  const users = await server.users();
  await signIn(page, server);
  await open(page, server, `users/${users["olivia.stone"]}?tab=edit`);
  await page.getByRole("button", { name: "Add tag" }).click();
  const last = await page.getByLabel(/^Tags: Key/).count();
  await page.getByLabel(`Tags: Key ${last}`).fill("aws:mine");
  await page.getByLabel(`Tags: Value ${last}`).fill("kept");
  await page.getByRole("button", { name: "Review and save: Tags" }).click();
  await save(page);
  await expect(page.getByRole("dialog").getByText(/aws:/).first()).toBeVisible();
  await page.getByRole("button", { name: "Back to editing" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("tabpanel").getByText(/aws:/)).toBeVisible();
  await expect(page.getByLabel(`Tags: Value ${last}`)).toHaveValue("kept");
  await page.getByRole("button", { name: "Discard changes" }).click();
  await expect(page.getByLabel(/^Tags: Key/)).toHaveCount(last - 1);
});

test("an AI agent gets a profile", async ({ page, server }) => {
  const agent = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-000000000000:$LATEST";
  const profiles = await server.profiles();
  await signIn(page, server);
  await open(page, server, "agents");
  await expect(page.getByRole("link", { name: /ai-agent/ })).toHaveCount(3);
  await page.getByLabel("ARN of an AI agent that has no profiles yet").fill(agent);
  await page.getByRole("button", { name: "Assign profiles" }).click();
  await page.getByRole("button", { name: "Security profiles" }).click();
  await page.getByRole("option", { name: "Self-service assistant" }).click();
  await page.keyboard.press("Escape");
  await page.reload();
  await expect(page.getByText("Unsaved draft restored")).toBeVisible();
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Self-service assistant");
  await expect(dialog.locator("[data-field=Permissions]")).toContainText("Cases.View");
  await save(page);
  await expect(page.getByText("Security profiles saved.")).toBeVisible();
  await expect(page.getByText(/Unsaved/)).toHaveCount(0);
  const held = await server.connect.send(new ListEntitySecurityProfilesCommand({ InstanceId: server.instance, EntityType: "AI_AGENT", EntityArn: agent }));
  expect(held.SecurityProfiles).toEqual([{ Id: profiles["Self-service assistant"] }]);
});

test("profiles are found, duplicated and deleted together; those in use stay and show their holders", async ({ page, server }) => {
  await server.makeProfile("Bulk one", { Permissions: ["Users.View"], AllowedAccessControlTags: { Country: "FR" }, TagRestrictedResources: ["User"] }, { Purpose: "bulk" });
  await server.makeProfile("Bulk two", {}, { Purpose: "bulk" });
  await signIn(page, server);
  await open(page, server, "profiles");
  await page.getByRole("button", { name: /Tag key/ }).click();
  await page.getByRole("option", { name: "Purpose" }).click();
  await expect(page.getByRole("link", { name: /^Bulk/ })).toHaveCount(2);
  await expect(page.getByRole("link", { name: "Admin", exact: true })).toHaveCount(0);

  await page.getByRole("checkbox", { name: "Bulk one" }).check();
  await page.getByRole("button", { name: "Duplicate" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Bulk three");
  await page.getByRole("button", { name: "Create profile" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Bulk three" })).toBeVisible();
  const copy = await server.profile((await server.profiles())["Bulk three"]);
  expect([copy.Permissions, copy.AllowedAccessControlTags, copy.TagRestrictedResources, copy.Tags]).toEqual([["Users.View"], { Country: "FR" }, ["User"], { Purpose: "bulk" }]);

  await open(page, server, "profiles");
  await page.getByLabel("Find by name").fill("u");
  for (const name of ["Bulk one", "Bulk two", "Auditor"]) await page.getByRole("checkbox", { name }).check();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("row", { name: /Auditor/ })).toContainText(/Held by \d user/);
  await dialog.getByRole("button", { name: "Delete 2 profiles" }).click();
  await expect(dialog.getByRole("row").filter({ hasText: "Deleted" })).toHaveCount(2);
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await expect(page.getByRole("link", { name: "Bulk one" })).toHaveCount(0);
  const left = Object.keys(await server.profiles());
  expect(left).toContain("Auditor");
  expect(left).not.toContain("Bulk two");
});

test("the server sorts and pages the table, and its address is a link to what it shows", async ({ page, server }) => {
  for (let i = 10; i < 24; i++) await server.makeProfile(`Paged ${i}`);
  await signIn(page, server);
  await open(page, server, "profiles?search=Paged");
  await page.getByRole("button", { name: "Preferences" }).click();
  await page.getByText("10 rows").click();
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("link", { name: /^Paged/ })).toHaveCount(10);
  await page.locator("thead").getByText("Name", { exact: true }).first().click();
  await expect(page.getByRole("link", { name: /^Paged/ }).first()).toHaveText("Paged 23");
  await page.getByRole("button", { name: "Next page" }).click();
  await expect(page.getByRole("link", { name: /^Paged/ })).toHaveCount(4);
  await expect(page).toHaveURL(/search=Paged/);
  await page.reload();
  await expect(page.getByRole("link", { name: /^Paged/ })).toHaveCount(4);
  await expect(page.getByRole("link", { name: /^Paged/ }).last()).toHaveText("Paged 10");
});

test("users are found by tag and by hierarchy group, and the address is a link to the result", async ({ page, server }) => {
  await signIn(page, server);
  await open(page, server, "users");
  const rows = page.locator("tbody tr");
  await expect(rows).toHaveCount(25);
  await page.getByLabel("Tag: Key or Key=Value").fill("Country=Fr");
  await expect(rows).toHaveCount(1);
  await expect(page.getByRole("link", { name: "sarah.masson" })).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(rows).toHaveCount(25);

  // While a list is awaited, that of the text before it cannot be chosen from.
  await page.getByRole("combobox", { name: "Filter by hierarchy group" }).focus();
  await expect(page.getByRole("option", { name: /^Paris/ })).toBeVisible();
  await page.getByRole("combobox", { name: "Filter by hierarchy group" }).fill("Lyon");
  expect(await page.getByRole("option", { name: /^Paris/ }).count()).toBe(0);
  await page.getByRole("option", { name: /^Lyon/ }).click();
  await expect(rows.first()).toContainText("France / Lyon / Support"); // those in the groups below are its people too
  await page.getByRole("combobox", { name: "Filter by hierarchy group" }).fill("France");
  await page.getByRole("option", { name: /^France/ }).click();
  await expect(page.getByRole("link", { name: "claire.dubois" })).toBeVisible();
  // Two groups with the same name can be told apart.
  await page.getByRole("combobox", { name: "Filter by hierarchy group" }).fill("Sales");
  await page.getByRole("option", { name: /^Sales.*Portland/ }).click();
  await expect(rows.first()).toContainText("Portland");
  const count = await rows.count();
  expect(count).toBeLessThan(25);
  await page.reload();
  await expect(rows).toHaveCount(count);
  await expect(page.getByRole("combobox", { name: "Filter by hierarchy group" })).toHaveValue("Sales");
  await page.getByRole("combobox", { name: "Filter by hierarchy group" }).fill("nowhere at all");
  await page.getByLabel("Find by name").focus();
  await expect(page.getByText(/must be the id or ARN of an existing hierarchy group of the instance, got "nowhere at all"/)).toBeVisible();
  await expect(page.getByText("No matching users that you can view.")).toBeVisible();
});
