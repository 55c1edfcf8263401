import { readFileSync } from "node:fs";
import { expect, open, picture, review, save, signIn, test } from "./support";

test("an earlier state is looked at and restored by the same review", async ({ page, server }) => {
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
  await events.nth(2).getByRole("link", { name: /^State of/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Restored after change");
  await expect(page.getByText("Users.Edit")).toBeVisible();
  await picture(page, "state");
  await page.getByRole("link", { name: "Restore this state" }).click();
  await expect(page.getByText("Unsaved changes in 4 fields")).toBeVisible();
  await review(page);
  await save(page);
  await expect(page.getByText("Restored is saved.")).toBeVisible();
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
  await page.getByRole("button", { name: "Export as CloudTrail" }).click();
  const { Records } = JSON.parse(readFileSync(await (await download).path(), "utf8")) as { Records: { eventName: string; eventSource: string; requestParameters: { securityProfileId?: string; SecurityProfileId?: string } }[] };
  expect(Records.map((r) => r.eventName)).toEqual(["UpdateSecurityProfile", "CreateSecurityProfile"]);
  expect(Records[0].eventSource).toBe("connect.amazonaws.com");
});
