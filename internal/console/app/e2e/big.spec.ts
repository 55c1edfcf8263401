import { AssociateSecurityProfilesCommand, ListUsersCommand } from "@aws-sdk/client-connect";
import type { Page } from "@playwright/test";
import { at, expect, open, Server, signIn, test as base } from "./support";

// A large instance: 500 profiles and 20,000 users, or 100,000 with LANYARD_BIG=1 (make console-big).
// The test proves that no page loads everything; times are printed but not checked.
const people = process.env.LANYARD_BIG === "1" ? 100_000 : 20_000;
const agents = 60;
const changes = 40;

const test = base.extend<object, { big: Server }>({
  big: [
    async ({}, use) => {
      const server = new Server(["--quota-users=-1", "--quota-profiles=-1"], "gen-1-1");
      try {
        server.command("gen", "--profiles", "500", "--users", String(people), "--region", "us-east-1");
        await server.start();
        const profiles = await server.profiles();
        const users = await server.users();
        await server.assign(Object.keys(users)[0], [profiles.Admin]);
        for (let i = 0; i < agents; i++) {
          const n = String(i).padStart(12, "0");
          await server.connect.send(
            new AssociateSecurityProfilesCommand({
              InstanceId: server.instance,
              EntityType: "AI_AGENT",
              EntityArn: `arn:aws:wisdom:us-east-1:123456789012:ai-agent/11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-${n}:$LATEST`,
              SecurityProfiles: [{ Id: profiles.Agent }],
            }),
          );
        }
        for (let i = 0; i < changes; i++) await server.update(profiles.Agent, { Description: `Change ${i}` });
        await use(server);
      } finally {
        await server.stop();
      }
    },
    { scope: "worker", timeout: 180_000 },
  ],
});

interface Asked {
  path: string;
  body: Record<string, unknown>;
  answer: Record<string, unknown>;
  bytes: number;
  longest: number;
}

/** The longest list anywhere in an answer. */
function longest(v: unknown): number {
  if (typeof v !== "object" || v === null) return 0;
  const below = Math.max(0, ...Object.values(v).map(longest));
  return Array.isArray(v) ? Math.max(v.length, below) : below;
}

/** Records the page's requests from now on, with their answers. */
function record(page: Page): { all: Asked[]; last: (path: string) => Promise<Asked>; clear: () => Promise<void> } {
  const all: Asked[] = [];
  let reading = Promise.resolve();
  page.on("response", (r) => {
    const path = new URL(r.url()).pathname.split("/console/api/")[1];
    if (path === undefined) return;
    reading = reading.then(async () => {
      const body = await r.body().catch(() => null); // an answer that the page itself gave up
      if (!body) return;
      const answer = JSON.parse(body.toString()) as Record<string, unknown>;
      all.push({ path, body: JSON.parse(r.request().postData() ?? "{}"), answer, bytes: body.length, longest: longest(answer) });
    });
  });
  return {
    all,
    last: async (path) => {
      await expect.poll(async () => (await reading, all.some((a) => a.path === path))).toBe(true);
      return all.filter((a) => a.path === path).at(-1)!;
    },
    clear: async () => {
      await reading;
      all.length = 0;
    },
  };
}

// The most that one answer may hold, whatever the size of the instance. Pictures have their own bounds.
const most: Record<string, { items: number; bytes: number }> = {
  heat: { items: 1000, bytes: 512 << 10 },
  visibility: { items: 2000, bytes: 1 << 20 },
  catalogue: { items: 500, bytes: 256 << 10 },
  session: { items: 500, bytes: 32 << 10 }, // what the user's profiles grant
  profile: { items: 500, bytes: 128 << 10 },
  "ask/effective": { items: 500, bytes: 128 << 10 },
};
const list = { items: 100, bytes: 64 << 10 };

const times: [string, number, string][] = [];

test.afterAll(() => {
  console.log(`500 profiles, ${people.toLocaleString("en")} users; milliseconds:`);
  for (const [what, ms, more] of times) console.log(`  ${what.padEnd(28)}${String(ms).padStart(6)}  ${more}`);
});

