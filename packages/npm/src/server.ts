import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { devNull } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { AssertionError, type Decision, type QuestionOptions, type Resource, decide, describe, refuseUnknown } from "./decisions.js";

export interface LanyardOptions {
  /** AWS account; twelve digits. */
  account?: string;
  region?: string;
  /** Further flags of lanyard serve. */
  flags?: string[];
  /** How long the server may take to start, in milliseconds. */
  startTimeout?: number;
}

export interface SeedOptions {
  /** Values of the templates' parameters. */
  parameters?: Record<string, string>;
}

export interface Fault {
  /** An operation, or "*" for all. */
  operation: string;
  exception?: string;
  /** Share of the calls, greater than 0 and at most 1. */
  rate?: number;
  /** Milliseconds by which the answer comes later. */
  latency?: number;
  /** Calls to affect; without it, all until the fault is cleared. */
  count?: number;
}

/** What a client of the AWS SDK for JavaScript needs to talk to the server. It does not retry. */
export interface ClientConfig {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  maxAttempts: number;
}

/** The server did not start, or refused what it was asked for. */
export class LanyardError extends Error {
  override readonly name = "LanyardError";

  constructor(
    message: string,
    /** The HTTP status of a refusal. */
    readonly status?: number,
  ) {
    super(message);
  }
}

const fresh = "lanyard-fresh";
const timeout = 60_000;

/** Where a server is that runs already, perhaps as the child of another process. */
export interface Address {
  url: string;
  account: string;
  region: string;
  instanceId: string;
  instanceArn: string;
}

/** A server in memory, with one instance of Amazon Connect in it. */
export class Lanyard implements Address {
  readonly url: string;
  readonly account: string;
  readonly region: string;
  readonly instanceId: string;
  readonly instanceArn: string;

  constructor(
    at: Address,
    private readonly binary: string,
    private readonly child?: Child,
  ) {
    ({ url: this.url, account: this.account, region: this.region } = at);
    ({ instanceId: this.instanceId, instanceArn: this.instanceArn } = at);
  }

