import { at, expect, open, picture, signIn, test } from "./support";

test("who can lists every profile that allows it", async ({ page, server }) => {
  const users = await server.users();
  await signIn(page, server);
  await open(page, server, `explore/who-can?what=Users.View&type=User&on=${users["hugo.moreau"]}&on_name=hugo.moreau`);
  const row = page.getByRole("row", { name: /sven\.albrecht/ });
  await expect(row.getByRole("link", { name: "CallCenterManager" })).toBeVisible();
  await expect(row.getByRole("link", { name: "Supervisor Europe" })).toBeVisible();
  await picture(page, "who-can-all");
});

test("what somebody can do to one user lists actions on users", async ({ page, server }) => {
  const users = await server.users();
  await signIn(page, server);
  await open(page, server, `explore/what-can?who=${users["olivia.stone"]}&name=olivia.stone&narrow=1&type=User&on=${users["hugo.moreau"]}&on_name=hugo.moreau`);
  await expect(page.getByRole("row", { name: /Users\.View/ })).toBeVisible();
  for (const other of [/BasicAgentAccess/, /Queues\./, /AccessMetrics/]) await expect(page.getByRole("row", { name: other })).toHaveCount(0);
});

test("a viewer who may not view a user gets the same answer whether the user exists or not", async ({ page, server }) => {
  const users = await server.users();
  await signIn(page, server, "claire.dubois", at(server, "overview"));
  const said: string[] = [];
  for (const on of [users["jonas.becker"], "11111111-2222-4333-8444-555555555555"]) {
    await open(page, server, `explore/check?who=${users["claire.dubois"]}&name=claire.dubois&what=Users.View&type=User&on=${on}&on_name=${on}`);
    await expect(page.getByText("Not found, or hidden from you")).toBeVisible();
    await expect(page.getByText(`"${on}", or it does not exist`)).toBeVisible();
    await expect(page.locator("[class*=spinner]")).toHaveCount(0);
    said.push((await page.locator("main").innerText()).replaceAll(on, "ID"));
  }
  expect(said[1].replace(/Request [0-9a-f-]+/g, "")).toEqual(said[0].replace(/Request [0-9a-f-]+/g, ""));
});
