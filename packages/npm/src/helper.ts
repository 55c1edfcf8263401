import { findBinary } from "./binary.js";
import { here } from "./here.js";
import { redirect } from "./redirect.js";
import { type Address, Lanyard, LanyardError, type LanyardOptions, exchange, start } from "./server.js";

export interface HelperOptions extends LanyardOptions {
  /** CloudFormation templates that make the instance for each test; paths are relative to the working folder. */
  seeds?: string[];
  /** Values of the templates' parameters. */
  parameters?: Record<string, string>;
  /** Limit calls as Amazon Connect does: 2 a second with a burst of 5, for each operation. */
  throttling?: boolean;
  /** Let tests send requests to AWS, except to Amazon Connect. */
  allowAws?: boolean;
}

/** The hooks of a test runner. */
export interface Hooks {
  beforeAll(prepare: () => Promise<void>): void;
  beforeEach(prepare: () => Promise<void>): void;
  afterAll(cleanUp: () => Promise<void>): void;
}

/** The variable in which global-setup leaves where servers are handed out. */
export const brokerVariable = "LANYARD_TEST_BROKER";

/**
 * Registers hooks that start a server, reset it for each test, and have clients talk to it. What it returns is that
 * server, once the tests run.
 */
export function register(hooks: Hooks, options: HelperOptions): Lanyard {
  let server: Lanyard | undefined;
  let restore = () => {};
  hooks.beforeAll(async () => {
    server = await obtain(options);
    restore = redirect(server, options);
  });
  hooks.beforeEach(async () => {
    await server!.reset(options.seeds, options.parameters ? { parameters: options.parameters } : {});
  });
  hooks.afterAll(async () => {
    restore();
    await server?.stop(); // does nothing to a server of global-setup
    server = undefined;
  });
  return new Proxy({} as Lanyard, {
    get(_, name) {
      if (!server && (typeof name === "symbol" || name === "then")) {
        return undefined; // which await and what prints values ask for
      }
      if (!server) {
        throw new LanyardError(`lanyard().${String(name)} is known when tests run: use it in a test or in beforeEach`);
      }
      const value = Reflect.get(server, name, server);
      return typeof value === "function" ? value.bind(server) : value;
    },
  });
}

/** Returns a server of global-setup, or else one of this process. */
async function obtain(options: HelperOptions): Promise<Lanyard> {
  const { account, region, startTimeout } = options;
  const flags = [...(options.flags ?? []), ...(options.throttling ? ["--throttle", "aws"] : [])];
  const own: LanyardOptions = {
    flags,
    ...(account ? { account } : {}),
    ...(region ? { region } : {}),
    ...(startTimeout ? { startTimeout } : {}),
  };
  const broker = process.env[brokerVariable];
  if (!broker) {
    return start(findBinary(here), own);
  }
  // Test files that run at the same time have different numbers; those that follow each other share a server.
  const slot = process.env["VITEST_POOL_ID"] ?? process.env["JEST_WORKER_ID"] ?? "1";
  const { status, text } = await exchange(new URL(broker), "POST", { slot, options: own });
  if (status !== 200) {
    throw new LanyardError(text);
  }
  return new Lanyard(JSON.parse(text) as Address, findBinary(here));
}
