import { readFileSync } from "node:fs";
import { DeleteSecurityProfileCommand, DescribeUserCommand, TagResourceCommand, UpdateUserHierarchyCommand } from "@aws-sdk/client-connect";
import { expect, open, picture, review, save, signIn, test } from "./support";

test("an earlier version is viewed and restored through the usual review", async ({ page, server }) => {
  const id = await server.makeProfile("Restored", { Permissions: ["Users.View"], Description: "First" });
  await server.update(id, { Description: "Second", Permissions: ["Users.View", "Users.Edit"] });
  await server.update(id, { AllowedAccessControlTags: { Country: "FR" }, TagRestrictedResources: ["User"] });
  await signIn(page, server);
  await open(page, server, `history?type=SecurityProfile&id=${id}`);
  const events = page.locator(".events > li");
  await expect(events).toHaveCount(3);
  await expect(events.nth(1)).toContainText("First");
  await expect(events.nth(1)).toContainText("Second");
  await expect(events.nth(1)).toContainText("+ ");
  await picture(page, "history-of-one");
  await events.nth(2).getByRole("link", { name: /^View this version/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Restored after change");
  await expect(page.getByText("Users.Edit")).toBeVisible();
  await picture(page, "state");
  await page.getByRole("link", { name: "Restore this version" }).click();
  await expect(page.getByText("Unsaved changes in 4 fields")).toBeVisible();
  await review(page);
  await save(page);
  await expect(page.getByText("Restored saved.")).toBeVisible();
  const now = await server.profile(id);
  expect([now.Description, now.Permissions, now.AllowedAccessControlTags, now.TagRestrictedResources]).toEqual(["First", ["Users.View"], {}, []]);
});

test("the history is exported as CloudTrail records", async ({ page, server }) => {
  const id = await server.makeProfile("Exported", { Description: "First" });
  await server.update(id, { Description: "Second" });
  await signIn(page, server);
  await open(page, server, `history?type=SecurityProfile&id=${id}`);
  await expect(page.locator(".events > li")).toHaveCount(2);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export as CloudTrail records" }).click();
  const { Records } = JSON.parse(readFileSync(await (await download).path(), "utf8")) as { Records: { eventName: string; eventSource: string; requestParameters: { securityProfileId?: string; SecurityProfileId?: string } }[] };
  expect(Records.map((r) => r.eventName)).toEqual(["UpdateSecurityProfile", "CreateSecurityProfile"]);
  expect(Records[0].eventSource).toBe("connect.amazonaws.com");
});

test("history shows names for ids, also of deleted profiles, and only the tags that changed", async ({ page, server }) => {
  const users = await server.users();
  const profiles = await server.profiles();
  const gone = await server.makeProfile("Short-lived");
  const UserId = users["jonas.becker"];
  const { User } = await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId }));
  await server.assign("jonas.becker", [profiles.Agent, gone]);
  await server.assign("jonas.becker", [profiles.Agent]);
  await server.connect.send(new DeleteSecurityProfileCommand({ InstanceId: server.instance, SecurityProfileId: gone }));
  await server.connect.send(new UpdateUserHierarchyCommand({ InstanceId: server.instance, UserId }));
  await server.connect.send(new TagResourceCommand({ resourceArn: User!.Arn!, tags: { Shift: "Day", Desk: "4" } }));
  await server.connect.send(new TagResourceCommand({ resourceArn: User!.Arn!, tags: { Shift: "Night" } }));
  await signIn(page, server);
  await open(page, server, `users/${UserId}?tab=history`);
  const events = page.locator(".events > li");
  await expect(events.nth(0).locator("td .added, td .removed")).toHaveText([/Shift = Day/, /Shift = Night/]);
  await expect(events.nth(2)).toContainText("Harbour Outfitters / Europe / ");
  await expect(events.nth(3)).toContainText("removed: Short-lived");
  await expect(events.nth(4)).toContainText("added: Short-lived");
  await picture(page, "history-names");
  for (const line of await page.locator(".events > li td").allTextContents()) expect(line).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
});
