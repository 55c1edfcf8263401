// The real server on its own port and data folder, and a real client.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  ConnectClient,
  CreateSecurityProfileCommand,
  DescribeSecurityProfileCommand,
  ListInstancesCommand,
  ListSecurityProfileAIAgentsCommand,
  ListSecurityProfileApplicationsCommand,
  ListSecurityProfileFlowModulesCommand,
  ListSecurityProfilePermissionsCommand,
  ListSecurityProfilesCommand,
  ListUsersCommand,
  UpdateSecurityProfileCommand,
  type UpdateSecurityProfileCommandInput,
  UpdateUserSecurityProfilesCommand,
} from "@aws-sdk/client-connect";
import { type Browser, type Cookie, expect, type Page, test as base } from "@playwright/test";

const binary = resolve(process.env.LANYARD_BIN ?? "../../../bin/lanyard");

export async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const s = createServer();
    s.once("error", fail);
    s.listen(0, "127.0.0.1", () => {
      const { port } = s.address() as { port: number };
      s.close(() => done(port));
    });
  });
}

export class Server {
  private process?: ChildProcess;
  url = "";
  instance = "";
  log = "";
  connect!: ConnectClient;
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-console-"));
  readonly data = join(this.folder, "data");
  private port = 0;
  private passwords = new Map<string, string>();

  /** With the demo instance; or, if an alias is given, with what a command put into the data folder before the start. */
  constructor(
    readonly flags: string[] = [],
    readonly alias = "",
  ) {}

