import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, open, signIn, test } from "./support";

// What the console copies is a test that passes, for each kind of question.
test("a question is copied as a test, which lanyard test runs", async ({ page, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const users = await server.users();
  await signIn(page, server);
  let file = "";
  for (const question of [
    `who=${users["claire.dubois"]}&name=claire.dubois&what=Users.View&type=User&on=${users["hugo.moreau"]}&on_name=hugo.moreau`,
    `who=${users["claire.dubois"]}&name=claire.dubois&what=Users.View&type=User&on=${users["jonas.becker"]}&on_name=jonas.becker`,
    `who=${users["sven.albrecht"]}&name=sven.albrecht&what=Users.View&type=User&on=${users["hugo.moreau"]}&on_name=hugo.moreau&surface=reports`,
    `who=${users["ines.ferreira"]}&name=ines.ferreira&what=DataTables.View&type=DataTableRow&attributes=Region%3DEU%26Tier%3DSilver`,
    `who=${users["tom.ellis"]}&name=tom.ellis&what=HistoricalChanges.View&type=Instance`,
  ]) {
    await open(page, server, `explore/check?${question}`);
    await page.getByRole("button", { name: "Copy as test" }).click();
    await expect(page.getByText("Copied. Paste it into a file for lanyard test.").first()).toBeVisible();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain("expect:");
    file += copied;
  }
  const name = join(server.folder, "copied.test.yaml");
  writeFileSync(name, file);
  expect(server.command("test", "--target", "instance:", name)).toContain("5 questions in 1 file: 5 passed");
});
