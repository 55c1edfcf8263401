// What all pages share: the session, the catalogue, messages, unsaved changes.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from "react";
import { useBlocker, useParams } from "react-router";
import type { Session } from "./answers_gen";
import type { Catalogue } from "./answers_gen";

export interface Shared {
  session: Session;
  catalogue: Catalogue;
  notify: (message: Message) => void;
  setUnsaved: (unsaved: boolean) => void;
  /** Loads the session again, because a change may affect what the user can do. */
  refresh: () => void;
  signOut: (everywhere: boolean) => Promise<void>;
}

export interface Message {
  type: "success" | "error" | "info" | "warning";
  header: string;
  content?: ReactNode;
}

/** The alias of the page's instance. */
export const AliasContext = createContext("");

export const SharedContext = createContext<Shared | null>(null);

export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (!shared) throw new Error("outside of the session");
  return shared;
}

/** Reports whether any of the user's profiles grants the permission. It disables controls; the server decides. */
export function useCan() {
  const { session } = useShared();
  return useCallback((permission: string) => session.Kind === "operator" || (session.Permissions ?? []).includes(permission), [session]);
}

export function useInstance(): string {
  return useParams().instance ?? "";
}

/** Debounces a value. */
export function useStill<T>(value: T, ms = 250): T {
  const [still, setStill] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setStill(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return still;
}

/** Blocks navigation away from unsaved changes. Returns the blocker. */
export function useUnsaved(unsaved: boolean) {
  const { setUnsaved } = useShared();
  useEffect(() => {
    setUnsaved(unsaved);
    return () => setUnsaved(false);
  }, [unsaved, setUnsaved]);
  useEffect(() => {
    if (!unsaved) return;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [unsaved]);
  const latest = useRef(unsaved);
  latest.current = unsaved;
  return useBlocker(({ currentLocation, nextLocation }) => latest.current && currentLocation.pathname !== nextLocation.pathname);
}

/** A setting that is kept in this browser. */
export function useKept<T>(key: string, initial: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => {
    try {
      const kept = localStorage.getItem(`lanyard.${key}`);
      return kept === null ? initial : (JSON.parse(kept) as T);
    } catch {
      return initial;
    }
  });
  const keep = useCallback(
    (v: T) => {
      setValue(v);
      try {
        localStorage.setItem(`lanyard.${key}`, JSON.stringify(v));
      } catch {
        // Without storage the setting lasts as long as the page.
      }
    },
    [key],
  );
  return [value, keep];
}