  async start(): Promise<this> {
    this.port ||= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const child = spawn(binary, ["serve", ...(this.alias ? [] : ["--demo"]), "--data", this.data, "--listen", `127.0.0.1:${this.port}`, ...this.flags], { stdio: ["ignore", "pipe", "pipe"] });
    this.process = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (b) => (this.log += b));
    for (let i = 0; ; i++) {
      if (child.exitCode !== null || i > 200) throw new Error(`the server did not start:\n${this.log}`);
      const ok = await fetch(`${this.url}/console/api/session`).then(
        (r) => r.status === 401,
        () => false,
      );
      if (ok) break;
      await new Promise((go) => setTimeout(go, 50));
    }
    const credentials = readFileSync(join(this.data, "credentials"), "utf8");
    const value = (name: string) => new RegExp(`${name}\\s*=\\s*(\\S+)`).exec(credentials)![1];
    this.key = { accessKeyId: value("aws_access_key_id"), secretAccessKey: value("aws_secret_access_key") };
    this.connect = new ConnectClient({ endpoint: this.url, region: "us-east-1", credentials: this.key });
    this.instance = (await this.connect.send(new ListInstancesCommand({}))).InstanceSummaryList!.find((i) => i.InstanceAlias === (this.alias || "harbour-outfitters"))?.Id ?? this.instance;
    for (const line of this.alias ? [] : readFileSync(join(this.data, "demo-credentials"), "utf8").split("\n")) {
      const [name, password] = line.trim().split(/\s+/);
      if (password && !this.passwords.has(name)) this.passwords.set(name, password);
    }
    return this;
  }

  key = { accessKeyId: "", secretAccessKey: "" };

  /** Kills the server, as a failing machine would. */
  async kill(): Promise<void> {
    const child = this.process!;
    if (child.exitCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What a command needs to know of its surroundings, such as AWS_ENDPOINT_URL_CONNECT. */
  environment: Record<string, string> = {};

  command(...args: string[]): string {
    return execFileSync(binary, [...args, "--data", this.data], { encoding: "utf8", env: { ...process.env, ...this.environment } });
  }

  /** The user's password, which is set if there is none. */
  password(user: string): string {
    const known = this.passwords.get(user);
    if (known) return known;
    const password = `Pass-${user.length}-Word-${this.port}`;
    execFileSync(binary, ["user", "password", user, "--data", this.data, "--instance", this.instance, "--password-stdin"], { input: `${password}\n` });
    this.passwords.set(user, password);
    return password;
  }

  /** Sessions of earlier tests. */
  readonly cookies = new Map<string, Cookie[]>();

  setPassword(user: string, password: string) {
    this.passwords.set(user, password);
  }

  async profiles(): Promise<Record<string, string>> {
    const list = await this.connect.send(new ListSecurityProfilesCommand({ InstanceId: this.instance, MaxResults: 1000 }));
    return Object.fromEntries(list.SecurityProfileSummaryList!.map((p) => [p.Name!, p.Id!]));
  }

  async users(): Promise<Record<string, string>> {
    const list = await this.connect.send(new ListUsersCommand({ InstanceId: this.instance, MaxResults: 1000 }));
    return Object.fromEntries(list.UserSummaryList!.map((u) => [u.Username!, u.Id!]));
  }

  async makeProfile(name: string, more: Partial<Omit<UpdateSecurityProfileCommandInput, "InstanceId" | "SecurityProfileId">> = {}, tags?: Record<string, string>): Promise<string> {
    const made = await this.connect.send(new CreateSecurityProfileCommand({ InstanceId: this.instance, SecurityProfileName: name, Tags: tags, ...more }));
    return made.SecurityProfileId!;
  }

  async update(id: string, change: Partial<UpdateSecurityProfileCommandInput>): Promise<void> {
    await this.connect.send(new UpdateSecurityProfileCommand({ InstanceId: this.instance, SecurityProfileId: id, ...change }));
  }

  async assign(user: string, profiles: string[]): Promise<void> {
    await this.connect.send(new UpdateUserSecurityProfilesCommand({ InstanceId: this.instance, UserId: (await this.users())[user], SecurityProfileIds: profiles }));
  }

  /** A whole profile, read through the API. */
  async profile(id: string) {
    const at = { InstanceId: this.instance, SecurityProfileId: id };
    const [described, permissions, applications, modules, agents] = await Promise.all([
      this.connect.send(new DescribeSecurityProfileCommand(at)),
      this.connect.send(new ListSecurityProfilePermissionsCommand({ ...at, MaxResults: 1000 })),
      this.connect.send(new ListSecurityProfileApplicationsCommand(at)),
      this.connect.send(new ListSecurityProfileFlowModulesCommand(at)),
      this.connect.send(new ListSecurityProfileAIAgentsCommand(at)),
    ]);
    return {
      ...described.SecurityProfile!,
      Permissions: permissions.Permissions!,
      Applications: applications.Applications!,
      AllowedFlowModules: modules.AllowedFlowModules!,
      AllowedAIAgents: agents.AllowedAIAgents!,
    };
  }
}

export const test = base.extend<{ quiet: void }, { server: Server }>({
  server: [
    async ({}, use) => {
      const server = await new Server().start();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  // No page may cause an error in the browser's console or violate the content security policy.
  quiet: [
    async ({ page }, use) => {
      const bad = watch(page);
      await use();
      expect(bad, "errors in the browser's console").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

export function watch(page: Page): string[] {
  const bad: string[] = [];
  page.on("pageerror", (e) => bad.push(String(e)));
  page.on("dialog", (d) => {
    if (d.type() === "beforeunload") return void d.accept();
    bad.push(`dialog: ${d.message()}`);
    void d.dismiss();
  });
  page.on("console", (m) => {
    const text = m.text();
    // Some tests are about 4xx answers and servers that are gone.
    if (m.type() === "error" && !/Failed to load resource|ERR_CONNECTION|net::ERR/.test(text)) bad.push(text);
    if (/Content Security Policy/.test(text)) bad.push(text);
  });
  return bad;
}

export async function signIn(page: Page, server: Server, user = "olivia.stone", path = ""): Promise<void> {
  // Signing in has its own tests; the others reuse a session that is still valid.
  const kept = server.cookies.get(user);
  if (kept) await page.context().addCookies(kept);
  await page.goto(`${server.url}/#${path}`);
  const inside = page.getByRole("button", { name: user });
  await expect(inside.or(page.getByLabel("Password", { exact: true }))).toBeVisible();
  if (await inside.isVisible()) return;
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(server.password(user));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(inside).toBeVisible();
  server.cookies.set(user, await page.context().cookies());
}

export async function signInOperator(page: Page, server: Server): Promise<void> {
  await page.goto(server.url);
  await page.getByText("Operator", { exact: true }).click();
  await page.getByLabel("Access key ID").fill(server.key.accessKeyId);
  await page.getByLabel("Secret access key").fill(server.key.secretAccessKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("button", { name: "Operator" })).toBeVisible();
}

/** Another user in another browser context. */
export async function another(browser: Browser, server: Server, user: string, path = ""): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  await signIn(page, server, user, path);
  return page;
}

export const at = (server: Server, path: string) => `/instances/${server.instance}/${path}`;

export async function open(page: Page, server: Server, path: string): Promise<void> {
  await page.goto(`${server.url}/#${at(server, path)}`);
}

export const box = (page: Page, permission: string) => page.getByRole("checkbox", { name: new RegExp(`(^|, )${permission.replaceAll(".", "\\.")}(\\.\\s|$)`) });

/** Finds a permission and selects or clears its box. */
export async function grant(page: Page, permission: string, on: boolean): Promise<void> {
  await page.getByLabel("Find permissions by name or label").fill(permission);
  await box(page, permission).setChecked(on);
  await page.getByLabel("Find permissions by name or label").fill("");
}

export async function review(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Review and save" }).first().click();
  await expect(page.getByRole("dialog")).toBeVisible();
}

export async function save(page: Page): Promise<void> {
  await page.getByRole("dialog").getByRole("button", { name: "Save", exact: true }).click();
}

/** Saved as an artefact, never committed. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync("artefacts", { recursive: true });
  await page.screenshot({ path: `artefacts/${name}.png` });
}
