import type { Page } from "@playwright/test";
import { another, at, expect, grant, open, signIn, test } from "./support";

const restored = (page: Page) => page.getByText("Unsaved draft restored");
const kept = (page: Page) => page.evaluate(() => JSON.stringify({ ...sessionStorage }) + JSON.stringify({ ...localStorage }));

async function fillNew(page: Page, name: string) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await grant(page, "Users.View", true);
  await page.getByRole("tab", { name: "Details" }).click();
  await page.getByLabel("Description").fill("Typed and not saved");
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Tags of the profile: Key 1").fill("Team");
  await page.getByLabel("Tags of the profile: Value 1").fill("Night");
}

async function isThere(page: Page, name: string) {
  await expect(restored(page)).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(name);
  await page.getByRole("tab", { name: "Details" }).click();
  await expect(page.getByLabel("Description")).toHaveValue("Typed and not saved");
  await expect(page.getByLabel("Tags of the profile: Value 1")).toHaveValue("Night");
  await page.getByRole("tab", { name: /^Permissions/ }).click();
  await expect(page.getByText("1 permission granted")).toBeVisible();
}

test("a half-typed new profile is restored after a reload and after a visit to another page, and can be created", async ({ page, server }) => {
  await signIn(page, server);
  await open(page, server, "profiles/new");
  await expect(restored(page)).toHaveCount(0);
  await fillNew(page, "Half typed");
  await page.reload();
  await isThere(page, "Half typed");
  await page.goto("about:blank");
  await page.goBack();
  await isThere(page, "Half typed");

  // Another form is another draft.
  await page.goto("about:blank");
  await open(page, server, `profiles/new?from=${(await server.profiles()).Agent}`);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
  await expect(restored(page)).toHaveCount(0);

  await open(page, server, "profiles/new");
  await isThere(page, "Half typed");
  await page.getByRole("button", { name: "Create profile" }).click();
  await expect(page.getByText("Half typed created.")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name: "Half typed" })).toBeVisible();
  const made = await server.profile((await server.profiles())["Half typed"]);
  expect([made.Description, made.Permissions, made.Tags]).toEqual(["Typed and not saved", ["Users.View"], { Team: "Night" }]);
  await open(page, server, "profiles/new");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
  await expect(restored(page)).toHaveCount(0);
});

