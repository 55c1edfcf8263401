// The one way to the server. docs/console-api.md is what it speaks.
import { onlineManager } from "@tanstack/react-query";
import type { Profile, Tags } from "./profile";

export interface ErrorBody {
  Code: string;
  Message: string;
  Permission?: string;
  Members?: string[];
  RequestId?: string;
  Reason?: string;
  RetryAfter?: number;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    readonly answer: Record<string, unknown> = {},
  ) {
    super(body.Message);
  }
  get offline() {
    return this.status === 0;
  }
}

export interface Named {
  Id: string;
  Name: string;
}

export interface By extends Named {
  Kind: "user" | "operator" | "key" | "unknown";
}

export interface Session {
  Kind: "user" | "operator";
  Instance?: { Id: string; Arn: string; Alias: string };
  User?: { Id: string; Username: string; FirstName: string; LastName: string };
  Permissions?: string[];
  Method: string;
  Expires: string;
  IdleExpires: string;
  Idle: number;
}

export interface SignIn {
  InstanceNeeded: boolean;
  OIDC: { Label: string; Path: string } | null;
}

export interface ProfileAnswer {
  Profile: Profile;
  ETag: string;
  Revision: number;
  Holders: number;
  /** What the profile holds that does not work as it may be meant. */
  Warnings: string[];
  LastModified: Modified | null;
}

export interface Modified {
  Time: string;
  By: By | null;
  Revision: number;
}

export interface ProfileRow extends Named {
  Arn: string;
  Description: string;
  Tags: Tags;
  Holders: number;
  Permissions: number;
  Sensitive: number;
  TagRestricted: boolean;
  HierarchyRestricted: boolean;
  LastModified: Modified | null;
}

export interface UserRow {
  Id: string;
  Arn: string;
  Username: string;
  FirstName: string;
  LastName: string;
  Tags: Tags;
  SecurityProfiles: Named[];
  HierarchyGroup: (Named & { Path: string[] }) | null;
}

export interface AgentRow {
  Arn: string;
  SecurityProfiles: Named[];
}

export interface FieldChange {
  Field: string;
  Before: unknown;
  After: unknown;
  Added?: string[];
  Removed?: string[];
}

export interface Change {
  Type: string;
  Id: string;
  Name: string;
  Action: string;
  Fields: FieldChange[];
}

export interface HistoryEvent {
  Revision: number;
  Id: string;
  Time: string;
  Operation: string;
  By: By;
  Refused: string;
  From: { SourceIP: string; UserAgent: string; Console: boolean };
  Changes: Change[];
  ChangesTotal: number;
}

export interface Grant {
  profile: string;
  name: string;
  conditions: string[];
}

export interface Effective {
  action: string;
  resource?: { type: string; id: string };
  grants: Grant[];
}

export interface Subject {
  type: string;
  id: string;
  properties?: Record<string, string>;
}

/** Somebody who can, and every profile by which, of those that the viewer may see. */
export interface Grantee {
  type: string;
  id: string;
  properties?: { name?: string; profiles?: string[]; profile_count?: number };
}

export interface WhoCan {
  page: { next_token: string; count: number };
  /** The names of the profiles. */
  context?: { profiles: Record<string, string> };
  results: Grantee[];
}

/** The profiles by which somebody can, with their names, and how many there are besides. */
export function grantedBy(of: Grantee, names: Record<string, string>): { profiles: Named[]; more: number } {
  const ids = of.properties?.profiles ?? [];
  return { profiles: ids.map((Id) => ({ Id, Name: names[Id] ?? "" })), more: Math.max(0, (of.properties?.profile_count ?? 0) - ids.length) };
}

export interface WhatIf {
  page: { next_token: string; count: number };
  revision: number;
  affected: number;
  gaining: number;
  losing: number;
  /** Profiles of the user, now or then, that the viewer may not see: the comparison leaves them out. */
  hidden?: number;
  results: (Subject & { difference: number })[];
  differences: {
    gains: Effective[];
    loses: Effective[];
    changes: (Omit<Effective, "grants"> & { more: boolean; less: boolean; before: Grant[]; after: Grant[] })[];
  }[];
}

