// What all pages share: who is signed in, whether the server answers, messages, the catalogue.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from "react";
import { useBlocker, useParams } from "react-router";
import type { Session } from "./answers_gen";
import type { Catalogue } from "./answers_gen";

export interface Shared {
  session: Session;
  catalogue: Catalogue;
  notify: (message: Message) => void;
  setUnsaved: (unsaved: boolean) => void;
  /** What the user may do is asked again: it may have been their own profile. */
  refresh: () => void;
  signOut: (everywhere: boolean) => Promise<void>;
}

export interface Message {
  type: "success" | "error" | "info" | "warning";
  header: string;
  content?: ReactNode;
}

/** The alias of the instance that the page is about, to tell contact centres apart. */
export const AliasContext = createContext("");

export const SharedContext = createContext<Shared | null>(null);

export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (!shared) throw new Error("outside of the session");
  return shared;
}

/** Whether the user's profiles grant the permission on anything at all: to grey out, never to decide. */
export function useCan() {
  const { session } = useShared();
  return useCallback((permission: string) => session.Kind === "operator" || (session.Permissions ?? []).includes(permission), [session]);
}

export function useInstance(): string {
  return useParams().instance ?? "";
}

/** A value that follows another when that has been still for a moment. */
export function useStill<T>(value: T, ms = 250): T {
  const [still, setStill] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setStill(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return still;
}

/** Keeps a page with unsaved changes from being left unasked. Answers the blocked step, if one waits. */
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

/** A setting that this browser keeps. */
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
        // A browser that keeps nothing is no reason to fail.
      }
    },
    [key],
  );
  return [value, keep];
}
