import { UpdateUserIdentityInfoCommand } from "@aws-sdk/client-connect";
import { expect, open, review, save, signIn, test } from "./support";

const script = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;

test("a script in any text field is shown as text", async ({ page, server }) => {
  const id = await server.makeProfile("Hostile", { Permissions: ["Users.View"] });
  const users = await server.users();
  await server.connect.send(
    new UpdateUserIdentityInfoCommand({ InstanceId: server.instance, UserId: users["maya.patel"], IdentityInfo: { FirstName: script.slice(0, 60), LastName: "\"'><svg/onload=pwned=1>", SecondaryEmail: "maya@harbour.example" } }),
  );
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill(script);
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Tags of the profile: Key 1").fill("Team");
  await page.getByLabel("Tags of the profile: Value 1").fill(script);
  await page.getByRole("button", { name: "Save tags" }).click();
  await expect(page.getByText("Tags saved.")).toBeVisible();
  await page.getByRole("tab", { name: /Applications and tools/ }).click();
  await page.getByRole("button", { name: "Add application" }).click();
  await page.getByLabel("Namespace 1").fill("<b>orders</b>");
  await page.getByRole("tab", { name: /Data tables/ }).click();
  await page.getByRole("button", { name: "Add attribute" }).click();
  await page.getByLabel("Attribute 1", { exact: true }).fill("Region");
  await page.getByLabel("Attribute 1, Value 1").fill(script);
  await review(page);
  await expect(page.getByRole("dialog")).toContainText(script);
  await save(page);
  await expect(page.getByText("Hostile saved.")).toBeVisible();
  expect((await server.profile(id)).Description).toBe(script);

  for (const path of ["profiles?search=Hostile", `profiles/${id}`, `history?type=SecurityProfile&id=${id}`, "history", "users?search=maya", `users/${users["maya.patel"]}`, `users?search=${encodeURIComponent(script)}`, `explore/check?who=x&name=${encodeURIComponent(script)}&what=Users.View&on=y&on_name=${encodeURIComponent(script)}`]) {
    await open(page, server, path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await page.waitForLoadState("networkidle");
  }
  await open(page, server, "profiles?search=Hostile");
  await expect(page.getByText(script).first()).toBeVisible();
  expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
  expect(await page.locator("script:not([src]), img[src=x]").count()).toBe(0);
});
