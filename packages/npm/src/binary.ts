import { accessSync, chmodSync, constants, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The platforms for which there are packages with the program. */
export const platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"] as const;

/** No package brings the program for this platform. */
export class UnsupportedPlatform extends Error {
  override readonly name = "UnsupportedPlatform";
}

/**
 * Returns the path of the program: LANYARD_BIN, or else that of the package for this platform, which npm has installed
 * as an optional dependency. from is a file of this package.
 */
export function findBinary(from: string, platform: string = `${process.platform}-${process.arch}`): string {
  const chosen = process.env["LANYARD_BIN"];
  if (chosen) {
    if (!existsSync(chosen)) {
      throw new Error(`LANYARD_BIN must be the path of the lanyard program, got ${JSON.stringify(chosen)}`);
    }
    return chosen;
  }
  if (!(platforms as readonly string[]).includes(platform)) {
    throw new UnsupportedPlatform(
      `the platform must be one of ${platforms.join(", ")}, got ${platform}. Elsewhere, build lanyard and set LANYARD_BIN to its path.`,
    );
  }
  const name = `@lanyard/server-${platform}`;
  let folder: string;
  try {
    folder = dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    throw new UnsupportedPlatform(
      `the package ${name} does not exist in node_modules. Install @lanyard/server with its optional dependencies ` +
        `(not --omit=optional), on this platform; there are packages for ${platforms.join(", ")}.`,
    );
  }
  return executable(join(folder, "bin", process.platform === "win32" ? "lanyard.exe" : "lanyard"));
}

/** Makes a file executable, in case that an installer dropped its mode. */
function executable(path: string): string {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, statSync(path).mode | 0o111);
  }
  return path;
}
