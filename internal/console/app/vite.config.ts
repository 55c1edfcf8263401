import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The design system inlines its fonts in the stylesheet. As separate files they are loaded on demand and cached,
// and the page's policy does not have to allow data: for fonts.
function fontFiles(): Plugin {
  return {
    name: "font-files",
    apply: "build",
    buildStart() {
      rmSync("../dist/assets", { recursive: true, force: true }); // the rest of the folder stays: its placeholder is committed
    },
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "asset" || !file.fileName.endsWith(".css")) continue;
        file.source = String(file.source).replace(/url\((['"]?)data:font\/woff2;base64,([^'")]+)\1\)/g, (_whole, _quote, data: string) => {
          const source = Buffer.from(data, "base64");
          const name = `font-${createHash("sha256").update(source).digest("hex").slice(0, 10)}.woff2`;
          this.emitFile({ type: "asset", fileName: `assets/${name}`, source });
          return `url(${name})`;
        });
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), fontFiles()],
  base: "./",
  // The server embeds this folder.
  build: { outDir: "../dist", emptyOutDir: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 1500, modulePreload: { polyfill: false } },
  server: { proxy: { "/console": process.env.LANYARD ?? "http://127.0.0.1:4580" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
