import { CreateInstanceCommand, DeleteInstanceCommand } from "@aws-sdk/client-connect";
import { expect, open, picture, signInOperator, test } from "./support";

test("the operator sees the current contact centre and switches to another", async ({ page, server }) => {
  const made = await server.connect.send(new CreateInstanceCommand({ InstanceAlias: "second-centre", IdentityManagementType: "SAML", InboundCallsEnabled: true, OutboundCallsEnabled: true }));
  await signInOperator(page, server);
  await page.getByRole("link", { name: "harbour-outfitters" }).click();
  await expect(page).toHaveTitle("Overview - harbour-outfitters - lanyard");
  await expect(page.getByRole("navigation").getByRole("link", { name: "harbour-outfitters" }).first()).toBeVisible();
  await open(page, server, "users?search=claire");
  await expect(page.getByRole("link", { name: "claire.dubois" })).toBeVisible();
  await picture(page, "operator-header");
  await page.getByRole("button", { name: "Switch instance: harbour-outfitters" }).click();
  await page.getByRole("menuitem", { name: "second-centre" }).click();
  await expect(page).toHaveTitle("Users - second-centre - lanyard");
  await expect(page).toHaveURL(new RegExp(`#/instances/${made.Id}/users$`));
  await expect(page.getByRole("link", { name: "claire.dubois" })).toHaveCount(0);
  await server.connect.send(new DeleteInstanceCommand({ InstanceId: made.Id }));
});
