import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { box, expect, grant, open, picture, review, save, type Server, signIn, test } from "./support";

// During a transition a colour has the contrast of neither end.
async function still(page: Page) {
  await page.evaluate(async () => {
    const running = () => document.getAnimations().filter((a) => a.playState === "running" && a.effect?.getComputedTiming().endTime !== Infinity);
    // One transition can start another.
    while (running().length > 0) await Promise.allSettled(running().map((a) => a.finished.then(() => new Promise(requestAnimationFrame))));
  });
}

async function check(page: Page, name: string) {
  await still(page);
  const { violations } = await new AxeBuilder({ page })
    // Skips preloading, which only the orientation rule requires.
    .options({
      preload: false,
      resultTypes: ["violations"],
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
      rules: { "label-content-name-mismatch": { enabled: true }, "landmark-unique": { enabled: true } },
    })
    .analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical" || v.id === "landmark-unique");
  expect(
    serious.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(" | ")}`),
    name,
  ).toEqual([]);
}

async function settled(page: Page) {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator("[class*=awsui_root][class*=spinner], [class*=awsui_spinner]")).toHaveCount(0);
}

async function all(server: Server): Promise<[string, string][]> {
  const profiles = await server.profiles();
  const users = await server.users();
  const ask = `who=${users["claire.dubois"]}&name=claire.dubois&what=Users.View&on=${users["jonas.becker"]}&on_name=jonas.becker`;
  return [
    ["overview", "overview"],
    ["profiles", "profiles"],
    ["profile", `profiles/${profiles["Supervisor France"]}`],
    ["profile-reach", `profiles/${profiles["Supervisor Europe"]}?tab=reach`],
    ["profile-tools", `profiles/${profiles["Order desk"]}?tab=tools`],
    ["profile-rows", `profiles/${profiles["Price list editor"]}?tab=rows`],
    ["profile-details", `profiles/${profiles["Order desk"]}?tab=details`],
    ["profile-holders", `profiles/${profiles["Team lead"]}?tab=holders`],
    ["profile-history", `profiles/${profiles["Order desk"]}?tab=history`],
    ["profile-new", `profiles/new?from=${profiles.Agent}`],
    ["users", "users"],
    ["user", `users/${users["claire.dubois"]}`],
    ["user-edit", `users/${users["claire.dubois"]}?tab=edit`],
    ["agents", "agents"],
    ["check", `explore/check?${ask}`],
    ["who-can", `explore/who-can?${ask}`],
    ["what-can", `explore/what-can?${ask}`],
    ["heat", "explore/heat"],
    ["hierarchy", "explore/hierarchy"],
    ["history", "history"],
  ];
}

test("axe finds nothing serious on any page", async ({ page, server }) => {
  test.setTimeout(150_000);
  // What fades in when its answer arrives would be looked at halfway.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(server.url);
  await expect(page.getByLabel("Password", { exact: true })).toBeVisible();
  await check(page, "sign-in");
  await picture(page, "sign-in");
  await signIn(page, server);
  for (const [name, path] of await all(server)) {
    await open(page, server, path);
    await settled(page);
    await check(page, name);
    await picture(page, name);
  }
  await page.goto(`${server.url}/#/account`);
  await settled(page);
  await check(page, "account");
  await picture(page, "account");
  await open(page, server, "nonsense");
  await expect(page.getByText("This page does not exist.")).toBeVisible();
});

test("axe finds nothing serious in dark mode", async ({ page, server }) => {
  test.setTimeout(120_000);
  await signIn(page, server);
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("menuitem", { name: "Dark" }).click();
  for (const [name, path] of (await all(server)).filter(([n]) => ["overview", "profile", "profile-reach", "check", "heat", "hierarchy"].includes(n))) {
    await open(page, server, path);
    await settled(page);
    await check(page, `${name}, dark`);
    await picture(page, `${name}-dark`);
  }
});

test("the review is accessible, and every page fits a tablet", async ({ page, server }) => {
  const profiles = await server.profiles();
  await page.setViewportSize({ width: 768, height: 1024 });
  await signIn(page, server);
  for (const path of ["overview", "profiles", "users", `profiles/${profiles["Order desk"]}?tab=tools`, "explore/check", "explore/heat", "explore/hierarchy", "history"]) {
    await open(page, server, path);
    await settled(page);
    await picture(page, `tablet-${path.split("?")[0].replaceAll("/", "-").replace(/[0-9a-f]{8}-[0-9a-f-]+/, "one")}`);
    // Tables scroll in their own boxes; the page itself never scrolls sideways.
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), path).toBeLessThanOrEqual(0);
  }
  // Pictures of a usual size fit too.
  await page.setViewportSize({ width: 834, height: 1112 });
  const users = await server.users();
  const ask = `who=${users["claire.dubois"]}&name=claire.dubois&what=Users.View&on=${users["sarah.masson"]}&on_name=sarah.masson`;
  for (const path of [`explore/check?${ask}`, "explore/heat", "explore/hierarchy"]) {
    await open(page, server, path);
    await settled(page);
    const inner = page.locator(".scroll").first();
    await expect(inner).toBeVisible();
    await expect.poll(() => inner.evaluate((e) => e.scrollWidth - e.clientWidth), path).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize({ width: 1024, height: 768 });
  await open(page, server, `profiles/${profiles["Supervisor France"]}`);
  await grant(page, "Users.Create", true);
  await review(page);
  await expect(page.locator("[data-affected]")).toBeVisible();
  await check(page, "review");
  await picture(page, "review");
});

