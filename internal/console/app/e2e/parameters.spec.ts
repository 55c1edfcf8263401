import { ListContactFlowModulesCommand, ListTagsForResourceCommand, ListUserHierarchyGroupsCommand, TagResourceCommand } from "@aws-sdk/client-connect";
import { expect, grant, open, review, save, signIn, test } from "./support";

const agent = "arn:aws:app-integrations:us-east-1:123456789012:application/concierge";

test("every parameter can be edited, and the API returns it", async ({ page, server }) => {
  const id = await server.makeProfile("Every parameter", { Permissions: ["Users.View"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}`);

  await grant(page, "Queues.Edit", true);
  await expect(page.getByText("Queues.Edit has no effect in the website without Queues.View.")).toBeVisible();
  await page.getByRole("button", { name: "Add it" }).click();
  await grant(page, "Users.View", false);

  await page.getByRole("tab", { name: /Scope/ }).click();
  await page.getByRole("button", { name: /Resources restricted by tags/ }).click();
  await page.getByRole("option", { name: "Queue", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Access-control tags: Key 1").fill("Country");
  await page.getByLabel("Access-control tags: Value 1").fill("FR");
  await page.getByLabel("Restrict users by hierarchy").check();
  await page.getByLabel("Search groups").fill("Lyon");
  await page.getByRole("radio", { name: "Lyon" }).check();

  await page.getByRole("tab", { name: /Applications and tools/ }).click();
  await page.getByRole("button", { name: "Add application" }).click();
  await page.getByLabel("Namespace 1").fill("harbour-orders");
  await page.getByRole("button", { name: "Add application" }).click();
  await page.getByLabel("Namespace 2").fill("gateway");
  await page.getByRole("button", { name: "Third-party application" }).nth(1).click();
  await page.getByRole("option", { name: "MCP server" }).click();
  await page.getByLabel("Tools 2").fill("orders___Get orders___Cancel");
  await page.getByLabel("Tools 2").press("Enter");
  await page.getByRole("button", { name: /Flow modules/ }).click();
  await page.getByRole("option", { name: /Order status/ }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Add AI agent" }).click();
  await page.getByLabel("ARN of an AI agent 1").fill(agent);

  await page.getByRole("tab", { name: /Data tables/ }).click();
  await page.getByRole("button", { name: "Add attribute" }).click();
  await page.getByLabel("Attribute 1", { exact: true }).fill("Region");
  await page.getByLabel("Attribute 1, Value 1").fill("EU");
  await page.getByLabel("Attribute 1, Value 2").fill("UK");

  await page.getByRole("tab", { name: /Details/ }).click();
  await page.getByLabel("Description").fill("All of it");

  await expect(page.getByText("Unsaved changes in 10 fields")).toBeVisible();
  await review(page);
  await expect(page.locator("[data-field]")).toHaveCount(10);
  await expect(page.getByText("Nobody gains or loses anything.")).toBeVisible();
  await save(page);
  await expect(page.getByText("Every parameter saved.")).toBeVisible();
  await expect(page.getByText(/Unsaved changes/)).toHaveCount(0);

  const groups = await server.connect.send(new ListUserHierarchyGroupsCommand({ InstanceId: server.instance }));
  const modules = await server.connect.send(new ListContactFlowModulesCommand({ InstanceId: server.instance }));
  const now = await server.profile(id);
  expect(now.Permissions).toEqual(["Queues.Edit", "Queues.View"]);
  expect(now.Description).toBe("All of it");
  expect(now.AllowedAccessControlTags).toEqual({ Country: "FR" });
  expect(now.TagRestrictedResources).toEqual(["Queue"]);
  expect(now.HierarchyRestrictedResources).toEqual(["User"]);
  expect(now.AllowedAccessControlHierarchyGroupId).toBe(groups.UserHierarchyGroupSummaryList!.find((g) => g.Name === "Lyon")!.Id);
  expect(now.Applications.map((a) => ({ ...a, ApplicationPermissions: [...a.ApplicationPermissions!].sort() })).sort((a, b) => a.Namespace!.localeCompare(b.Namespace!))).toEqual([
    { Namespace: "gateway", ApplicationPermissions: ["orders___Cancel", "orders___Get"], Type: "MCP" },
    { Namespace: "harbour-orders", ApplicationPermissions: ["ACCESS"], Type: "THIRD_PARTY_APPLICATION" },
  ]);
  expect(now.AllowedFlowModules).toEqual([{ Type: "MCP", FlowModuleId: modules.ContactFlowModulesSummaryList!.find((m) => m.Name === "Order status")!.Id }]);
  expect(now.AllowedAIAgents).toEqual([{ Type: "THIRD_PARTY", Arn: agent }]);
  expect(now.GranularAccessControlConfiguration!.DataTableAccessControlConfiguration!.PrimaryAttributeAccessControlConfiguration!.PrimaryAttributeValues).toEqual([
    { AccessType: "ALLOW", AttributeName: "Region", Values: ["EU", "UK"] },
  ]);

  // Then everything but the permissions is cleared.
  await page.getByLabel("Description").fill("");
  await page.getByRole("tab", { name: /Scope/ }).click();
  await page.getByRole("button", { name: "Remove Country" }).click();
  await page.getByRole("button", { name: "Remove Queue" }).click();
  await page.getByLabel("Restrict users by hierarchy").uncheck();
  await page.getByRole("tab", { name: /Applications and tools/ }).click();
  for (const what of ["harbour-orders", "gateway", "Order status", agent]) await page.getByRole("button", { name: `Remove ${what}` }).click();
  await page.getByRole("tab", { name: /Data tables/ }).click();
  await page.getByRole("button", { name: "Remove Region" }).click();
  await review(page);
  await save(page);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const cleared = await server.profile(id);
  expect(cleared.Permissions).toEqual(["Queues.Edit", "Queues.View"]);
  expect([cleared.Description ?? "", cleared.AllowedAccessControlTags, cleared.TagRestrictedResources, cleared.HierarchyRestrictedResources, cleared.AllowedAccessControlHierarchyGroupId ?? ""]).toEqual(["", {}, [], [], ""]);
  expect([cleared.Applications, cleared.AllowedFlowModules, cleared.AllowedAIAgents, cleared.GranularAccessControlConfiguration]).toEqual([[], [], [], undefined]);
});

test("tags of the profile itself are saved separately", async ({ page, server }) => {
  const id = await server.makeProfile("Tagged", {}, { Team: "night" });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Tags of the profile: Value 1").fill("day");
  await page.getByRole("button", { name: "Add tag" }).click();
  await page.getByLabel("Tags of the profile: Key 2").fill("Owner");
  await page.getByRole("button", { name: "Save tags" }).click();
  await expect(page.getByText("Tags saved.")).toBeVisible();
  const { Arn } = await server.profile(id);
  expect((await server.connect.send(new ListTagsForResourceCommand({ resourceArn: Arn! }))).tags).toEqual({ Team: "day", Owner: "" });
});

test("tags that another user changes are no conflict", async ({ page, server }) => {
  const id = await server.makeProfile("Tagged by others", {}, { Team: "night" });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Mine");
  const { Arn } = await server.profile(id);
  await server.connect.send(new TagResourceCommand({ resourceArn: Arn!, tags: { Team: "day" } }));
  await review(page);
  await save(page);
  await expect(page.getByText("Tagged by others saved.")).toBeVisible();
  const now = await server.profile(id);
  expect([now.Description, now.Tags]).toEqual(["Mine", { Team: "day" }]);
});

test("errors are shown at their field, before and after the server is asked", async ({ page, server }) => {
  const id = await server.makeProfile("Wrong input", { Permissions: ["Users.View"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=rows`);
  await page.getByRole("button", { name: "Add attribute" }).click();
  await page.getByLabel("Attribute 1, Value 1").fill("EU");
  await expect(page.getByText("Attribute is required.")).toBeVisible();
  await page.getByRole("button", { name: "Review and save" }).first().click();
  await expect(page.getByText("This cannot be saved yet")).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // The server, not the page, knows which names of attributes are valid.
  await page.getByLabel("Attribute 1", { exact: true }).fill("aws:nope");
  await review(page);
  await expect(page.getByRole("dialog").getByRole("button", { name: "Save", exact: true })).toBeDisabled();
  await expect(page.getByRole("dialog").getByText(/aws:/).first()).toBeVisible();
  await page.getByRole("button", { name: "Back to editing" }).click();
  await expect(page.getByRole("tabpanel").getByText(/aws:/)).toBeVisible();
  expect((await server.profile(id)).GranularAccessControlConfiguration).toBeUndefined();
});

test("unsaved changes survive a stray click and a reload", async ({ page, server }) => {
  const id = await server.makeProfile("Stray click", { Permissions: ["Users.View"] });
  await signIn(page, server);
  await open(page, server, `profiles/${id}?tab=details`);
  await page.getByLabel("Description").fill("Not yet saved");
  await page.getByRole("link", { name: "Users", exact: true }).first().click();
  await expect(page.getByRole("dialog", { name: "Leave with unsaved changes?" })).toBeVisible();
  await page.getByRole("button", { name: "Stay on this page" }).last().click();
  await expect(page.getByLabel("Description")).toHaveValue("Not yet saved");
  const asked = page.waitForEvent("dialog");
  await page.reload();
  expect((await asked).type()).toBe("beforeunload");
  await expect(page.getByText(/Unsaved draft restored/)).toBeVisible();
  await expect(page.getByLabel("Description")).toHaveValue("Not yet saved");
  await page.getByRole("button", { name: "Discard draft" }).click();
  await expect(page.getByLabel("Description")).toHaveValue("");
  await page.getByRole("link", { name: "Users", exact: true }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Users" })).toBeVisible();
});
