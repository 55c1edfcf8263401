// The decision engine: the WebAssembly module, what it needs of its host, and questions as it reads them. It is the
// server's own engine; nothing is decided here.

/** Where the module comes from: its bytes, what fetches them, or a module that was compiled already. */
export type WasmSource = WebAssembly.Module | BufferSource | Response | URL | string;

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  lanyard_buffer(size: number): number;
  lanyard_output(): number;
  lanyard_length(): number;
  lanyard_load(size: number): number;
  lanyard_decide(handle: number, size: number, now: number): number;
  lanyard_explain(handle: number, size: number, now: number): number;
  lanyard_free(handle: number): void;
  lanyard_reasons(): void;
}

/** What an engine makes of a snapshot. */
export interface Loaded {
  ok: boolean;
  reason?: string;
  why?: string;
  instance?: string;
  subject?: { type: "user" | "ai_agent"; id: string; assisting?: string };
  revision?: number;
  issued?: number;
  expires?: number;
  key?: string;
  profiles?: string[];
}

export interface Code {
  reason: string;
  why: string;
}

/** A question as Decider.decide takes it. */
export interface EngineQuestion {
  action: string;
  resource?: {
    type?: string;
    id?: string;
    new?: boolean;
    tags?: Readonly<Record<string, string>>;
    group?: string | readonly string[];
    attributes?: Readonly<Record<string, string>>;
    channel?: string;
  };
  surface?: "admin" | "reports";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const emptyResource: NonNullable<EngineQuestion["resource"]> = {};
const none = new Uint8Array(0);
const maxQuestion = 256 * 1024;

// Flags of a question.
const isNew = 1;
const hasTags = 2;
const hasAttributes = 4;
const isReports = 8;

export class Engine {
  /** The reasons of decisions, by their numbers. */
  readonly codes: readonly Code[];
  /** Why the module failed. It decides nothing any more then. */
  failure: Error | undefined;

  #exports: Exports;
  #bytes = none; // the memory where questions are written
  #end = 0; // of what is written

  constructor(exports: Exports) {
    this.#exports = exports;
    exports._initialize();
    exports.lanyard_reasons();
    this.codes = JSON.parse(this.#output()) as Code[];
  }

  /** Returns the engine of a source, which all that decide share, or another when that has failed. */
  static async of(source: WasmSource | undefined): Promise<Engine> {
    const from = source ?? defaultSource;
    const key = typeof from === "object" && !(from instanceof URL) ? from : String(from);
    const running = engines.get(key);
    if (running !== undefined && (await running.catch(() => undefined))?.failure === undefined) {
      return running;
    }
    const started = Engine.#start(from);
    engines.set(key, started);
    started.catch(() => engines.delete(key));
    return started;
  }

  static async #start(source: WasmSource): Promise<Engine> {
    const module = await compile(source);
    const host = new Host();
    const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: host.imports() });
    const exports = instance.exports as unknown as Exports;
    host.memory = exports.memory;
    return new Engine(exports);
  }

  /** Holds a snapshot; the number is for decide and explain. */
  load(request: object): { handle: number; loaded: Loaded } {
    return this.#guard(() => {
      const text = encoder.encode(JSON.stringify(request));
      this.#bytes = none; // the module takes another buffer, for the snapshot and then again for questions
      const at = this.#exports.lanyard_buffer(text.length);
      if (at === 0) {
        throw new RangeError("the subject snapshot is too large");
      }
      new Uint8Array(this.#exports.memory.buffer).set(text, at);
      const handle = this.#exports.lanyard_load(text.length);
      return { handle, loaded: JSON.parse(this.#output()) as Loaded };
    });
  }

  /** Drops a snapshot. */
  free(handle: number): void {
    if (this.failure === undefined) {
      this.#guard(() => this.#exports.lanyard_free(handle));
    }
  }

  /** Decides; the number is described at subject.Host in the source of lanyard. */
  decide(handle: number, question: EngineQuestion, now: number): number {
    return this.#guard(() => {
      const code = this.#exports.lanyard_decide(handle, this.#write(question), now);
      if (code < 0) {
        throw new TypeError("the question cannot be read");
      }
      return code;
    });
  }

  /** Explains, in JSON. */
  explain(handle: number, question: EngineQuestion, now: number): string {
    return this.#guard(() => {
      if (this.#exports.lanyard_explain(handle, this.#write(question), now) === 0) {
        throw new TypeError("the question cannot be read");
      }
      return this.#output();
    });
  }

  /** Has a trap of the module make it unusable: what it holds may be half changed. */
  #guard<T>(run: () => T): T {
    if (this.failure !== undefined) {
      throw this.failure;
    }
    try {
      return run();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof Exited) {
        this.failure = new Error(`the decision engine failed: ${error.message}`, { cause: error });
        throw this.failure;
      }
      throw error;
    }
  }

  #output(): string {
    const at = this.#exports.lanyard_output();
    return decoder.decode(new Uint8Array(this.#exports.memory.buffer, at, this.#exports.lanyard_length()));
  }

  /** Writes a question to where the module reads it, and returns its size. */
  #write(q: EngineQuestion): number {
    const r = q.resource ?? emptyResource;
    this.#end = 0;
    this.#room(4096);
    this.#end = 1;
    this.#bytes[0] =
      (r.new === true ? isNew : 0) |
      (r.tags != null ? hasTags : 0) |
      (r.attributes != null ? hasAttributes : 0) |
      (q.surface === "reports" ? isReports : 0);
    if (q.surface !== undefined && q.surface !== "admin" && q.surface !== "reports") {
      throw new TypeError(`surface must be admin or reports, got ${JSON.stringify(q.surface)}`);
    }
    this.#text("action", q.action);
    this.#text("resource.type", r.type ?? "");
    this.#text("resource.id", r.id ?? "");
    this.#text("resource.group", Array.isArray(r.group) ? r.group.join("/") : ((r.group as string | undefined) ?? ""));
    this.#text("resource.channel", r.channel ?? "");
    if (r.tags != null) {
      this.#pairs("resource.tags", r.tags);
    }
    if (r.attributes != null) {
      this.#pairs("resource.attributes", r.attributes);
    }
    return this.#end;
  }

  /** Makes sure that there is room for so many bytes at the end of what is written. */
  #room(more: number): void {
    if (this.#end + more <= this.#bytes.length) {
      return; // the memory of the module is another buffer after it has grown, and then the length is 0
    }
    const written = this.#end === 0 ? none : this.#bytes.slice(0, this.#end);
    const size = Math.max(8192, 2 * (this.#end + more));
    if (size > 2 * maxQuestion) {
      throw new RangeError(`a question must be at most ${maxQuestion} bytes`);
    }
    const at = this.#exports.lanyard_buffer(size);
    this.#bytes = new Uint8Array(this.#exports.memory.buffer, at, size);
    this.#bytes.set(written);
  }

  #number(n: number): void {
    for (; n > 127; n >>>= 7) {
      this.#bytes[this.#end++] = (n & 127) | 128;
    }
    this.#bytes[this.#end++] = n;
  }

  #text(member: string, value: string): void {
    if (typeof value !== "string") {
      throw new TypeError(`${member} must be a string, got ${JSON.stringify(value) ?? typeof value}`);
    }
    const length = value.length;
    this.#room(3 * length + 5);
    const bytes = this.#bytes;
    if (length < 128) {
      // Nearly every text is short and of ASCII.
      const begin = this.#end;
      bytes[begin] = length;
      let i = 0;
      for (; i < length; i++) {
        const c = value.charCodeAt(i);
        if (c > 127) {
          break;
        }
        bytes[begin + 1 + i] = c;
      }
      if (i === length) {
        this.#end = begin + 1 + length;
        return;
      }
    }
    const encoded = encoder.encode(value);
    this.#number(encoded.length);
    bytes.set(encoded, this.#end);
    this.#end += encoded.length;
  }

  #pairs(member: string, pairs: Readonly<Record<string, string>>): void {
    const names = Object.keys(pairs);
    this.#room(5);
    this.#number(names.length);
    for (const name of names) {
      this.#text(member, name);
      this.#text(member, pairs[name] as string);
    }
  }
}

