import { AssociateSecurityProfilesCommand, DescribeUserCommand, DisassociateSecurityProfilesCommand, ListEntitySecurityProfilesCommand, TagResourceCommand, UpdateUserIdentityInfoCommand } from "@aws-sdk/client-connect";
import { another, expect, grant, open, picture, review, save, signIn, test } from "./support";

test("two people change one profile: changes that do not conflict are merged, and nothing is overwritten", async ({ page, browser, server }) => {
  const id = await server.makeProfile("Two at once", { Permissions: ["Users.View"], Description: "Before" });
  const users = await server.profiles();
  await server.assign("priya.shah", [users.Admin]);
  await signIn(page, server);
  await open(page, server, `profiles/${id}`);
  const priya = await another(browser, server, "priya.shah");
  await open(priya, server, `profiles/${id}?tab=details`);

  await grant(page, "Queues.View", true);
  await priya.getByLabel("Description").fill("By Priya");
  await review(priya);
  await save(priya);
  await expect(priya.getByText("Two at once saved.")).toBeVisible();

  await review(page);
  await save(page);
  const dialog = page.getByRole("dialog", { name: "Security profile changed while you were editing" });
  await expect(dialog).toContainText("priya.shah");
  await expect(dialog.locator("[data-side=theirs]")).toContainText("By Priya");
  await expect(dialog.locator("[data-side=mine]")).toContainText("Queues.View");
  expect((await server.profile(id)).Permissions).toEqual(["Users.View"]);
  await dialog.getByRole("button", { name: "Merge and review" }).click();
  await expect(page.locator("[data-field]")).toHaveCount(1);
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const now = await server.profile(id);
  expect([now.Description, now.Permissions]).toEqual(["By Priya", ["Queues.View", "Users.View"]]);
  await priya.context().close();
});

test("the user decides what both changed differently", async ({ page, server }) => {
  const id = await server.makeProfile("Clash", { Description: "Before", AllowedAccessControlTags: { Country: "FR" }, TagRestrictedResources: ["User"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Mine");
  await page.getByRole("tab", { name: /Scope/ }).click();
  await page.getByLabel("Access-control tags: Value 1").fill("DE");
  await server.update(id, { Description: "Theirs", AllowedAccessControlTags: { Country: "US" }, TagRestrictedResources: ["User"] });
  await review(page);
  await save(page);
  const dialog = page.getByRole("dialog", { name: "Security profile changed while you were editing" });
  await expect(dialog.getByRole("button", { name: "Merge and review" })).toBeDisabled();
  await dialog.locator("[data-conflict=Description]").getByLabel("Yours: Mine").check();
  await dialog.locator("[data-conflict=AllowedAccessControlTags]").getByLabel("Theirs: US").check();
  await dialog.getByRole("button", { name: "Merge and review" }).click();
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const now = await server.profile(id);
  expect([now.Description, now.AllowedAccessControlTags]).toEqual(["Mine", { Country: "US" }]);
});

test("the user can discard their own changes instead", async ({ page, server }) => {
  const id = await server.makeProfile("Dropped", { Description: "Before" });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Mine");
  await server.update(id, { Description: "Theirs" });
  await review(page);
  await save(page);
  await page.getByRole("button", { name: "Discard my changes" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByLabel("Description")).toHaveValue("Theirs");
  expect((await server.profile(id)).Description).toBe("Theirs");
});

test("two people change one user: the second sees what the first changed and undoes none of it", async ({ page, server }) => {
  const users = await server.users();
  const profiles = await server.profiles();
  await signIn(page, server);
  const id = users["greta.lange"];
  await open(page, server, `users/${id}?tab=edit`);
  await page.getByRole("button", { name: "Security profiles" }).click();
  await page.getByRole("option", { name: "Price list editor" }).click();
  await page.keyboard.press("Escape");
  await server.assign("greta.lange", [profiles.Agent, profiles.Auditor]);
  await page.getByRole("button", { name: "Review and save", exact: true }).first().click();
  await save(page);
  const dialog = page.getByRole("dialog", { name: "User changed while you were editing" });
  await expect(dialog.locator("[data-side=theirs]")).toContainText("Auditor");
  await expect(dialog.locator("[data-side=mine]")).toContainText("Price list editor");
  await picture(page, "user-conflict");
  const held = async () => (await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId: id }))).User!;
  expect((await held()).SecurityProfileIds!.sort()).toEqual([profiles.Agent, profiles.Auditor].sort());
  await dialog.getByRole("button", { name: "Merge and review" }).click();
  const again = page.getByRole("dialog", { name: "Review: greta.lange" });
  await expect(again.locator("[data-field=profiles]")).toContainText("Price list editor");
  await expect(again.locator("[data-field=profiles]")).not.toContainText("Auditor");
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect((await held()).SecurityProfileIds!.sort()).toEqual([profiles.Agent, profiles.Auditor, profiles["Price list editor"]].sort());
  await server.assign("greta.lange", [profiles.Agent]);
});

test("the user decides about tags and group that both changed differently", async ({ page, server }) => {
  const users = await server.users();
  const id = users["ben.richter"];
  const arn = (await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId: id }))).User!.Arn!;
  await server.connect.send(new TagResourceCommand({ resourceArn: arn, tags: { Shift: "Day" } }));
  await signIn(page, server);
  await open(page, server, `users/${id}?tab=edit`);
  const shift = page.locator("input").and(page.getByLabel(/^Tags: Value/)).last();
  await expect(shift).toHaveValue("Day");
  await shift.fill("Night");
  await server.connect.send(new TagResourceCommand({ resourceArn: arn, tags: { Shift: "Late", Desk: "4" } }));
  // A reload restores the draft on its own base, not on the newest version.
  await page.reload();
  await expect(page.getByText("Unsaved draft restored")).toBeVisible();
  await page.getByRole("button", { name: "Review and save: Tags" }).click();
  await save(page);
  const dialog = page.getByRole("dialog", { name: "User changed while you were editing" });
  await expect(dialog.locator("[data-side=theirs]")).toContainText("Desk = 4");
  await expect(dialog.getByRole("button", { name: "Merge and review" })).toBeDisabled();
  await dialog.locator("[data-conflict=tags]").getByLabel("Yours: Night").check();
  await dialog.getByRole("button", { name: "Merge and review" }).click();
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const { Tags } = (await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId: id }))).User!;
  expect([Tags!.Shift, Tags!.Desk]).toEqual(["Night", "4"]);
  await expect(page.getByText("Shift: Night")).toBeVisible(); // the page has read what was saved
  // A change of something that this page does not show is no conflict.
  await page.getByLabel(/^Tags: Value/).last().fill("5");
  await server.connect.send(new UpdateUserIdentityInfoCommand({ InstanceId: server.instance, UserId: id, IdentityInfo: { FirstName: "Benjamin", LastName: "Richter" } }));
  await page.getByRole("button", { name: "Review and save: Tags" }).click();
  await save(page);
  await expect(page.getByText("Tags saved.").first()).toBeVisible();
});