  /** Ends the server. At the latest it ends with this process, however that ends. */
  async stop(): Promise<void> {
    await this.child?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The id of the server's process, if it is a child of this one. */
  get processId(): number | undefined {
    return this.child?.id;
  }

  /** Returns the end of what the server has logged. */
  log(): string {
    return this.child?.log() ?? "";
  }

  /** Returns settings for a client of the AWS SDK: new ConnectClient(lanyard.clientConfig()). */
  clientConfig(): ClientConfig {
    return {
      endpoint: this.url,
      region: this.region,
      credentials: { accessKeyId: this.account, secretAccessKey: "lanyard" },
      maxAttempts: 1,
    };
  }

  /** Returns the variables with which other programs use this server: AWS SDKs, the AWS CLI, Terraform. */
  environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_CONNECT: this.url,
      AWS_ACCESS_KEY_ID: this.account,
      AWS_SECRET_ACCESS_KEY: "lanyard",
      AWS_REGION: this.region,
      AWS_DEFAULT_REGION: this.region,
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_EC2_METADATA_DISABLED: "true",
    };
  }

  /** Goes back to the instance as it was at first, or as these templates make it: no faults, the real time. */
  async reset(seeds: string[] = [], options: SeedOptions = {}): Promise<void> {
    const name = seeds.length > 0 ? nameOf(seeds, options) : fresh;
    await this.request("POST", "/_lanyard/state/reset"); // which removes faults, and sets the clock
    if (!(await this.#loadIfSaved(name))) {
      await this.load(fresh);
      await this.apply(seeds, options);
      await this.save(name).catch(() => {}); // when too many states are kept, this one is made again each time
    }
  }

  async #loadIfSaved(name: string): Promise<boolean> {
    try {
      await this.load(name);
      return true;
    } catch (error) {
      if (name !== fresh && error instanceof LanyardError && error.status === 404) {
        return false;
      }
      throw error;
    }
  }

  /** Changes the instance to match CloudFormation templates, as lanyard apply does. */
  async apply(templates: string[], options: SeedOptions = {}): Promise<void> {
    const parameters = Object.entries(options.parameters ?? {}).map(([k, v]) => `--param=${k}=${v}`);
    const args = ["apply", "--yes", "--instance", this.instanceId, ...parameters, "--", ...templates];
    const env = { ...cleanEnvironment(), ...this.environment() };
    await new Promise<void>((done, failed) => {
      const child = execFile(this.binary, args, { env, windowsHide: true }, (error, stdout, stderr) => {
        error ? failed(new LanyardError(`lanyard apply: ${(stderr || stdout || error.message).trim()}`)) : done();
      });
      child.stdin?.end();
    });
  }

  /** Creates a security profile, and returns its id. more are further parameters of CreateSecurityProfile. */
  async addProfile(name: string, permissions: string[] = [], more: Record<string, unknown> = {}): Promise<string> {
    const made = await this.request("PUT", `/security-profiles/${this.instanceId}`, {
      SecurityProfileName: name,
      Permissions: permissions,
      ...more,
    });
    return made.SecurityProfileId;
  }

  /**
   * Creates a user with security profiles, given by their names or ids, and returns the user's id. more are further
   * parameters of CreateUser, such as Tags.
   */
  async addUser(name: string, profiles: string[], more: Record<string, unknown> = {}): Promise<string> {
    const known = await this.#list("security-profiles", "SecurityProfile");
    const routing = await this.#list("routing-profiles", "RoutingProfile");
    const made = await this.request("PUT", `/users/${this.instanceId}`, {
      Username: name,
      Password: "Lanyard-Test-1",
      IdentityInfo: { FirstName: name, LastName: name },
      PhoneConfig: { PhoneType: "SOFT_PHONE" },
      SecurityProfileIds: profiles.map((p) => known.get(p) ?? p),
      RoutingProfileId: [...routing.values()][0],
      ...more,
    });
    return made.UserId;
  }

  /** Returns ids by name. */
  async #list(path: string, word: string): Promise<Map<string, string>> {
    const ids = new Map<string, string>();
    let token = "";
    do {
      const target = `/${path}-summary/${this.instanceId}?maxResults=1000&nextToken=${encodeURIComponent(token)}`;
      const page = await this.request("GET", target);
      for (const one of page[`${word}SummaryList`]) {
        ids.set(one.Name, one.Id);
      }
      token = page.NextToken ?? "";
    } while (token);
    return ids;
  }

  /** Keeps the state of everything under a name, in the server's memory. */
  async save(name: string): Promise<void> {
    await this.request("POST", `/_lanyard/state/save?name=${encodeURIComponent(name)}`);
  }

  /** Goes back to a state that was saved. */
  async load(name: string): Promise<void> {
    await this.request("POST", `/_lanyard/state/load?name=${encodeURIComponent(name)}`);
  }

  /** Sets the server's clock, which goes on from there unless it is frozen; undefined is the real time. */
  async setTime(now: Date | undefined, { frozen = false }: { frozen?: boolean } = {}): Promise<void> {
    await (now
      ? this.request("PUT", "/_lanyard/time", { time: now.toISOString(), frozen })
      : this.request("DELETE", "/_lanyard/time"));
  }

  /** Has calls fail with an exception, or take longer. */
  async fault({ operation, exception = "", rate = 1, latency = 0, count = 0 }: Fault): Promise<void> {
    const fault = { Operation: operation, Exception: exception, Rate: rate, Latency: Math.round(latency * 1e6), Count: count };
    await this.request("POST", "/lanyard/v1/faults", fault);
  }

  async clearFaults(): Promise<void> {
    await this.request("DELETE", "/_lanyard/chaos/faults");
    await this.request("DELETE", "/lanyard/v1/faults");
  }

  /**
   * Answers whether a user, or an AI agent by its ARN, may do something, and why:
   * decide("ann", "Users.Edit", "User/bob").
   */
  async decide(subject: string, permission: string, resource?: Resource, options: QuestionOptions = {}): Promise<Decision> {
    const post = (target: string, body: unknown) => this.request("POST", target, body);
    return decide(post, this.instanceId, subject, permission, resource, options);
  }

  /** Fails, with the reason, unless the subject may do something. */
  async assertAllowed(subject: string, permission: string, resource?: Resource, options: QuestionOptions = {}): Promise<void> {
    const decision = await this.decide(subject, permission, resource, options);
    if (!decision.allowed) {
      throw new AssertionError(`this must be allowed, got ${describe(decision)}`);
    }
  }

  /**
   * Fails, with the reason, if the subject may do something. A subject, a resource or a permission that does not exist
   * is an UnknownName, unless unknown is set: a misspelt name would be denied, too.
   */
  async assertDenied(
    subject: string,
    permission: string,
    resource?: Resource,
    { unknown = false, ...options }: QuestionOptions & { unknown?: boolean } = {},
  ): Promise<void> {
    const decision = await this.decide(subject, permission, resource, options);
    if (decision.allowed) {
      throw new AssertionError(`this must be denied, got ${describe(decision)}`);
    }
    if (!unknown) {
      refuseUnknown(decision, subject);
    }
  }

  /** Sends a request of JSON, and returns the answer. */
  async request(method: string, target: string, body?: unknown): Promise<any> {
    return send(this, method, target, body);
  }
}

