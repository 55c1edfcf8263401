import { type Decision, type Lanyard, startLanyard } from "@lanyard/server";
import { lanyard } from "@lanyard/server/vitest";

export async function use(): Promise<Decision> {
  const server: Lanyard = await startLanyard({ account: "123456789012", flags: ["--strict"] });
  const config: { endpoint: string; region: string } = server.clientConfig();
  await server.fault({ operation: "*", latency: 5, count: 1 });
  // @ts-expect-error: an operation is required
  await server.fault({ exception: config.region });
  return server.decide("ann", "Users.Edit", { type: "User", id: "bob" });
}

export const helper: Lanyard = lanyard({ seeds: ["team.yaml"], throttling: true });
// @ts-expect-error: there is no such option
lanyard({ seed: "team.yaml" });
