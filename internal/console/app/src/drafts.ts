// What somebody typed and did not save, kept for this tab of the browser: a reload, a lost session or a
// step to elsewhere and back does not lose it. Passwords and keys are never handed to this.
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Session } from "./answers_gen";
import { useInstance, useShared } from "./state";

export interface Kept {
  /** When it was typed. */
  time: string;
  /** What it is a draft of, and the page that has it. */
  title?: string;
  page?: string;
}

/** A draft in the list of them. */
export interface Listed extends Required<Kept> {
  key: string;
}

const prefix = "lanyard.draft.";
const keyOf = (session: Session, instance: string, form: string) => `${prefix}${session.User?.Id ?? "operator"}.${instance}.${form}`;

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((f) => f());

function keep(key: string, draft: object | null, about: { title: string; page: string }) {
  try {
    if (!draft) {
      if (sessionStorage.getItem(key) === null) return;
      sessionStorage.removeItem(key);
    } else {
      // What only came back was not typed just now.
      const { time, title, page, ...same } = (kept(key) ?? {}) as Kept;
      if (JSON.stringify(same) === JSON.stringify(draft)) return;
      sessionStorage.setItem(key, JSON.stringify({ ...draft, ...about, time: new Date().toISOString() }));
    }
    tell();
  } catch {
    // Storage may be full or forbidden; the page itself still has it all.
  }
}

function kept(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** The draft of one form, as it was when the page came up, and the way to keep another, or none. */
export function useDraft<T extends object>(form: string, title: string): { kept: (T & Kept) | null; keep: (draft: T | null) => void } {
  const instance = useInstance();
  const { session } = useShared();
  const key = keyOf(session, instance, form);
  return {
    kept: useMemo(() => kept(key) as (T & Kept) | null, [key]),
    keep: useCallback((draft) => keep(key, draft, { title, page: location.hash.split("?tab=")[0] }), [key, title]),
  };
}

/** The drafts of whoever is signed in, in one instance, newest first. */
export function drafts(session: Session, instance: string): Listed[] {
  try {
    return Object.keys(sessionStorage)
      .filter((key) => key.startsWith(keyOf(session, instance, "")))
      .map((key) => ({ title: "", page: "", time: "", ...(kept(key) as Kept | null), key }))
      .filter((d) => d.title && d.page)
      .sort((a, b) => b.time.localeCompare(a.time));
  } catch {
    return [];
  }
}

/** The same, as they change. */
export function useDrafts(instance: string): Listed[] {
  const { session } = useShared();
  const now = useSyncExternalStore(
    (f) => {
      listeners.add(f);
      return () => listeners.delete(f);
    },
    () => JSON.stringify(drafts(session, instance).map(({ key, title, page, time }) => ({ key, title, page, time }))),
  );
  return useMemo(() => JSON.parse(now) as Listed[], [now]);
}

export function dropDraft(key: string) {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Then nothing was kept either.
  }
  tell();
}

/** Whoever signs out leaves nothing behind. */
export function dropDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix)) sessionStorage.removeItem(key);
  } catch {
    // Then nothing was kept either.
  }
  tell();
}
