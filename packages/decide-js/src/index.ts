/**
 * Decides what one user or AI agent may do, in this process: by a snapshot of that subject's rights which a lanyard
 * server signs, and with the server's own engine as WebAssembly.
 */
import { Engine, type EngineQuestion, type WasmSource } from "./engine.js";

export type { WasmSource } from "./engine.js";

/** A user, an AI agent, or an AI agent that assists a user. */
export interface Subject {
  /** "user" unless it is said. */
  type?: "user" | "ai_agent";
  /** Of a user the id or the user name, of an AI agent its ARN, qualifier included. */
  id: string;
  /** Id or name of the user whom an AI agent assists; both must be allowed then. */
  assisting?: string;
}

/** What access is asked to. */
export interface Resource {
  /** Such as User, Queue, Contact or Application; left out for permissions without an object. */
  type?: string;
  id?: string;
  /** It is about to be created, with these tags and in this group. */
  new?: boolean;
  /** Its tags, where the snapshot does not have them; see docs/decide-anywhere.md. */
  tags?: Readonly<Record<string, string>>;
  /** The hierarchy group of a user, or of the agent who has a contact: its id, or the ids from level one down to it. */
  group?: string | readonly string[];
  /** The primary attributes of a data-table row. */
  attributes?: Readonly<Record<string, string>>;
  /** That of a contact: VOICE, CHAT, TASK or EMAIL. */
  channel?: string;
}

export interface Question {
  /** A permission such as Users.View, the id of a tool, ACCESS, Invoke, HandOff or Reference. */
  action: string;
  resource?: Resource;
  surface?: "admin" | "reports";
}

export interface Decision {
  allow: boolean;
  /** What it rests on, such as "granted" or "condition failed". */
  reason: string;
  /** The reason as a sentence; explain says more. */
  why: string;
  /** Id of the first security profile that allows it by itself. */
  profile?: string;
}

export interface Explanation extends Decision {
  profiles: Finding[];
  hints: string[];
}

/** What one security profile contributes. */
export interface Finding {
  profile: string;
  name: string;
  holder: string;
  grants: boolean;
  allows: boolean;
  failed?: { kind: string; want: string; have?: string }[];
}

/** A set of public keys as the server publishes it (RFC 7517). */
export interface KeySet {
  keys: readonly object[];
}

/** What a Decider decides by, or why it denies everything. */
export interface Status {
  ok: boolean;
  reason?: string;
  why?: string;
  instance?: string;
  subject?: Subject;
  revision?: number;
  issued?: Date;
  expires?: Date;
  key?: string;
}

interface Common {
  /** Id of the instance that the snapshot must be of. Required when the token is for more than one. */
  instance?: string;
  /** Whose snapshot it must be. By default, of the user or AI agent to whom the token is bound. */
  subject?: Subject;
  /** The WebAssembly module, if it is not next to this file. */
  wasm?: WasmSource;
}

export interface LoadOptions extends Common {
  /** URL of the server. */
  url: string | URL;
  /** A token of lanyard token create: one bound to the subject, or one of scope decide. */
  token?: string;
  /** In seconds, how long a snapshot may be valid; up to 3,600. The server's default is 300. */
  lifetime?: number;
  /** Whether to follow changes until close; true unless it is said. */
  follow?: boolean;
  fetch?: typeof globalThis.fetch;
  /** Told of each refresh that fails. */
  onError?: (error: Error) => void;
}

export interface SnapshotOptions extends Common {
  /** What the server signed. */
  snapshot: string;
  /** The server's keys, from a source that you trust. */
  keys: KeySet;
}

/** The server refused, or did not answer. */
export class LanyardError extends Error {
  override readonly name = "LanyardError";
  readonly status: number | undefined;

  constructor(message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options);
    this.status = options?.status;
  }
}

const snapshotPath = "/lanyard/v1/subject-snapshot";
const keysPath = "/.well-known/lanyard-keys.json";

const waitSeconds = 25; // for a change, in one request
const firstRetry = 1_000;
const lastRetry = 30_000;
const answerTimeout = 15_000;

