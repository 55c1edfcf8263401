import { box, expect, grant, open, picture, review, signIn, test } from "./support";

test("permissions are marked as sensitive, and rows only for what they grant", async ({ page, server }) => {
  const id = await server.makeProfile("Marked", { Permissions: ["Queues.View", "Queues.Edit"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}`);
  await page.getByLabel("Find permissions by name or label").fill("Queues.View");
  const row = page.getByRole("row").filter({ has: box(page, "Queues.View") });
  await expect(row.locator("th")).not.toContainText("Destructive");
  const purge = row.locator("[data-permission='Queues.Purge']");
  await expect(purge).toHaveClass(/sensitive/);
  await expect(row.locator("[data-permission='Queues.View']")).not.toHaveClass(/sensitive/);
  expect(await purge.evaluate((e) => getComputedStyle(e).borderBlockEndStyle)).toBe("dotted");
  await expect(box(page, "Queues.Purge")).toHaveAccessibleName(/deletes data/);
  await expect(page.locator(".legend")).toContainText("Deletes data that can't be restored.");
  await box(page, "Queues.Purge").check();
  await expect(row.locator("th")).toContainText("Destructive");
  await picture(page, "sensitive-row");
});

test("a select all box grants only what is shown", async ({ page, server }) => {
  const id = await server.makeProfile("All of it", { Permissions: [] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}`);
  await page.getByLabel("Find permissions by name or label").fill("Queues.View");
  const boxes = await page.locator(".matrix tbody [data-permission]").count();
  await page.getByRole("checkbox", { name: /^Select all shown in/ }).check();
  await expect(page.getByText(`${boxes} permissions granted`)).toBeVisible();
  await page.getByLabel("Find permissions by name or label").fill("");
  await expect(page.getByText(`${boxes} permissions granted`)).toBeVisible();
});

test("a review says in plain words that a change is sensitive, and how many people gain by it", async ({ page, server }) => {
  const profiles = await server.profiles();
  await signIn(page, server);
  await open(page, server, `profiles/${profiles["Team lead"]}`);
  await grant(page, "Users.EditPermission", true);
  await review(page);
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("This change grants 1 sensitive permission")).toBeVisible();
  await expect(dialog.locator("[data-sensitive='Users.EditPermission']").first()).toContainText("Lets users grant rights to themselves or others.");
  await expect(dialog.locator("[data-field=Permissions]")).toContainText(/Users.* - .*dit.*Users\.EditPermission.*Privilege escalation/);
  await expect(dialog.getByText(/^\d+ people gain sensitive permissions$/)).toBeVisible();
  await picture(page, "sensitive-review");
  await page.getByRole("button", { name: "Back to editing" }).click();
});
