// What all pages share: who is signed in, whether the server answers, messages, the catalogue.
import { createContext, type DependencyList, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from "react";
import { useBlocker, useParams } from "react-router";
import { ApiError, type Session } from "./api";
import type { Catalogue } from "./catalogue";

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

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

// Raised when the server answers again: whatever could not be loaded is then loaded.
const back = new Set<() => void>();
export const serverIsBack = () => back.forEach((f) => f());

/** Loads when the dependencies change; what was there stays until the new is, so that pages do not flicker. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: DependencyList): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: ApiError; loading: boolean }>({ loading: true });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    setState((s) => ({ ...s, loading: true }));
    load(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ data, loading: false }),
      (e) => {
        if (abort.signal.aborted) return;
        if (!(e instanceof ApiError)) console.error(e);
        setState((s) => ({ ...s, loading: false, error: e instanceof ApiError ? e : new ApiError(-1, { Code: "Console", Message: String(e) }) }));
      },
    );
    return () => abort.abort();
    // The caller names the dependencies of its own function.
  }, [...deps, round]);
  const offline = state.error?.offline;
  useEffect(() => {
    if (!offline) return;
    back.add(reload);
    return () => void back.delete(reload);
  }, [offline, reload]);
  return { data: state.data, error: state.error, loading: state.loading, reload };
}

/** Keeps what was asked for by its key, so that showing one page more asks for that page alone. */
export function useRemembered() {
  const instance = useInstance();
  const known = useRef(new Map<string, unknown>());
  return useCallback(
    async <T,>(what: string, load: () => Promise<T>): Promise<T> => {
      const key = `${instance} ${what}`;
      if (!known.current.has(key)) known.current.set(key, await load());
      return known.current.get(key) as T;
    },
    [instance],
  );
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
