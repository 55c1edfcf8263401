// Unsaved input, kept in this browser tab: a reload, a lost session or a visit to another page does not lose
// it. Passwords and keys are never kept.
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Session } from "./answers_gen";
import { useInstance, useShared } from "./state";

export interface Kept {
  /** When it was last edited. */
  time: string;
  /** What it is a draft of, and its page. */
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
      // A restored draft keeps its time.
      const { time, title, page, ...same } = (kept(key) ?? {}) as Kept;
      if (JSON.stringify(same) === JSON.stringify(draft)) return;
      sessionStorage.setItem(key, JSON.stringify({ ...draft, ...about, time: new Date().toISOString() }));
    }
    tell();
  } catch {
    // Storage may be full or disabled; the page itself still has everything.
  }
}

function kept(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** Returns the draft of a form as of when the page opened, and a function that keeps or drops it. */
export function useDraft<T extends object>(form: string, title: string): { kept: (T & Kept) | null; keep: (draft: T | null) => void } {
  const instance = useInstance();
  const { session } = useShared();
  const key = keyOf(session, instance, form);
  return {
    kept: useMemo(() => kept(key) as (T & Kept) | null, [key]),
    keep: useCallback((draft) => keep(key, draft, { title, page: location.hash.split("?tab=")[0] }), [key, title]),
  };
}

/** The signed-in user's drafts in an instance, newest first. */
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

/** The same, kept up to date. */
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
    // Without storage nothing was kept.
  }
  tell();
}

/** Drops all drafts, when the user signs out. */
export function dropDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix)) sessionStorage.removeItem(key);
  } catch {
    // Without storage nothing was kept.
  }
  tell();
}
