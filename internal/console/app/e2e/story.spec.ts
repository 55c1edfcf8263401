import { DescribeUserCommand } from "@aws-sdk/client-connect";
import { another, expect, open, picture, signIn, test } from "./support";

// What the README promises: a new user finds out why, fixes it, sees who else is affected, saves, and finds
// the change in the history.
test("find out why a supervisor cannot see an agent, and fix it", async ({ page, browser, server }) => {
  const claire = await another(browser, server, "claire.dubois");
  await open(claire, server, "users?search=masson");
  await expect(claire.getByText("No matching users that you can view.")).toBeVisible();

  await signIn(page, server);
  await page.getByRole("link", { name: "Check access" }).first().click();
  await page.getByRole("combobox", { name: "User" }).first().fill("claire");
  await page.getByRole("option", { name: /claire\.dubois/ }).click();
  await page.getByRole("button", { name: /^Permission\b/ }).click();
  await page.keyboard.type("Users.View");
  await page.getByRole("option", { name: /^Users\.View/ }).click();
  await page.getByRole("combobox", { name: "User" }).last().fill("masson");
  await page.getByRole("option", { name: /sarah\.masson/ }).click();

  await expect(page.getByText("Denied", { exact: true }).first()).toBeVisible();
  await expect(page.getByText(/requires tag Country=FR; the resource has Country=Fr/)).toBeVisible();
  await expect(page.getByText(/differs from Country=FR in case only/)).toBeVisible();
  await picture(page, "story-why");

  await page.getByRole("link", { name: "Open sarah.masson" }).click();
  await page.getByLabel("Tags: Value 1").fill("FR");
  await page.getByRole("button", { name: "Review and save: Tags" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText(/claire\.dubois will see this user through Supervisor France/)).toBeVisible();
  await picture(page, "story-review");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toHaveCount(0);

  const users = await server.users();
  const sarah = await server.connect.send(new DescribeUserCommand({ InstanceId: server.instance, UserId: users["sarah.masson"] }));
  expect(sarah.User!.Tags!.Country).toBe("FR");
  await claire.getByRole("button", { name: "Refresh" }).click();
  await expect(claire.getByRole("link", { name: "sarah.masson" })).toBeVisible();

  await page.getByRole("tab", { name: "History" }).click();
  const newest = page.locator(".events > li").first();
  await expect(newest).toContainText("TagResource");
  await expect(newest).toContainText("olivia.stone");
  await expect(newest).toContainText("Country = Fr");
  await expect(newest).toContainText("Country = FR");
  await expect(newest).toContainText("in the console");
  await claire.context().close();
});

test("a typed name confirmed with Enter means the user with that name, and links lead there", async ({ page, server }) => {
  const users = await server.users();
  await signIn(page, server);
  await open(page, server, "explore/check?what=Users.View");
  await page.getByRole("combobox", { name: "User" }).first().fill("claire.dubois");
  await page.keyboard.press("Enter");
  await page.getByRole("combobox", { name: "User" }).last().fill("sarah.masson");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`who=${users["claire.dubois"]}.*on=${users["sarah.masson"]}`));
  await page.getByRole("link", { name: "Open sarah.masson" }).or(page.getByRole("link", { name: "Who can?" })).first().click();
  await expect(page.getByText("does not exist")).toHaveCount(0);
  // A name that matches nothing is taken for an id, and no link to it is offered.
  await open(page, server, `explore/check?what=Users.View&who=${users["claire.dubois"]}&name=claire.dubois`);
  await page.getByRole("combobox", { name: "User" }).last().fill("nobody.at.all");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Not found, or hidden from you")).toBeVisible();
  await expect(page.getByRole("link", { name: "Open nobody.at.all" })).toHaveCount(0);
});
