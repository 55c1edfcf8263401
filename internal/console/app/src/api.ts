// All requests to the server go through here. docs/console-api.md describes them.
import { onlineManager } from "@tanstack/react-query";
import type {
  AgentsAnswer,
  BlockersAnswer,
  Catalogue,
  ErrorAnswer,
  ErrorBody,
  ExportAnswer,
  FindingsAnswer,
  HeatAnswer,
  HistoryAnswer,
  MirrorAnswer,
  Named,
  OverviewAnswer,
  ProfileAnswer,
  ProfilesAnswer,
  Session,
  SessionAnswer,
  StateAnswer,
  UsersAnswer,
  VisibilityAnswer,
} from "./answers_gen";
import type { Operations } from "./operations";
import type { Actions, Allowed, Effective, Effects, Evaluation, Granted, Holders, WhoCan } from "./questions_gen";

/** What the endpoints that read answer, by their paths. */
interface Reads {
  profile: ProfileAnswer;
  profiles: ProfilesAnswer;
  users: UsersAnswer;
  agents: AgentsAnswer;
  history: HistoryAnswer;
  "history/state": StateAnswer;
  "history/export": ExportAnswer;
  overview: OverviewAnswer;
  findings: FindingsAnswer;
  heat: HeatAnswer;
  mirror: MirrorAnswer;
  visibility: VisibilityAnswer;
  blockers: BlockersAnswer;
}

export type Read = keyof Reads;
export type ReadAnswer<R extends Read> = Reads[R];

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    readonly answer: Partial<ErrorAnswer> = {},
  ) {
    super(body.Message);
  }
  get offline() {
    return this.status === 0;
  }
}

/** The profiles that allow it, with their names, and how many more there are. */
export function grantedBy(of: Allowed, names: Record<string, string>): { profiles: Named[]; more: number } {
  const ids = of.properties.profiles;
  return { profiles: ids.map((Id) => ({ Id, Name: names[Id] ?? "" })), more: Math.max(0, of.properties.profile_count - ids.length) };
}

export interface Answer<T> {
  data: T;
  headers: Headers;
}

/** What the questions answer, by their names. */
interface Questions {
  evaluation: Evaluation;
  effective: Effective;
  "who-can": WhoCan;
  actions: Actions;
  holders: Holders;
  "what-if": Effects;
}

let csrf = "";
let operator = false;

/** Called when the session ends while the page is open. Resolves when the user has signed in again. */
let whenOver: (error: ApiError) => Promise<void> = (e) => Promise.reject(e);

export function listen(over: typeof whenOver) {
  whenOver = over;
}

const seenKey = "lanyard.seen";
let seenHere = Date.now();

/** When the server last answered this user, in any tab. The session is idle from then on. */
export function seen(): number {
  try {
    return Math.max(seenHere, Number(localStorage.getItem(seenKey) ?? 0));
  } catch {
    return seenHere;
  }
}

function see() {
  const now = Date.now();
  if (now - seenHere < 500) return;
  seenHere = now;
  try {
    localStorage.setItem(seenKey, String(now));
  } catch {
    // Without storage each tab counts by itself.
  }
}

/** Ends the session and ignores any error, for a page that locks itself. */
export async function end(): Promise<void> {
  await send("sign-out", {}, {}).catch(() => {});
}

async function raw<T>(path: string, init: RequestInit): Promise<Answer<T>> {
  let response: Response;
  try {
    response = await fetch(`console/api/${path}`, { ...init, credentials: "same-origin" });
  } catch (e) {
    if (init.signal?.aborted) throw e;
    onlineManager.setOnline(false);
    throw new ApiError(0, { Code: "Offline", Message: String(e) });
  }
  let data;
  try {
    data = await response.json();
  } catch (e) {
    if (init.signal?.aborted) throw e;
    // A body that is not JSON did not come from lanyard but from something in between.
    onlineManager.setOnline(false);
    throw new ApiError(0, { Code: "Offline", Message: `${response.status} ${response.statusText}` });
  }
  onlineManager.setOnline(true);
  if (!response.ok) {
    const answer: Partial<ErrorAnswer> = data;
    throw new ApiError(response.status, answer.Error ?? { Code: "Unknown", Message: response.statusText }, answer);
  }
  see();
  return { data, headers: response.headers };
}

