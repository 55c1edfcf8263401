// Compiles src twice: as ECMAScript modules, and for require(), which Jest uses.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
for (const [folder, type, module] of [["esm", "module", "esnext"], ["cjs", "commonjs", "commonjs"]]) {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--module", module, "--outDir", `dist/${folder}`], {
    stdio: "inherit",
  });
  writeFileSync(`dist/${folder}/package.json`, JSON.stringify({ type }) + "\n");
}
writeFileSync("dist/esm/here.js", "export const here = import.meta.url;\n");
