import { afterAll, beforeAll, beforeEach } from "vitest";

import { type HelperOptions, register } from "./helper.js";
import type { Lanyard } from "./server.js";

export type { HelperOptions };

/** Has the tests of this file, or of the describe() around it, use a server that is reset for each test. */
export function lanyard(options: HelperOptions = {}): Lanyard {
  return register({ beforeAll, beforeEach, afterAll }, options);
}
