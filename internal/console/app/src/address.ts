import { useEffect, useRef } from "react";
import { useSearchParams } from "react-router";

/** What a page shows is in its address, so that a link shows the same to another user. */
export function useAddress(defaults: Record<string, string>) {
  const [params, setParams] = useSearchParams();
  const get = (name: string) => params.get(name) ?? defaults[name] ?? "";
  // Two choices may be made before the page renders again; the second builds on the first.
  const latest = useRef(params);
  useEffect(() => {
    latest.current = params;
  }, [params]);
  const set = (change: Record<string, string>) => {
    const next = new URLSearchParams(latest.current);
    for (const [k, v] of Object.entries(change)) {
      if (v === (defaults[k] ?? "")) next.delete(k);
      else next.set(k, v);
    }
    latest.current = next;
    setParams(next, { replace: true });
  };
  return { get, set };
}