test("a profile is changed and saved by keyboard alone", async ({ page, server }) => {
  const id = await server.makeProfile("By keyboard", { Permissions: ["Users.View"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}`);
  await page.getByRole("tab", { name: /^Permissions/ }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Find permissions by name or label")).toBeFocused();
  await page.keyboard.type("Queues.View");
  const target = page.getByRole("checkbox", { name: /^Queues\.View/ });
  await expect(target).toBeVisible();
  for (let i = 0; i < 20 && !(await target.evaluate((e) => e === document.activeElement)); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect(target).toBeChecked();
  const button = page.getByRole("button", { name: "Review and save" }).first();
  for (let i = 0; i < 60 && !(await button.evaluate((e) => e === document.activeElement)); i++) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  const saveButton = page.getByRole("dialog").getByRole("button", { name: "Save", exact: true });
  await expect(saveButton).toBeEnabled();
  for (let i = 0; i < 20 && !(await saveButton.evaluate((e) => e === document.activeElement)); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByText("By keyboard saved.")).toBeVisible();
  expect((await server.profile(id)).Permissions).toEqual(["Queues.View", "Users.View"]);
});

test("everything that can be clicked can be reached with the Tab key", async ({ page, server }) => {
  const profiles = await server.profiles();
  const users = await server.users();
  // A radio group is one tab stop, and so is a tab list; the arrow keys move within.
  const controls = "main a[href], main button:not([role=tab]), main input:not([type=radio]), main textarea, main [role=button]";
  await signIn(page, server);
  for (const path of ["profiles", `profiles/${profiles["Order desk"]}?tab=tools`, `users/${users["greta.lange"]}?tab=edit`, "explore/check", "explore/heat", "explore/hierarchy"]) {
    await open(page, server, path);
    await settled(page);
    await still(page);
    const count = await page.evaluate((controls) => {
      (document.activeElement as HTMLElement | null)?.blur();
      const all = [...document.querySelectorAll<HTMLElement>(controls)].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[aria-hidden=true]") && !e.matches(":disabled, [aria-disabled=true]"));
      all.forEach((e, i) => (e.dataset.stop = String(i)));
      document.addEventListener("focusin", (e) => (e.target as HTMLElement).removeAttribute("data-stop"));
      return all.length;
    }, controls);
    expect(count, path).toBeGreaterThan(5);
    for (let i = 0; i < 2 * count + 100 && (await page.locator("[data-stop]").count()) > 0; i++) await page.keyboard.press("Tab");
    expect(await page.locator("[data-stop]").evaluateAll((all) => all.map((e) => e.outerHTML.slice(0, 200))), path).toEqual([]);
  }
});

test("the skip link moves to the content, and the focus to the heading of each new page", async ({ page, server }) => {
  const id = await server.makeProfile("Focus", { Permissions: ["Users.View"] });
  server.cookies.delete("olivia.stone");
  await signIn(page, server);
  const heading = page.getByRole("heading", { level: 1 });
  await expect(heading).toBeFocused(); // after signing in
  await page.locator("button.skip").focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => !!document.activeElement?.closest("main"))).toBe(true);
  await page.getByRole("link", { name: "Users", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Users" })).toBeFocused();
  await page.getByRole("link", { name: "hugo.moreau" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "hugo.moreau" })).toBeFocused();
  await open(page, server, `profiles/${id}`);
  await expect(page.getByRole("heading", { level: 1, name: "Focus" })).toBeFocused();
  await grant(page, "Queues.Edit", true);
  await page.getByLabel("Find permissions by name or label").fill("Queues.Edit");
  await box(page, "Queues.Edit").uncheck();
  await box(page, "Queues.Edit").check();
  await page.getByRole("button", { name: "Add it" }).click();
  await expect(box(page, "Queues.Edit")).toBeFocused();
  await review(page);
  await save(page);
  await expect(page.getByText("Focus saved.")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name: "Focus" })).toBeFocused();
  await check(page, "the message after saving");
});
