import { another, expect, grant, open, review, save, signIn, test } from "./support";

test("two people change one profile: what does not clash is put together, and nobody is overwritten", async ({ page, browser, server }) => {
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
  await expect(priya.getByText("Two at once is saved.")).toBeVisible();

  await review(page);
  await save(page);
  const dialog = page.getByRole("dialog", { name: "Somebody else saved this profile meanwhile" });
  await expect(dialog).toContainText("priya.shah");
  await expect(dialog.locator("[data-side=theirs]")).toContainText("By Priya");
  await expect(dialog.locator("[data-side=mine]")).toContainText("Queues.View");
  expect((await server.profile(id)).Permissions).toEqual(["Users.View"]);
  await dialog.getByRole("button", { name: "Put together and review" }).click();
  await expect(page.locator("[data-field]")).toHaveCount(1);
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const now = await server.profile(id);
  expect([now.Description, now.Permissions]).toEqual(["By Priya", ["Queues.View", "Users.View"]]);
  await priya.context().close();
});

test("what both changed differently is for people to decide", async ({ page, server }) => {
  const id = await server.makeProfile("Clash", { Description: "Before", AllowedAccessControlTags: { Country: "FR" }, TagRestrictedResources: ["User"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Mine");
  await page.getByRole("tab", { name: /Reach/ }).click();
  await page.getByLabel("Access-control tags: Value 1").fill("DE");
  await server.update(id, { Description: "Theirs", AllowedAccessControlTags: { Country: "US" }, TagRestrictedResources: ["User"] });
  await review(page);
  await save(page);
  const dialog = page.getByRole("dialog", { name: "Somebody else saved this profile meanwhile" });
  await expect(dialog.getByRole("button", { name: "Put together and review" })).toBeDisabled();
  await dialog.locator("[data-conflict=Description]").getByLabel("Yours: Mine").check();
  await dialog.locator("[data-conflict=AllowedAccessControlTags]").getByLabel("Theirs: US").check();
  await dialog.getByRole("button", { name: "Put together and review" }).click();
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const now = await server.profile(id);
  expect([now.Description, now.AllowedAccessControlTags]).toEqual(["Mine", { Country: "US" }]);
});

test("somebody may drop their own changes instead", async ({ page, server }) => {
  const id = await server.makeProfile("Dropped", { Description: "Before" });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Mine");
  await server.update(id, { Description: "Theirs" });
  await review(page);
  await save(page);
  await page.getByRole("button", { name: "Drop my changes" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByLabel("Description")).toHaveValue("Theirs");
  expect((await server.profile(id)).Description).toBe("Theirs");
});
