// Packs dist and the program for each platform. The files in the tree have no version: it comes from VERSION.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { DIST, VERSION, PLATFORMS, BINARIES } = process.env;
const systems = { linux: "linux", darwin: "darwin", windows: "win32" };
const processors = { amd64: "x64", arm64: "arm64" };
const all = Object.values(systems).flatMap((os) => Object.values(processors).map((cpu) => `${os}-${cpu}`));

const stage = mkdtempSync(join(tmpdir(), "lanyard-npm-"));
try {
  packMain();
  for (const platform of PLATFORMS.split(" ")) {
    packProgram(...platform.split("/"));
  }
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** Packs the package that people install. npm takes of its optional dependencies the one for the platform. */
function packMain() {
  const { scripts, devDependencies, ...main } = JSON.parse(readFileSync("package.json", "utf8"));
  const optionalDependencies = Object.fromEntries(all.map((name) => [`@lanyard/server-${name}`, VERSION]));
  const folder = makeFolder("main", { ...main, version: VERSION, optionalDependencies });
  cpSync("dist", join(folder, "dist"), { recursive: true });
  cpSync("README.md", join(folder, "README.md"));
  pack(folder);
}

function packProgram(goos, goarch) {
  const os = systems[goos];
  const cpu = processors[goarch];
  const folder = makeFolder(`${os}-${cpu}`, {
    name: `@lanyard/server-${os}-${cpu}`,
    version: VERSION,
    description: `The program of @lanyard/server for ${os}-${cpu}`,
    license: "Apache-2.0",
    os: [os],
    cpu: [cpu],
    files: ["bin", "LICENSE"],
    preferUnplugged: true,
  });
  const source = join(BINARIES, `${goos}-${goarch}`);
  mkdirSync(join(folder, "bin"));
  for (const name of readdirSync(source)) {
    cpSync(join(source, name), join(folder, "bin", name));
  }
  pack(folder);
}

function makeFolder(name, manifest) {
  const folder = join(stage, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
  cpSync("../../LICENSE", join(folder, "LICENSE"));
  return folder;
}

function pack(folder) {
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", DIST], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
}
