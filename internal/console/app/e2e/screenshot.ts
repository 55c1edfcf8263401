import { at, expect, signIn, test } from "./support";

// make screenshots: the README's one picture.
test("the README's picture", async ({ page, server }) => {
  const users = await server.users();
  await page.setViewportSize({ width: 1280, height: 840 });
  await signIn(page, server, "olivia.stone", at(server, `explore/check?who=${users["claire.dubois"]}&name=claire.dubois&what=Users.View&on=${users["sarah.masson"]}&on_name=sarah.masson`));
  await expect(page.getByRole("heading", { name: "Why", exact: true })).toBeVisible();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.screenshot({ path: "../../../docs/console.png", animations: "disabled" });
});
