#!/usr/bin/env node
import { spawnSync } from "node:child_process";

import { findBinary } from "./binary.js";
import { here } from "./here.js";

try {
  const done = spawnSync(findBinary(here), process.argv.slice(2), { stdio: "inherit" });
  if (done.error) {
    throw done.error;
  }
  process.exitCode = done.status ?? 1;
} catch (error) {
  console.error(`lanyard: error: ${(error as Error).message}`);
  process.exitCode = 1;
}