/** A snapshot that the engine holds. */
interface Held {
  engine: Engine;
  handle: number;
}

/** Has the engine drop the snapshots of those who decide no more. */
const forgotten = new FinalizationRegistry<Held>(({ engine, handle }) => engine.free(handle));

/** Decides for one subject. */
export class Decider {
  #held: Held;
  #status: Status;
  #profiles: readonly string[];
  #denial: { reason: string; why: string } | undefined; // of everything, whatever the snapshot says
  #listeners = new Set<(status: Status) => void>();
  #source: Source | undefined;
  #tag: string | undefined; // ETag of the snapshot
  #owner: Status | undefined; // whose snapshots these are, once it is known
  #stop = new AbortController();
  #expiry: ReturnType<typeof setTimeout> | undefined;
  // The clock when the snapshot came: a clock that is set back does not prolong it.
  #wall = 0;
  #steady = 0;

  private constructor(engine: Engine) {
    this.#held = { engine, handle: 0 };
    forgotten.register(this, this.#held);
    this.#status = { ok: false, reason: "no snapshot", why: "there is no subject snapshot" };
    this.#profiles = [];
  }

  /** Loads the snapshot of a subject from a server and, unless follow is false, keeps it current until close. */
  static async load(options: LoadOptions): Promise<Decider> {
    const decider = new Decider(await Engine.of(options.wasm));
    decider.#source = new Source(options);
    await decider.refresh();
    if (options.follow !== false) {
      void decider.#follow(options.onError ?? (() => undefined));
    }
    return decider;
  }

  /** Decides by a snapshot that came in another way. If it is of no use, everything is denied. */
  static async fromSnapshot(options: SnapshotOptions): Promise<Decider> {
    const decider = new Decider(await Engine.of(options.wasm));
    decider.#take(options.snapshot, options.keys, options.instance, options.subject);
    return decider;
  }

  /** What is decided by, or why everything is denied. */
  get status(): Status {
    const now = this.#now();
    if (this.#denial === undefined && this.#status.ok && this.#status.expires && now >= this.#status.expires.getTime()) {
      const { reason, why } = this.explain({ action: "" });
      return { ...this.#status, ok: false, reason, why };
    }
    return this.#denial === undefined ? this.#status : { ...this.#status, ok: false, ...this.#denial };
  }

  /** Decides. It throws a TypeError or RangeError for what is no question, and denies what it cannot know. */
  decide(question: Question): Decision {
    if (this.#denial !== undefined) {
      return { allow: false, ...this.#denial };
    }
    let number: number;
    try {
      number = this.#held.engine.decide(this.#held.handle, question as EngineQuestion, this.#now());
    } catch (error) {
      return this.#failed(error);
    }
    const code = this.#held.engine.codes[(number >> 1) & 127] as { reason: string; why: string };
    if (code.why === "") {
      const { allow, reason, why } = this.explain(question);
      return { allow, reason, why };
    }
    const decision: Decision = { allow: (number & 1) === 1, reason: code.reason, why: code.why };
    const profile = this.#profiles[(number >> 8) - 1];
    if (profile !== undefined) {
      decision.profile = profile;
    }
    return decision;
  }

  /** Decides and says why, profile by profile. */
  explain(question: Question): Explanation {
    if (this.#denial !== undefined) {
      return { allow: false, ...this.#denial, profiles: [], hints: [] };
    }
    try {
      return JSON.parse(
        this.#held.engine.explain(this.#held.handle, question as EngineQuestion, this.#now()),
      ) as Explanation;
    } catch (error) {
      return { ...this.#failed(error), profiles: [], hints: [] };
    }
  }

  /** Asks the server for the rights as they are now. It fails, and the last snapshot stays, if that cannot be had. */
  async refresh(): Promise<void> {
    await this.#fetch(0);
  }

  /** Calls listener after each change of the rights, and when everything becomes denied or decided again. */
  onChange(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends following. Decisions go on until the snapshot expires. */
  close(): void {
    this.#stop.abort();
    clearTimeout(this.#expiry);
  }

  #now(): number {
    return Math.max(Date.now(), this.#wall + performance.now() - this.#steady);
  }

  /** Denies when the engine failed; what is wrong with the question is the caller's. */
  #failed(error: unknown): Decision {
    if (this.#held.engine.failure === undefined) {
      throw error;
    }
    return { allow: false, reason: "engine failed", why: this.#held.engine.failure.message };
  }

  /** Replaces what is decided by. What is of no use replaces it too: the server said so, or somebody in between. */
  #take(snapshot: string, keys: KeySet, instance: string | undefined, subject: Subject | undefined): void {
    const wall = Date.now();
    const { handle, loaded } = this.#held.engine.load({ snapshot, keys, instance, subject, now: wall });
    const before = this.#held.handle;
    this.#wall = wall;
    this.#steady = performance.now();
    this.#held.handle = handle;
    this.#denial = undefined;
    this.#profiles = loaded.profiles ?? [];
    const { issued, expires, profiles: _, ...rest } = loaded;
    this.#status = {
      ...rest,
      ...(issued === undefined ? {} : { issued: new Date(issued) }),
      ...(expires === undefined ? {} : { expires: new Date(expires) }),
    };
    if (before !== 0) {
      this.#held.engine.free(before);
    }
    clearTimeout(this.#expiry);
    if (loaded.ok && expires !== undefined) {
      this.#expiry = setTimeout(() => this.#changed(), Math.max(0, expires - wall) + 1);
      unref(this.#expiry);
    }
  }

  /** Fetches a snapshot, waiting for one that differs; reports whether another came. */
  async #fetch(wait: number, same?: string): Promise<boolean> {
    const source = this.#source;
    if (source === undefined) {
      throw new LanyardError("a Decider of a snapshot has no server to ask");
    }
    try {
      const answer = await source.snapshot(wait, same, this.#stop.signal);
      if (answer === undefined) {
        return false;
      }
      let keys = await source.keys(false, this.#stop.signal);
      if (this.#held.engine.failure !== undefined) {
        this.#held.engine = await Engine.of(source.options.wasm);
        this.#held.handle = 0;
      }
      const was = this.status.ok;
      const subject = source.options.subject ?? this.#owner?.subject;
      const instance = source.options.instance ?? this.#owner?.instance;
      this.#take(answer.snapshot, keys, instance, subject);
      if (this.#status.reason === "unknown key" || this.#status.reason === "invalid snapshot") {
        keys = await source.keys(true, this.#stop.signal); // what came for keys may have been none
        this.#take(answer.snapshot, keys, instance, subject);
      }
      if (this.#status.ok) {
        this.#owner = this.#status;
      }
      const changed = answer.tag === undefined || answer.tag !== this.#tag || was !== this.#status.ok;
      this.#tag = answer.tag;
      if (changed) {
        this.#changed();
      }
      return changed;
    } catch (error) {
      // Who is told that there are no rights has none; who cannot ask has those of the last snapshot until it expires.
      if (error instanceof LanyardError && (error.status === 401 || error.status === 403 || error.status === 404)) {
        const before = this.#denial;
        this.#denial = { reason: "refused by the server", why: error.message };
        this.#tag = undefined;
        if (before === undefined) {
          this.#changed();
        }
      }
      throw error;
    }
  }

  #changed(): void {
    const status = this.status;
    for (const listener of this.#listeners) {
      listener(status);
    }
  }

  /** Follows changes until close: it waits for one, and has the snapshot renewed at half of its life. */
  async #follow(onError: (error: Error) => void): Promise<void> {
    let retry = firstRetry;
    while (!this.#stop.signal.aborted) {
      try {
        const { issued, expires } = this.#status;
        const now = this.#now();
        const half = issued && expires ? Math.max(0, (issued.getTime() + expires.getTime()) / 2 - now) : 0;
        const wait = Math.min(waitSeconds, Math.floor(half / 1000));
        if (wait < 1 || !this.status.ok) {
          await this.#fetch(0);
          if (!this.status.ok) {
            await pause(retry, this.#stop.signal);
            retry = Math.min(2 * retry, lastRetry);
            continue;
          }
        } else {
          await this.#fetch(wait, this.#tag);
        }
        retry = firstRetry;
      } catch (error) {
        if (this.#stop.signal.aborted) {
          return;
        }
        onError(error instanceof Error ? error : new Error(String(error)));
        await pause(retry * (0.5 + Math.random()), this.#stop.signal);
        retry = Math.min(2 * retry, lastRetry);
      }
    }
  }
}

/** A server that signs snapshots. */
class Source {
  readonly options: LoadOptions;
  #base: string;
  #fetch: typeof globalThis.fetch;
  #keys: Promise<KeySet> | undefined;

  constructor(options: LoadOptions) {
    this.options = options;
    this.#base = String(options.url).replace(/\/+$/, "");
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  }

  /** Asks for a snapshot; undefined when none but the one with the tag same came in so many seconds. */
  async snapshot(
    wait: number,
    same: string | undefined,
    stop: AbortSignal,
  ): Promise<{ snapshot: string; tag: string | undefined } | undefined> {
    const { instance, subject, lifetime, token } = this.options;
    const query = new URLSearchParams();
    if (subject !== undefined) {
      query.set("type", subject.type ?? "user");
      query.set("id", subject.id);
      if (subject.assisting !== undefined) {
        query.set("assisting", subject.assisting);
      }
    }
    if (instance !== undefined) {
      query.set("instance", instance);
    }
    if (lifetime !== undefined) {
      query.set("lifetime", String(lifetime));
    }
    if (wait > 0) {
      query.set("wait", String(wait));
    }
    const headers: Record<string, string> = {};
    if (token !== undefined) {
      headers["Authorization"] = `Bearer ${token}`;
    }
    if (same !== undefined) {
      headers["If-None-Match"] = same;
    }
    const response = await this.#get(`${snapshotPath}?${query}`, headers, wait, stop);
    if (response.status === 304) {
      return undefined;
    }
    return { snapshot: await readText(response), tag: response.headers.get("ETag") ?? undefined };
  }

  /** The server's keys, which are asked for once, and with again once more. */
  keys(again: boolean, stop: AbortSignal): Promise<KeySet> {
    if (again || this.#keys === undefined) {
      const keys = this.#get(keysPath, {}, 0, stop).then(readText).then(parseKeys);
      this.#keys = keys;
      keys.catch(() => {
        if (this.#keys === keys) {
          this.#keys = undefined;
        }
      });
    }
    return this.#keys;
  }

  async #get(path: string, headers: Record<string, string>, wait: number, stop: AbortSignal): Promise<Response> {
    const timeout = AbortSignal.timeout(wait * 1000 + answerTimeout);
    const url = this.#base + path;
    let response: Response;
    try {
      response = await this.#fetch(url, {
        headers,
        signal: AbortSignal.any([stop, timeout]),
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
    } catch (error) {
      throw new LanyardError(`${url} does not answer: ${String(error)}`, { cause: error });
    }
    if (!response.ok && response.status !== 304) {
      let message = await response.text().catch(() => "");
      try {
        message = String(JSON.parse(message));
      } catch {
        // It is not from lanyard.
      }
      throw new LanyardError(`${url} answered ${response.status}: ${message.slice(0, 500)}`, {
        status: response.status,
      });
    }
    return response;
  }
}

const maxAnswer = 4 << 20;

/** Returns the text of an answer, of which more than a snapshot can have is not read. */
async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      size += part.value.length;
      if (size > maxAnswer) {
        void reader?.cancel();
        throw new RangeError(`more than ${maxAnswer} bytes`);
      }
      text += decoder.decode(part.value, { stream: true });
    }
  } catch (error) {
    throw new LanyardError(`${response.url} does not answer in full: ${String(error)}`, { cause: error });
  }
  return text;
}

function parseKeys(text: string): KeySet {
  try {
    return JSON.parse(text) as KeySet;
  } catch (error) {
    throw new LanyardError(`the server does not answer with keys: ${String(error)}`, { cause: error });
  }
}

/** Waits, or not any more once stop is aborted. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    unref(timer);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Has a timer not keep a Node.js process alive. */
function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}