function take(answer: SessionAnswer) {
  csrf = answer.Csrf;
  operator = answer.Session.Kind === "operator";
  return answer.Session;
}

export async function session(): Promise<Session> {
  return take((await raw<SessionAnswer>("session", { method: "GET" })).data);
}

export async function signIn(body: Record<string, string>): Promise<Session> {
  return take((await send<SessionAnswer>("sign-in", body, {})).data);
}

interface Options {
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

function send<T>(path: string, body: unknown, { signal, headers }: Options) {
  return raw<T>(path, { method: "POST", signal, body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-Lanyard-Csrf": csrf, ...headers } });
}

async function guarded<T>(path: string, body: unknown, options: Options, again: boolean): Promise<Answer<T>> {
  try {
    return await send<T>(path, body, options);
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    if (e.body.Code === "CsrfMismatch") {
      await session(); // the token went with an older session of the same browser
      return send<T>(path, body, options);
    }
    if (e.body.Code === "NotSignedIn") {
      const back = whenOver(e);
      // Reads continue by themselves; changes are for the user to repeat.
      if (!again) {
        back.catch(() => {});
        throw e;
      }
      await back;
      return send<T>(path, body, options);
    }
    throw e;
  }
}

/** The search text, cut to what a search accepts. */
export const searchable = (text: string) => ({ ...(text.trim() ? { Search: text.trim().slice(0, 25) } : {}) });

/** Reads from one of the console's own endpoints. */
export async function read<R extends Read>(instance: string, path: R, body: object = {}, signal?: AbortSignal): Promise<Reads[R]> {
  return (await guarded<Reads[R]>(path, { InstanceId: instance, ...body }, { signal }, true)).data;
}

/** Asks the decision engine a question. */
export async function ask<Q extends keyof Questions>(instance: string, question: Q, body: object, signal?: AbortSignal): Promise<Questions[Q]> {
  const query = operator ? `?InstanceId=${encodeURIComponent(instance)}` : "";
  return (await guarded<Questions[Q]>(`ask/${question}${query}`, body, { signal }, true)).data;
}

/** Everything that a subject can do; only AI agents with very many rights take more than one page. */
export async function effective(instance: string, subject: { type: string; id: string }, signal?: AbortSignal): Promise<Granted[]> {
  const all: Granted[] = [];
  for (let token = ""; ; ) {
    const answer = await ask(instance, "effective", { subject, ...(token ? { page: { token } } : {}) }, signal);
    all.push(...answer.results);
    token = answer.page.next_token;
    if (!token) return all;
  }
}

type Input<O extends keyof Operations> = Operations[O][0];
type Output<O extends keyof Operations> = Operations[O][1];

/** Runs an operation of the API that only reads. */
export async function look<O extends keyof Operations>(operation: O, input: Input<O>, signal?: AbortSignal): Promise<Output<O>> {
  return (await guarded<Output<O>>(`call/${operation}`, input, { signal }, true)).data;
}

/** The same, with the entity tag of what was read. */
export async function lookTagged<O extends keyof Operations>(operation: O, input: Input<O>, signal?: AbortSignal): Promise<{ data: Output<O>; etag: string }> {
  const { data, headers } = await guarded<Output<O>>(`call/${operation}`, input, { signal }, true);
  return { data, etag: headers.get("ETag") ?? "" };
}

/** Runs an operation of the API that changes something. */
export function call<O extends keyof Operations>(operation: O, input: Input<O>, headers?: Record<string, string>): Promise<Answer<Output<O>>> {
  return guarded<Output<O>>(`call/${operation}`, input, { headers }, false);
}

/** Ends sessions or changes the password of the signed-in user. */
export async function own(path: "sign-out" | "sign-out-everywhere" | "password", body: object = {}): Promise<void> {
  await guarded(path, body, {}, false);
}

export async function catalogue(): Promise<Catalogue> {
  return (await raw<Catalogue>("catalogue", { method: "GET" })).data;
}