const defaultSource = new URL("./lanyard.wasm", import.meta.url);

/** The engines, by where their modules come from. */
const engines = new Map<unknown, Promise<Engine>>();

function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) {
    return Promise.resolve(source);
  }
  if (source instanceof URL || typeof source === "string") {
    return compileFrom(String(source));
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return WebAssembly.compile(source);
  }
  return source.arrayBuffer().then((b) => WebAssembly.compile(b));
}

async function compileFrom(url: string): Promise<WebAssembly.Module> {
  if (url.startsWith("file:")) {
    const fs = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:fs/promises");
    return WebAssembly.compile(await fs.readFile(new URL(url)));
  }
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`cannot load the decision engine from ${url}: status ${response.status}`);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/** The module ended itself. */
class Exited extends Error {}

const success = 0;
const badFile = 8;

/** What the module uses of WASI: a clock, random numbers, and standard error for what it says when it fails. */
class Host {
  memory: WebAssembly.Memory | undefined;

  imports(): Record<string, (...args: never[]) => number> {
    const view = () => new DataView((this.memory as WebAssembly.Memory).buffer);
    const none = (count: number, size: number) => {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return success;
    };
    return {
      sched_yield: () => success,
      proc_exit: (code: number) => {
        throw new Exited(`exit code ${code}`);
      },
      args_sizes_get: none,
      args_get: () => success,
      environ_sizes_get: none,
      environ_get: () => success,
      clock_time_get: (clock: number, _precision: bigint, at: number) => {
        const ms = clock === 0 ? Date.now() : performance.now();
        view().setBigUint64(at, BigInt(Math.round(ms * 1e6)), true);
        return success;
      },
      random_get: (at: number, size: number) => {
        for (let done = 0; done < size; done += 65536) {
          const part = new Uint8Array(Math.min(65536, size - done));
          crypto.getRandomValues(part);
          new Uint8Array((this.memory as WebAssembly.Memory).buffer).set(part, at + done);
        }
        return success;
      },
      fd_write: (file: number, parts: number, count: number, written: number) => {
        const v = view();
        let text = "";
        let size = 0;
        for (let i = 0; i < count; i++) {
          const length = v.getUint32(parts + 8 * i + 4, true);
          text += decoder.decode(new Uint8Array(v.buffer, v.getUint32(parts + 8 * i, true), length));
          size += length;
        }
        v.setUint32(written, size, true);
        if (file === 2) {
          console.error(text.replace(/\n$/, ""));
        }
        return success;
      },
      poll_oneoff: (subscriptions: number, events: number, count: number, done: number) => {
        const v = view(); // all that the module waits for is time, and it has none to lose
        for (let i = 0; i < count; i++) {
          v.setBigUint64(events + 32 * i, v.getBigUint64(subscriptions + 48 * i, true), true);
          v.setUint32(events + 32 * i + 8, v.getUint8(subscriptions + 48 * i + 8) << 16, true);
        }
        v.setUint32(done, count, true);
        return success;
      },
      fd_close: () => badFile,
      fd_read: () => badFile,
      fd_fdstat_get: () => badFile,
      fd_fdstat_set_flags: () => badFile,
      fd_prestat_get: () => badFile,
      fd_prestat_dir_name: () => badFile,
    } as Record<string, (...args: never[]) => number>;
  }
}
