// What somebody typed and did not save, kept for this tab of the browser: a reload, a lost session or a
// step to elsewhere and back does not lose it. Passwords and keys are never handed to this.
import { useCallback, useMemo } from "react";
import { useInstance, useShared } from "./state";

export interface Kept {
  /** When it was typed. */
  time: string;
}

const prefix = "lanyard.draft.";

function keep(key: string, draft: object | null) {
  try {
    if (!draft) return sessionStorage.removeItem(key);
    // What only came back was not typed just now.
    const { time, ...same } = (kept(key) ?? {}) as Kept;
    if (JSON.stringify(same) !== JSON.stringify(draft)) sessionStorage.setItem(key, JSON.stringify({ ...draft, time: new Date().toISOString() }));
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
export function useDraft<T extends object>(form: string): { kept: (T & Kept) | null; keep: (draft: T | null) => void } {
  const instance = useInstance();
  const { session } = useShared();
  const key = `${prefix}${session.User?.Id ?? "operator"}.${instance}.${form}`;
  return {
    kept: useMemo(() => kept(key) as (T & Kept) | null, [key]),
    keep: useCallback((draft) => keep(key, draft), [key]),
  };
}

/** Whoever signs out leaves nothing behind. */
export function dropDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix)) sessionStorage.removeItem(key);
  } catch {
    // Then nothing was kept either.
  }
}