export interface Finding {
  profile: string;
  name: string;
  holder: string;
  grants: boolean;
  allows: boolean;
  failed?: { kind: string; want: string; have?: string }[];
}

export interface Evaluation {
  decision: boolean;
  context: { reason: string; profile?: string; revision: number; explanation?: string; profiles?: Finding[]; hints?: string[] };
}

export interface Answer<T> {
  data: T;
  headers: Headers;
}

let csrf = "";
let operator = false;

/** Called when the session is over under an open page. Resolves when somebody has signed in again. */
let whenOver: (error: ApiError) => Promise<void> = (e) => Promise.reject(e);

export function listen(over: typeof whenOver) {
  whenOver = over;
}

const seenKey = "lanyard.seen";
let seenHere = Date.now();

/** When the server last answered whoever is signed in, in any tab: from then on the session counts as unused. */
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
    // Then each tab counts for itself.
  }
}

/** Ends the session, whatever comes of it: for a page that locks itself. */
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
  let data: Record<string, unknown> = {};
  try {
    data = (await response.json()) as Record<string, unknown>;
  } catch (e) {
    if (init.signal?.aborted) throw e;
    // What is not JSON did not come from lanyard: something between us answers in its place.
    onlineManager.setOnline(false);
    throw new ApiError(0, { Code: "Offline", Message: `${response.status} ${response.statusText}` });
  }
  onlineManager.setOnline(true);
  if (!response.ok) {
    const body = (data.Error as ErrorBody | undefined) ?? { Code: "Unknown", Message: response.statusText };
    throw new ApiError(response.status, body, data);
  }
  see();
  return { data: data as T, headers: response.headers };
}

export interface SessionAnswer {
  Session: Session;
  Csrf: string;
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
      // What only reads goes on by itself; what changes something is for the person to do again.
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

/** As much of a text as a search takes. */
export const searchable = (text: string) => ({ ...(text.trim() ? { Search: text.trim().slice(0, 25) } : {}) });

/** Reads, for the instance. */
export async function read<T>(instance: string, path: string, body: object = {}, signal?: AbortSignal): Promise<T> {
  return (await guarded<T>(path, { InstanceId: instance, ...body }, { signal }, true)).data;
}

/** Asks a question of the decision engine, for the instance. */
export async function ask<T>(instance: string, question: string, body: object, signal?: AbortSignal): Promise<T> {
  const query = operator ? `?InstanceId=${encodeURIComponent(instance)}` : "";
  return (await guarded<T>(`ask/${question}${query}`, body, { signal }, true)).data;
}

/** Everything that a subject can do; only that of AI agents with very many rights takes more than one page. */
export async function effective(instance: string, subject: { type: string; id: string }, signal?: AbortSignal): Promise<Effective[]> {
  const all: Effective[] = [];
  for (let token = ""; ; ) {
    const answer = await ask<{ page: { next_token: string }; results: Effective[] }>(instance, "effective", { subject, ...(token ? { page: { token } } : {}) }, signal);
    all.push(...answer.results);
    token = answer.page.next_token;
    if (!token) return all;
  }
}

/** Runs an operation of the API that only reads. */
export async function look<T>(operation: string, input: object, signal?: AbortSignal): Promise<T> {
  return (await guarded<T>(`call/${operation}`, input, { signal }, true)).data;
}

/** The same, with the entity tag of what was read. */
export async function lookTagged<T>(operation: string, input: object, signal?: AbortSignal): Promise<{ data: T; etag: string }> {
  const { data, headers } = await guarded<T>(`call/${operation}`, input, { signal }, true);
  return { data, etag: headers.get("ETag") ?? "" };
}

/** Runs an operation of the API that changes something. */
export function call<T>(operation: string, input: object, headers?: Record<string, string>): Promise<Answer<T>> {
  return guarded<T>(`call/${operation}`, input, { headers }, false);
}

/** What is about the session itself. */
export async function own(path: "sign-out" | "sign-out-everywhere" | "password", body: object = {}): Promise<void> {
  await guarded(path, body, {}, false);
}

export async function catalogue<T>(): Promise<T> {
  return (await raw<T>("catalogue", { method: "GET" })).data;
}