test("no page of a large instance loads everything; the server pages, searches and sorts", async ({ page, browser, big }) => {
  test.setTimeout(120_000);
  page.setDefaultTimeout(15_000);
  const name = Object.keys(await big.users())[0];
  const profiles = await big.profiles();
  await signIn(page, big, name);

  // The first page, in a browser that has only the session.
  const fresh = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await fresh.addCookies(await page.context().cookies());
  for (let i = 0; i < 2; i++) {
    const first = await fresh.newPage();
    const begun = Date.now();
    await first.goto(`${big.url}/#${at(big, "profiles")}`);
    await first.getByRole("link", { name: "Users", exact: true }).click();
    await expect(first.getByRole("heading", { level: 1, name: "Users" })).toBeVisible();
    times.push([i ? "first page, again" : "first page, nothing cached", Date.now() - begun, "until a click is followed; aim: below 1,500"]);
    await first.close();
  }
  await fresh.close();

  const seen = record(page);
  const visit = async (what: string, path: string, there: () => Promise<unknown>) => {
    await page.goto("about:blank");
    await seen.clear();
    const begun = Date.now();
    await open(page, big, path);
    await there();
    const ms = Date.now() - begun;
    await seen.last("catalogue");
    for (const a of seen.all) {
      const bound = most[a.path] ?? list;
      expect(a.longest, `${what}: the longest list that ${a.path} answers`).toBeLessThanOrEqual(bound.items);
      expect(a.bytes, `${what}: bytes that ${a.path} answers`).toBeLessThanOrEqual(bound.bytes);
    }
    const sum = seen.all.reduce((n, a) => n + a.bytes, 0);
    expect(seen.all.length, `${what}: requests`).toBeLessThanOrEqual(8);
    times.push([what, ms, `${seen.all.length} answers, ${Math.ceil(sum / 1024)} KiB, longest list ${Math.max(...seen.all.filter((a) => a.path !== "catalogue").map((a) => a.longest))}`]);
  };
  const timed = async (what: string, act: () => Promise<unknown>) => {
    const begun = Date.now();
    await act();
    times.push([what, Date.now() - begun, ""]);
  };
  const cells = (column: number) => page.locator(`tbody tr > :nth-child(${column})`).allInnerTexts();
  const rowsOf = (a: Asked) => a.answer.Rows as Record<string, unknown>[];

  await visit("overview", "overview", () => expect(page.getByRole("heading", { name: "Sensitive permissions in use" })).toBeVisible());

  // Profiles: pages by number, sorted and searched by the server, shown in the server's order.
  await visit("profiles", "profiles", () => expect(page.locator("tbody tr")).toHaveCount(25));
  let asked = await seen.last("profiles");
  expect(asked.body).toMatchObject({ Page: 1, PageSize: 25, Sort: "Name" });
  expect([rowsOf(asked).length, asked.answer.Total, asked.answer.Pages]).toEqual([25, 504, 21]);
  const firstNames = await cells(2);
  await timed("profiles: next page", async () => {
    await page.getByRole("button", { name: "Next page" }).click();
    await expect.poll(() => cells(2)).not.toEqual(firstNames);
  });
  asked = await seen.last("profiles");
  expect(asked.body).toMatchObject({ Page: 2 });
  const shown = (names: string[]) => names.map((n) => n.split("\n")[0]);
  await expect.poll(async () => shown(await cells(2))).toEqual(rowsOf(asked).map((r) => r.Name));
  await timed("profiles: sort by holders", async () => {
    await page.getByRole("button", { name: /^Holders/ }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await seen.last("profiles")).body).toMatchObject({ Sort: "Holders", Descending: false });
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await seen.last("profiles")).body).toMatchObject({ Sort: "Holders", Descending: true, Page: 1 });
    asked = await seen.last("profiles");
    await expect.poll(async () => shown(await cells(2))).toEqual(rowsOf(asked).map((r) => r.Name));
  });
  const holders = rowsOf(asked).map((r) => r.Holders as number);
  expect(holders).toEqual([...holders].sort((a, b) => b - a));
  expect(holders[0]).toBeGreaterThan(people / 100); // of all profiles, not of one page
  const wanted = Object.keys(profiles).sort().at(-1)!;
  await timed("profiles: search", async () => {
    await page.getByLabel("Find by name").fill(wanted);
    await expect(page.getByRole("link", { name: wanted, exact: true })).toBeVisible();
  });
  expect((await seen.last("profiles")).body).toMatchObject({ Search: wanted.slice(0, 25) });

  // Users: by cursor.
  await visit("users", "users", () => expect(page.locator("tbody tr")).toHaveCount(25));
  asked = await seen.last("users");
  expect(asked.body).toMatchObject({ Limit: 25 });
  expect(rowsOf(asked)).toHaveLength(25);
  const firstUsers = await cells(1);
  const token = asked.answer.NextToken;
  await timed("users: next page", async () => {
    await page.getByRole("button", { name: "Next page" }).click();
    await expect.poll(() => cells(1)).not.toEqual(firstUsers);
  });
  asked = await seen.last("users");
  expect(asked.body).toMatchObject({ NextToken: token });
  expect((await cells(1)).filter((u) => firstUsers.includes(u))).toEqual([]);
  // Far beyond what any page has shown.
  const far = await big.connect.send(new ListUsersCommand({ InstanceId: big.instance, MaxResults: 1000 }));
  const person = far.UserSummaryList!.at(-1)!.Username!;
  await timed("users: search", async () => {
    await page.getByLabel("Find by name").fill(person);
    await expect(page.getByRole("link", { name: person, exact: true })).toBeVisible();
  });
  asked = await seen.last("users");
  expect(asked.body).toMatchObject({ Search: person.slice(0, 25) });
  expect(rowsOf(asked).length).toBeLessThan(25);

  await visit("agents", "agents", () => expect(page.locator("tbody tr")).toHaveCount(25));
  asked = await seen.last("agents");
  expect(asked.body).toMatchObject({ Limit: 25 });
  await seen.clear();
  await timed("agents: show more", async () => {
    await page.getByRole("button", { name: "Show more" }).click();
    await expect(page.locator("tbody tr")).toHaveCount(50);
  });
  await seen.last("agents");
  expect(seen.all.map((a) => rowsOf(a).length), "one page more is asked for, not all of them again").toEqual([25]);
  await page.getByLabel("Find by ARN").fill("000000000059");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  expect((await seen.last("agents")).body).toMatchObject({ Search: "000000000059" });

  await visit("history", "history", () => expect(page.locator(".events > li").nth(20)).toBeVisible());
  asked = await seen.last("history");
  expect((asked.answer.Events as unknown[]).length).toBeLessThanOrEqual(25);
  await timed("history: older changes", async () => {
    const before = await page.locator(".events > li").count();
    await page.getByRole("button", { name: "Older changes" }).click();
    await expect(page.locator(".events > li").nth(before)).toBeVisible();
  });
  expect((await seen.last("history")).body).toHaveProperty("Before");

  const me = (await big.users())[name];
  await visit("who can", `explore/who-can?what=Users.View&on=${me}&on_name=${name}`, () => expect(page.getByRole("button", { name: "Show more" })).toBeVisible());
  asked = await seen.last("ask/who-can");
  expect(asked.body).toMatchObject({ page: { limit: 50 } });
  expect((asked.answer.results as unknown[]).length).toBeLessThanOrEqual(50);
  const shownRows = await page.locator("tbody tr").count();
  await seen.clear();
  await timed("who can: show more", async () => {
    await page.getByRole("button", { name: "Show more" }).click();
    await expect(page.locator("tbody tr").nth(shownRows)).toBeVisible();
  });
  await seen.last("ask/who-can");
  expect(seen.all, "one page more is asked for, not all of them again").toHaveLength(1);

  await visit("heat map", "explore/heat", () => expect(page.locator("table.heat tbody tr")).toHaveCount(40));
  await visit("hierarchy", "explore/hierarchy", () => expect(page.locator("svg.hierarchy .group").first()).toBeVisible());
  await visit("holders of a profile", `profiles/${profiles.Admin}?tab=holders`, () => expect(page.getByRole("link", { name, exact: true })).toBeVisible());
  await visit("a user", `users/${me}`, () => expect(page.locator("tbody tr").nth(20)).toBeVisible());
});
