import { CreateInstanceCommand, DeleteInstanceCommand } from "@aws-sdk/client-connect";
import { another, at, expect, open, review, save, Server, signIn, test } from "./support";

test("the server restarts while a page is open: the page says so, and nothing is lost or half saved", async ({ page, server }) => {
  const id = await server.makeProfile("Restarted", { Permissions: ["Users.View"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Typed before the restart");
  await server.kill();
  await review(page);
  await expect(page.getByText("The server is not responding").first()).toBeVisible();
  await page.getByRole("dialog").getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("dialog").getByText("The server is not responding").first()).toBeVisible();
  await server.start();
  await expect(page.getByText("Your changes stay on this page.").first()).toBeVisible();
  expect((await server.profile(id)).Description ?? "").toBe("");
  // The session may have ended with the server; then the page asks the user to sign in and continues.
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await page.getByRole("dialog").getByRole("button", { name: "Save", exact: true }).click();
  await expect(again.or(page.getByText("Restarted saved."))).toBeVisible();
  if (await again.isVisible()) {
    await again.getByLabel("Password", { exact: true }).fill(server.password("olivia.stone"));
    await again.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(again).toHaveCount(0);
    await page.getByRole("dialog").getByRole("button", { name: "Save", exact: true }).click();
  }
  await expect(page.getByText("Restarted saved.")).toBeVisible();
  expect((await server.profile(id)).Description).toBe("Typed before the restart");
});

test("after a session is ended elsewhere, signing in again continues with the unsaved change", async ({ page, browser, server }) => {
  const id = await server.makeProfile("Ended elsewhere", { Permissions: ["Users.View"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Still here");
  const elsewhere = await another(browser, server, "olivia.stone", "/account");
  await elsewhere.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(elsewhere.getByLabel("Password", { exact: true })).toBeVisible();
  await elsewhere.context().close();
  await page.getByRole("button", { name: "Review and save" }).first().click();
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await expect(again.getByText(/ended/)).toBeVisible();
  await again.getByLabel("Password", { exact: true }).fill(server.password("olivia.stone"));
  await again.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(again).toHaveCount(0);
  await expect(page.getByText("Nobody gains or loses anything.")).toBeVisible();
  await save(page);
  await expect(page.getByText("Ended elsewhere saved.")).toBeVisible();
  expect((await server.profile(id)).Description).toBe("Still here");
});

test("an instance deleted while a page is open: the page says so, and nobody can sign in", async ({ browser }) => {
  const server = await new Server().start();
  try {
    const page = await another(browser, server, "olivia.stone");
    await open(page, server, "profiles");
    await expect(page.getByRole("link", { name: "Order desk" })).toBeVisible();
    await server.connect.send(new CreateInstanceCommand({ InstanceAlias: "another-centre", IdentityManagementType: "CONNECT_MANAGED", InboundCallsEnabled: true, OutboundCallsEnabled: true }));
    await server.connect.send(new DeleteInstanceCommand({ InstanceId: server.instance }));
    await page.getByRole("button", { name: "Refresh" }).click();
    await expect(page.getByRole("dialog").getByText(/has been deleted|no longer/).first()).toBeVisible();
    await page.goto(`${server.url}/#${at(server, "users")}`);
    await page.reload();
    await expect(page.getByLabel("Password", { exact: true })).toBeVisible();
    await page.context().close();
  } finally {
    await server.stop();
  }
});

test("a server that is not ready is asked again, and a page loads as soon as the server is back", async ({ page, server }) => {
  await signIn(page, server);
  let asked = 0;
  await page.route("**/console/api/users", (route) =>
    asked++ === 0 ? route.fulfill({ status: 503, json: { Error: { Code: "InternalServiceException", Message: "not ready", RetryAfter: 1 } } }) : route.continue(),
  );
  await open(page, server, "users");
  await expect(page.getByRole("link", { name: "hugo.moreau" })).toBeVisible();
  expect(asked).toBe(2);

  let gone = true;
  await page.route("**/console/api/**", (route) => (gone ? route.abort() : route.continue()));
  await open(page, server, "profiles");
  const offline = page.getByText("The server is not responding");
  await expect(offline).toBeVisible();
  gone = false;
  await expect(page.getByRole("link", { name: "Order desk" })).toBeVisible();
  await expect(offline).toHaveCount(0);
});
