import { findBinary } from "./binary.js";
import { here } from "./here.js";
import { type Lanyard, type LanyardOptions, start } from "./server.js";

export { UnsupportedPlatform } from "./binary.js";
export { AssertionError, type Decision, type QuestionOptions, type Resource, UnknownName } from "./decisions.js";
export { RealEndpointRefused, redirect } from "./redirect.js";
export { type ClientConfig, type Fault, Lanyard, LanyardError, type LanyardOptions, type SeedOptions } from "./server.js";

/** Starts a server in memory, with an instance of Amazon Connect in it. It ends with stop(), or with this process. */
export async function startLanyard(options: LanyardOptions = {}): Promise<Lanyard> {
  return start(findBinary(here), options);
}