/** Starts a server in memory, with an instance of Amazon Connect in it. */
export async function start(binary: string, options: LanyardOptions = {}): Promise<Lanyard> {
  const { account = "123456789012", region = "us-east-1", flags = [], startTimeout = 30_000 } = options;
  const child = new Child(binary, ["--account", account, "--region", region, ...flags]);
  try {
    const url = await child.ready(startTimeout);
    const made = await send({ url, account, region }, "PUT", "/instance", {
      IdentityManagementType: "CONNECT_MANAGED",
      InstanceAlias: "lanyard-tests",
      InboundCallsEnabled: true,
      OutboundCallsEnabled: true,
    });
    const server = new Lanyard({ url, account, region, instanceId: made.Id, instanceArn: made.Arn }, binary, child);
    await server.save(fresh);
    return server;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** The process of a server. */
class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #log = "";

  constructor(binary: string, flags: string[]) {
    const args = ["serve", "--emulator", "--store", "memory", "--listen", "127.0.0.1:0", "--stop-at-eof", "--grace", "1s"];
    // A session of its own keeps it from Ctrl-C, which would end it before the tests that use it. It ends when its
    // standard input does, which the system closes if this process is killed.
    const noScripts = join(dirname(binary), "init"); // does not exist: those of a machine do not run
    this.#process = spawn(binary, [...args, "--log-format", "json", "--init-dir", noScripts, ...flags], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
      windowsHide: true,
      env: cleanEnvironment(),
    });
    this.#exited = new Promise((done) => this.#process.once("close", () => done()).once("error", () => done()));
    this.#process.stdin!.on("error", () => {}); // of a server that has ended
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-8000);
    });
    // It must not keep a process running whose tests have ended.
    this.#process.unref();
    for (const stream of this.#process.stdio) {
      (stream as { unref?: () => void } | null)?.unref?.();
    }
  }

  get id(): number | undefined {
    return this.#process.pid;
  }

  log(): string {
    return this.#log;
  }

  /** Returns the address that the server prints before its line that ends in Ready. */
  ready(within: number): Promise<string> {
    return new Promise((done, failed) => {
      let url = "";
      const timer = setTimeout(
        () => failed(new LanyardError(`the server was not ready after ${within} milliseconds:\n${this.#log}`)),
        within,
      );
      this.#process.once("error", (error) => failed(new LanyardError(`the server did not start: ${error.message}`)));
      void this.#exited.then(() => {
        clearTimeout(timer);
        failed(new LanyardError(`the server did not start:\n${this.#log}`));
      });
      createInterface({ input: this.#process.stdout! }).on("line", (line) => {
        url ||= /https?:\/\/[^\s,]+[^\s,.]/.exec(line)?.[0] ?? "";
        if (url && line.trimEnd().endsWith("Ready.")) {
          clearTimeout(timer);
          done(url);
        }
      });
    });
  }

  async stop(): Promise<void> {
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await this.#exited;
    clearTimeout(timer);
  }
}

async function send(
  to: { url: string; account: string; region: string },
  method: string,
  target: string,
  body?: unknown,
): Promise<any> {
  const { status, text } = await exchange(new URL(target, to.url), method, body, {
    // A signature that names the account. The server verifies none.
    Authorization:
      `AWS4-HMAC-SHA256 Credential=${to.account}/20260101/${to.region}/connect/aws4_request, SignedHeaders=host, ` +
      `Signature=${"0".repeat(64)}`,
  });
  if (status >= 300) {
    throw new LanyardError(messageOf(text) || `${method} ${target} is answered with status ${status}`, status);
  }
  return text.trim() ? JSON.parse(text) : undefined;
}

/** Sends a request of JSON without fetch, which tests replace and proxies capture. */
export function exchange(
  url: URL,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((done, failed) => {
    const options = { method, headers: { "Content-Type": "application/json", ...headers }, timeout, agent: false };
    const call = request(url, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => done({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
      answer.on("error", failed);
    });
    call.on("timeout", () => call.destroy(new Error(`no answer after ${timeout} milliseconds`)));
    call.on("error", (error) => failed(new LanyardError(`the server does not answer: ${error.message}`)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function messageOf(text: string): string {
  try {
    const answer = JSON.parse(text);
    return typeof answer === "string" ? answer : (answer.Message ?? answer.message ?? answer.error ?? text.trim());
  } catch {
    return text.trim();
  }
}

/** The environment without settings of the developer. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|LANYARD)_/i.test(name)));
}

/** The name of the state that templates make: another one when their text changes. */
function nameOf(seeds: string[], { parameters = {} }: SeedOptions): string {
  const content = createHash("sha256").update(JSON.stringify(Object.entries(parameters).sort()));
  for (const seed of seeds) {
    const path = resolve(seed);
    content.update(`${path}\0`).update(createHash("sha256").update(readFileSync(path)).digest());
  }
  return `lanyard-seed-${content.digest("hex").slice(0, 32)}`;
}