test("a draft is discarded by the button, by leaving on purpose, and by signing out", async ({ page, server }) => {
  server.cookies.delete("olivia.stone"); // the test ends this session
  await signIn(page, server, "olivia.stone", at(server, "profiles/new"));
  await page.getByLabel("Name", { exact: true }).fill("Not wanted");
  await page.reload();
  await expect(restored(page)).toBeVisible();
  await page.getByRole("button", { name: "Discard draft" }).click();
  await expect(restored(page)).toHaveCount(0);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
  await page.reload();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");

  // Half-typed rows are discarded too.
  const id = await server.makeProfile("Half a tag", { Permissions: ["Users.View"] });
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Tags of the profile: Value 1").fill("without a key");
  await expect(page.getByText("Some fields are incomplete")).toBeVisible();
  await page.getByRole("button", { name: "Discard changes" }).click();
  await expect(page.getByLabel("Tags of the profile: Value 1")).toHaveCount(0);

  await open(page, server, "profiles/new");
  await page.getByLabel("Name", { exact: true }).fill("Not wanted either");
  await page.getByRole("link", { name: "Users", exact: true }).click();
  await page.getByRole("button", { name: "Leave and discard changes" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Users" })).toBeVisible();
  await open(page, server, "profiles/new");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");

  await page.getByLabel("Name", { exact: true }).fill("Nor this");
  expect(await kept(page)).toContain("Nor this");
  page.removeAllListeners("dialog");
  page.once("dialog", (d) => void d.accept());
  await page.getByRole("button", { name: "olivia.stone" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toBeVisible();
  expect(await kept(page)).not.toContain("Nor this");
});

test("a user's unsaved profiles, group and tags are restored without undoing what others changed", async ({ page, server }) => {
  const users = await server.users();
  const profiles = await server.profiles();
  await signIn(page, server);
  await open(page, server, `users/${users["greta.lange"]}?tab=edit`);
  await page.getByRole("button", { name: "Add tag" }).click();
  const rows = page.getByLabel(/^Tags: Value/);
  const last = await rows.count();
  await page.getByLabel(`Tags: Key ${last}`).fill("Shift");
  await page.getByLabel(`Tags: Value ${last}`).fill("Night");
  await page.getByLabel("Search groups").fill("Lyon");
  await page.getByRole("radio", { name: "Lyon" }).check();
  await expect(page.getByText("Unsaved changes in 2 fields")).toBeVisible();
  await server.assign("greta.lange", [profiles.Agent, profiles.Auditor]);

  await open(page, server, `users/${users["greta.lange"]}`);
  await page.reload();
  await expect(restored(page)).toBeVisible();
  await expect(page.getByText("Tags, Hierarchy group")).toBeVisible();
  await page.getByRole("button", { name: "View changes" }).click();
  await expect(page.getByLabel(`Tags: Value ${last}`)).toHaveValue("Night");
  await expect(page.getByRole("button", { name: "Remove Auditor" })).toBeVisible();
  await page.getByRole("button", { name: "Discard draft" }).click();
  await expect(restored(page)).toHaveCount(0);
  await expect(page.getByLabel(/^Tags: Value/)).toHaveCount(last - 1);
  await page.reload();
  await expect(page.getByLabel(/^Tags: Value/)).toHaveCount(last - 1);
  await expect(restored(page)).toHaveCount(0);
  await server.assign("greta.lange", [profiles.Agent]);
});

test("after the session has ended, the same user finds the draft again and another user does not; passwords are never kept", async ({ page, browser, server }) => {
  await signIn(page, server, "olivia.stone", at(server, "profiles/new"));
  await fillNew(page, "Typed before the end");
  const elsewhere = await another(browser, server, "olivia.stone", "/account");
  await elsewhere.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(elsewhere.getByLabel("Password", { exact: true })).toBeVisible();
  await elsewhere.context().close();
  server.cookies.delete("olivia.stone");
  await page.reload();
  await page.getByLabel("User name").fill("tom.ellis");
  await page.getByLabel("Password", { exact: true }).fill(server.password("tom.ellis"));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("button", { name: "tom.ellis" })).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
  await expect(restored(page)).toHaveCount(0);

  await page.context().clearCookies();
  await page.reload();
  await page.getByLabel("User name").fill("olivia.stone");
  await page.getByLabel("Password", { exact: true }).fill(server.password("olivia.stone"));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await isThere(page, "Typed before the end");

  await page.goto("about:blank");
  await page.goto(`${server.url}/#/account`);
  await page.getByLabel("Current password").fill("Old-Secret-1");
  await page.getByLabel("New password", { exact: true }).fill("New-Secret-2");
  await page.getByLabel("Confirm new password").fill("New-Secret-2");
  const all = await kept(page);
  expect(all).toContain("Typed before the end");
  for (const secret of ["Old-Secret-1", "New-Secret-2", server.password("olivia.stone"), server.password("tom.ellis")]) expect(all).not.toContain(secret);
});

test("a typed address asks about unsaved changes like a link, and earlier drafts are listed", async ({ page, server }) => {
  const id = await server.makeProfile("Left behind", { Description: "Before" });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Not saved");
  const asked = page.getByRole("dialog", { name: "Leave with unsaved changes?" });
  await page.evaluate((to) => void (location.hash = to), at(server, "users"));
  await expect(asked).toBeVisible();
  await asked.getByRole("button", { name: "Stay on this page" }).last().click();
  await expect(page.getByLabel("Description")).toHaveValue("Not saved");
  await expect(page).toHaveURL(new RegExp(`profiles/${id}`));
  await page.evaluate((to) => void (location.hash = to), at(server, "users"));
  await asked.getByRole("button", { name: "Leave and discard changes" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Users" })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel("Description")).toHaveValue("Before");

  // A page that was left by a reload has a draft.
  await page.getByLabel("Description").fill("Not saved either");
  await page.goto("about:blank");
  await page.goto(`${server.url}/#${at(server, "overview")}`);
  await expect(page.getByText("You have 1 unsaved draft")).toBeVisible();
  await page.getByRole("link", { name: "Show drafts" }).click();
  await page.getByRole("table").getByRole("link", { name: "Left behind" }).click();
  await expect(page.getByLabel("Find permissions by name or label")).toBeVisible();
  await expect(restored(page)).toBeVisible();
  await page.goto("about:blank");
  await page.goto(`${server.url}/#${at(server, "drafts")}`);
  await page.getByRole("button", { name: "Discard draft of Left behind" }).click();
  await expect(page.getByText("No drafts.")).toBeVisible();
  await expect(page.getByRole("navigation").getByRole("link", { name: /^Drafts/ })).toHaveCount(0);
});
