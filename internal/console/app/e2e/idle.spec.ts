import { expect, open, picture, signIn, test } from "./support";

test("an idle console warns, then locks until its user signs in, and continues", async ({ page, server }) => {
  server.cookies.delete("olivia.stone"); // the test ends this session
  const profiles = await server.profiles();
  await page.clock.install();
  await signIn(page, server);
  server.cookies.delete("olivia.stone");
  await open(page, server, `profiles/${profiles["Order desk"]}?tab=details`);
  await page.getByLabel("Description").fill("Typed before the lock");
  await page.getByRole("button", { name: "Review and save" }).first().click();
  const review = page.getByRole("dialog", { name: /^Review/ });
  await expect(review.locator("[data-affected], [class*=alert]").first()).toBeVisible();

  await page.clock.fastForward("29:20");
  const warning = page.getByRole("dialog", { name: "Still there?" });
  await expect(warning).toContainText(/locks in \d+ second/);
  await picture(page, "idle-warning");
  await warning.getByRole("button", { name: "Stay signed in" }).last().click();
  await expect(warning).toHaveCount(0);

  await page.clock.fastForward("30:10");
  const lock = page.getByRole("dialog", { name: "Sign in again" });
  await expect(lock).toBeVisible();
  await picture(page, "locked");
  await expect(page).toHaveTitle("Locked - lanyard");
  for (const text of ["Order desk", "Typed before the lock", "Who is affected", "olivia.stone"]) await expect(page.getByText(text).filter({ visible: true })).toHaveCount(0);
  await expect(lock.getByLabel("Password", { exact: true })).toBeFocused();
  // The session ended when the page locked.
  await expect.poll(() => page.evaluate(() => fetch("console/api/session").then((r) => r.status))).toBe(401);

  await lock.getByLabel("Password", { exact: true }).fill(server.password("olivia.stone"));
  await lock.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(lock).toHaveCount(0);
  await expect(review).toContainText("Typed before the lock");
  await expect(page).toHaveTitle(/^Order desk/);
  await page.getByRole("button", { name: "Back to editing" }).click();
  await expect(page.getByLabel("Description")).toHaveValue("Typed before the lock");
});
