import { expect, grant, open, review, save, type Server, signIn, test } from "./support";

/** What each user can do, according to the decision API. */
async function everybody(server: Server, token: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const [name, id] of Object.entries(await server.users())) {
    const answer = await fetch(`${server.url}/access/v1/effective`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ subject: { type: "user", id } }),
    });
    out[name] = JSON.stringify(((await answer.json()) as { results: unknown }).results);
  }
  return out;
}

test("the review lists exactly the users for whom something changes", async ({ page, server }) => {
  const token = server.command("token", "create", "--instance", server.instance, "--output", "table").trim().split("\n").at(-1)!.trim();
  const profiles = await server.profiles();
  await signIn(page, server);
  await open(page, server, `profiles/${profiles["Order desk"]}`);
  // Some holders lose it; those who also have it from another profile are not affected.
  await grant(page, "BasicAgentAccess", false);
  await grant(page, "Wisdom.View", false);
  await grant(page, "ContactSearch.View", true);
  await review(page);
  const affected = Number(await page.locator("[data-affected]").getAttribute("data-affected"));
  const names = await page.getByRole("dialog").locator(".blast a").allTextContents();
  expect(names.length).toBe(affected);
  await expect(page.getByRole("dialog").locator(".blast").first()).toContainText("ContactSearch.View");

  const before = await everybody(server, token);
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const after = await everybody(server, token);
  const changed = Object.keys(before).filter((name) => before[name] !== after[name]);
  expect(changed.length).toBeGreaterThan(5);
  // Users who keep a right through another profile can do the same as before; AI agents are in the review too.
  const can = (list: string) => (JSON.parse(list) as { action: string; resource?: unknown }[]).map((e) => JSON.stringify([e.action, e.resource])).sort();
  const really = changed.filter((name) => JSON.stringify(can(before[name])) !== JSON.stringify(can(after[name])));
  expect(names.filter((n) => !n.startsWith("arn:")).sort()).toEqual(really.sort());
});
