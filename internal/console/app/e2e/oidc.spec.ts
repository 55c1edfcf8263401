import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import { at, expect, freePort, open, Server, test as base } from "./support";

const secret = "the provider's secret";

// A real provider, in its own process and on another site (localhost and 127.0.0.1 are different sites).
const test = base.extend<object, { sso: Server }>({
  sso: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "lanyard-provider-"));
      const port = await freePort();
      const server = new Server(["--oidc-issuer", `http://localhost:${port}`, "--oidc-client-id", "lanyard", "--oidc-client-secret", secret, "--oidc-label", "Sign in with Harbour"]);
      let provider: ChildProcess | undefined;
      try {
        execFileSync("go", ["build", "-o", join(folder, "provider"), "./internal/console/app/e2e/provider"], { cwd: resolve("../../.."), stdio: ["ignore", "inherit", "inherit"] });
        await server.start();
        provider = spawn(join(folder, "provider"), ["-listen", `127.0.0.1:${port}`, "-console", server.url, "-secret", secret], { stdio: ["ignore", "pipe", "inherit"] });
        await new Promise<void>((up, down) => {
          provider!.stdout!.once("data", () => up());
          provider!.once("exit", (code) => down(new Error(`the provider ended with ${code}`)));
        });
        await use(server);
      } finally {
        provider?.kill();
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker", timeout: 180_000 },
  ],
});

const button = (page: Page) => page.getByRole("link", { name: "Sign in with Harbour" });

async function atProvider(page: Page, name: string, password = secret) {
  await expect(page).toHaveURL(/^http:\/\/localhost:\d+\/login/);
  await page.getByLabel("Username:").fill(name);
  await page.getByLabel("Password:").fill(password);
  await page.getByRole("button", { name: "Login" }).click();
}

/** Goes to the provider; returns the state parameter. */
async function begin(page: Page, server: Server): Promise<string> {
  await page.goto(server.url);
  const asked = page.waitForRequest((r) => r.url().startsWith("http://localhost:") && r.url().includes("state="));
  await button(page).click();
  return new URL((await asked).url()).searchParams.get("state")!;
}

/** Signs in at the provider's form; returns where the provider redirects, without following it. */
async function answer(page: Page, name: string): Promise<string> {
  await expect(page).toHaveURL(/\/login/);
  const id = await page.locator("input[name=id]").inputValue();
  let response = await page.request.post(page.url().split("?")[0], { form: { username: name, password: secret, id }, maxRedirects: 0 });
  for (;;) {
    const to = new URL(response.headers().location, response.url()).href;
    if (to.includes("/console/oidc/callback")) return to;
    response = await page.request.get(to, { maxRedirects: 0 });
  }
}

async function nobodyIsIn(page: Page) {
  await expect(page.getByLabel("Password", { exact: true })).toBeVisible();
  expect(await page.evaluate(async () => (await fetch("console/api/session")).status)).toBe(401);
}

function hasGo(): boolean {
  try {
    execFileSync("go", ["version"]);
    return true;
  } catch {
    return false;
  }
}

test.skip(process.env.CI !== "true" && !hasGo(), "Go, which builds the provider, is not installed");

test("single sign-on leads to the first page, with the user's own rights", async ({ page, sso }) => {
  await begin(page, sso);
  await atProvider(page, "claire.dubois", "wrong");
  await atProvider(page, "claire.dubois");
  await expect(page.getByRole("heading", { level: 1, name: /^Overview of harbour-outfitters/ })).toBeVisible();
  await expect(page.getByRole("button", { name: "claire.dubois" })).toBeVisible();
  expect(page.url()).toBe(`${sso.url}/#${at(sso, "overview")}`);

  // Claire sees the same as with her password (story.spec.ts), whatever the provider says.
  await open(page, sso, "users?search=masson");
  await expect(page.getByText("No matching users that you can view.")).toBeVisible();
  await page.goto(`${sso.url}/#/account`);
  await expect(page.getByText("single sign-on")).toBeVisible();
});

test("a link leads to its page through single sign-on too", async ({ page, sso }) => {
  await page.goto(`${sso.url}/#${at(sso, "users?search=claire")}`);
  await button(page).click();
  await atProvider(page, "olivia.stone");
  await expect(page.getByRole("link", { name: "claire.dubois" })).toBeVisible();
  expect(page.url()).toBe(`${sso.url}/#${at(sso, "users?search=claire")}`);
  await page.goto(sso.url);
  await expect(page).toHaveURL(`${sso.url}/#${at(sso, "overview")}`);
});

test("a user unknown to the instance, and one whom the provider refuses, read why", async ({ page, sso }) => {
  await begin(page, sso);
  await atProvider(page, "somebody.else");
  await expect(page.getByText("The sign-in provider knows you, but you are not a user of this instance.")).toBeVisible();
  await nobodyIsIn(page);

  const state = await begin(page, sso);
  await page.goto(`${sso.url}/console/oidc/callback?error=access_denied&state=${state}`);
  await expect(page.getByText("The sign-in provider refused the sign-in.")).toBeVisible();
  await nobodyIsIn(page);
});

test("a modified state is refused, and so is a response that another browser requested", async ({ page, browser, sso }) => {
  await begin(page, sso);
  await page.goto(`${await answer(page, "claire.dubois")}x`);
  await expect(page.getByText("Sign-in failed. Try again.")).toBeVisible();
  await nobodyIsIn(page);

  // Claire's code and state in another browser: a link signs nobody in as her.
  await begin(page, sso);
  const callback = await answer(page, "claire.dubois");
  const other = await (await browser.newContext()).newPage();
  await other.goto(callback);
  await expect(other.getByText("Sign-in failed. Try again.")).toBeVisible();
  await nobodyIsIn(other);
  await other.context().close();

  // Unchanged, it works.
  await page.goto(callback);
  await expect(page.getByRole("button", { name: "claire.dubois" })).toBeVisible();
});

test("a session that ended while the page is open continues through single sign-on in a new window", async ({ page, sso }) => {
  await begin(page, sso);
  await atProvider(page, "olivia.stone");
  await expect(page.getByRole("button", { name: "olivia.stone" })).toBeVisible();
  await open(page, sso, "profiles/new");
  await page.getByLabel("Name", { exact: true }).fill("Typed before the end");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Create profile" }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  const opened = page.waitForEvent("popup");
  await dialog.getByRole("link", { name: /Sign in with Harbour/ }).click();
  const popup = await opened;
  await atProvider(popup, "olivia.stone");
  await expect(popup.getByRole("button", { name: "olivia.stone" })).toBeVisible();
  await popup.close();
  await dialog.getByRole("button", { name: "I have signed in" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Typed before the end");
  await page.getByRole("button", { name: "Create profile" }).click();
  await expect(page.getByText("Typed before the end created.")).toBeVisible();
});