test("an AI agent that another user has changed is reviewed again", async ({ page, server }) => {
  const arn = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/11111111-2222-3333-4444-555555555556/66666666-7777-8888-9999-000000000001:$LATEST";
  const profiles = await server.profiles();
  const entity = { InstanceId: server.instance, EntityType: "AI_AGENT" as const, EntityArn: arn };
  const give = (...names: string[]) => server.connect.send(new AssociateSecurityProfilesCommand({ ...entity, SecurityProfiles: names.map((n) => ({ Id: profiles[n] })) }));
  await give("Agent");
  await signIn(page, server);
  await open(page, server, `agents/${encodeURIComponent(arn)}`);
  await page.getByRole("button", { name: "Security profiles" }).click();
  await page.getByRole("option", { name: "Self-service assistant" }).click();
  await page.keyboard.press("Escape");
  await give("Auditor");
  await page.getByRole("button", { name: "Review and save" }).click();
  await save(page);
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("AI agent changed while you were editing");
  await expect(dialog).not.toContainText("Auditor");
  await save(page);
  await expect(dialog).toHaveCount(0);
  const held = await server.connect.send(new ListEntitySecurityProfilesCommand(entity));
  expect(held.SecurityProfiles!.map((p) => p.Id).sort()).toEqual([profiles.Agent, profiles.Auditor, profiles["Self-service assistant"]].sort());
  await server.connect.send(new DisassociateSecurityProfilesCommand({ ...entity, SecurityProfiles: held.SecurityProfiles })); // other tests count agents
});

test("tags of a profile that another user has changed are merged, and saved only after a review", async ({ page, server }) => {
  const id = await server.makeProfile("Tagged twice", {}, { Team: "1" });
  const { Arn } = await server.profile(id);
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Tags of the profile: Value 1").fill("2");
  await server.connect.send(new TagResourceCommand({ resourceArn: Arn!, tags: { Team: "3", Desk: "4" } }));
  await page.getByRole("button", { name: "Save tags" }).click();
  await expect(page.getByText("Tags of the profile changed while you were editing")).toBeVisible();
  await expect(page.getByText(/theirs are Team = 3/)).toBeVisible();
  expect((await server.profile(id)).Tags).toEqual({ Team: "3", Desk: "4" });
  await page.getByRole("button", { name: "Save tags" }).click();
  await expect(page.getByText("Tags saved.")).toBeVisible();
  expect((await server.profile(id)).Tags).toEqual({ Team: "2", Desk: "4" });
});
