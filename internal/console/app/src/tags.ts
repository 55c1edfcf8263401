// Tags are changed by separate calls; each call says which version of the resource it is based on.
import { type Answer, call } from "./api";
import { mergeItems, type Tags } from "./profile";

/** The entity tag after a change. */
export const tagged = (answer: Answer<unknown>, before: string) => answer.headers.get("ETag") ?? before;

/**
 * Turns `before` into `after` if the resource still has the entity tag. After each of its two steps it calls `saved` with
 * the new entity tag and tags, because the second step may fail after the first.
 */
export async function saveTags(arn: string, before: Tags, after: Tags, match: string, saved: (match: string, tags: Tags) => void): Promise<string> {
  const gone = Object.keys(before).filter((k) => !(k in after));
  if (gone.length) {
    match = tagged(await call("UntagResource", { resourceArn: arn, tagKeys: gone }, { "If-Match": match }), match);
    saved(match, Object.fromEntries(Object.entries(before).filter(([k]) => k in after)));
  }
  const put = Object.fromEntries(Object.entries(after).filter(([k, v]) => before[k] !== v));
  if (Object.keys(put).length) match = tagged(await call("TagResource", { resourceArn: arn, tags: put }, { "If-Match": match }), match);
  saved(match, after);
  return match;
}

export const sameTags = (a: Tags, b: Tags) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

/** A three-way merge. Where both changed a tag differently it takes mine and reports the key as a clash. */
export function mergeTags(base: Tags, mine: Tags, theirs: Tags): { tags: Tags; clashes: string[] } {
  const { merged, clashes } = mergeItems(new Map(Object.entries(base)), new Map(Object.entries(mine)), new Map(Object.entries(theirs)));
  for (const key of clashes) {
    if (key in mine) merged.set(key, mine[key]);
    else merged.delete(key);
  }
  return { tags: Object.fromEntries(merged), clashes };
}
