// What somebody typed and did not save, kept for this tab of the browser: a reload, a lost session or a
// step back does not lose it.
import type { Editable } from "./profile";

export interface Draft {
  base: Editable;
  etag: string;
  value: Editable;
  time: string;
}

const key = (user: string, instance: string, id: string) => `lanyard.draft.${user}.${instance}.${id}`;

export function keepDraft(user: string, instance: string, id: string, draft: Draft | null) {
  try {
    if (draft) sessionStorage.setItem(key(user, instance, id), JSON.stringify(draft));
    else sessionStorage.removeItem(key(user, instance, id));
  } catch {
    // Storage may be full or forbidden; the page itself still has it all.
  }
}

export function keptDraft(user: string, instance: string, id: string): Draft | null {
  try {
    return JSON.parse(sessionStorage.getItem(key(user, instance, id)) ?? "null") as Draft | null;
  } catch {
    return null;
  }
}
