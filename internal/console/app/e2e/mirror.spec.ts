import { expect, grant, open, picture, review, save, Server, signInOperator, test } from "./support";

test("a mirror says what it is a copy of, refuses changes without losing them, and takes them once it is detached", async ({ page, server }) => {
  const id = await server.makeProfile("At the source", { Permissions: ["Users.View"], Description: "As it is there" });
  const copy = new Server([], "harbour-outfitters");
  copy.environment = {
    AWS_ENDPOINT_URL_CONNECT: server.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: server.key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.key.secretAccessKey,
  };
  try {
    const refreshed = new Date();
    copy.command("mirror", "--once", "--instance", server.instance, "--rate", "1000", "--burst", "1000");
    await copy.start();
    expect(copy.instance, "a mirror has the id of its source").toBe(server.instance);
    await signInOperator(page, copy);

    await open(page, copy, "overview");
    const banner = page.getByRole("main").getByText(`This instance is a mirror of ${server.url}`, { exact: true });
    await expect(banner).toBeVisible();
    await expect(page.getByText("Last refreshed:")).toBeVisible();
    const shown = Date.parse((await page.getByText("Last refreshed:").getByRole("time").getAttribute("datetime"))!);
    expect(shown).toBeGreaterThanOrEqual(refreshed.getTime() - 1000);
    expect(shown).toBeLessThanOrEqual(Date.now());
    await picture(page, "mirror-overview");

    // Who begins to edit knows beforehand.
    await open(page, copy, "profiles/new");
    await expect(banner).toBeVisible();
    await open(page, copy, `users/${(await copy.users())["claire.dubois"]}?tab=edit`);
    await expect(banner).toBeVisible();
    await open(page, copy, `profiles/${id}`);
    await expect(page.getByText("cannot be saved")).toBeVisible();
    await picture(page, "mirror-profile");

    await grant(page, "Queues.View", true);
    await page.getByRole("tab", { name: "Details" }).click();
    await page.getByLabel("Description").fill("Typed in the mirror");
    await review(page);
    await save(page);
    await expect(page.getByRole("dialog").getByText(`is a mirror of ${server.url}, so it takes no changes here`)).toBeVisible();
    await expect(page.getByRole("dialog").getByText("lanyard mirror detach")).toBeVisible();
    await picture(page, "mirror-refusal");
    const before = await copy.profile(id);
    expect([before.Description, before.Permissions]).toEqual(["As it is there", ["Users.View"]]);

    // Neither the refusal nor a reload loses the draft.
    await page.reload();
    await expect(page.getByText("Unsaved draft restored")).toBeVisible();
    copy.command("mirror", "detach", "--instance", server.instance);
    await page.reload();
    await expect(page.getByText("Unsaved draft restored")).toBeVisible();
    await expect(banner).toHaveCount(0);
    await review(page);
    await save(page);
    await expect(page.getByText("At the source saved.")).toBeVisible();
    const after = await copy.profile(id);
    expect([after.Description, after.Permissions]).toEqual(["Typed in the mirror", ["Queues.View", "Users.View"]]);
    expect((await server.profile(id)).Description, "the source is never changed").toBe("As it is there");
    await open(page, copy, "overview");
    await expect(page.getByRole("heading", { name: "Sensitive permissions in use" })).toBeVisible();
    await expect(banner).toHaveCount(0);
  } finally {
    await copy.stop();
  }
});
