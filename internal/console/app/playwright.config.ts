import { defineConfig } from "@playwright/test";

// Debian's headless Chromium, with its own network traffic switched off: tests require no network.
export default defineConfig({
  testDir: "e2e",
  // The README's picture is made by a separate run.
  testMatch: process.env.SCREENSHOTS ? "screenshot.ts" : "*.spec.ts",
  workers: 2,
  fullyParallel: false,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  outputDir: "artefacts/failures",
  use: {
    viewport: { width: 1280, height: 900 },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
