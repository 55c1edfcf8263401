// Tags are changed one by one; each change says which state of the resource it was made from.
import { type Answer, call } from "./api";
import { mergeItems, type Tags } from "./profile";

/** The entity tag of what a change has left. */
export const tagged = (answer: Answer<unknown>, before: string) => answer.headers.get("ETag") ?? before;

/**
 * Makes `after` out of `before`, if the resource is still in the state of the entity tag. Each step is told to `saved`, with
 * the entity tag and the tags that it left: the second may be refused after the first.
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

/** Three ways; of a tag that both changed differently, mine, and its key among the clashes. */
export function mergeTags(base: Tags, mine: Tags, theirs: Tags): { tags: Tags; clashes: string[] } {
  const { merged, clashes } = mergeItems(new Map(Object.entries(base)), new Map(Object.entries(mine)), new Map(Object.entries(theirs)));
  for (const key of clashes) {
    if (key in mine) merged.set(key, mine[key]);
    else merged.delete(key);
  }
  return { tags: Object.fromEntries(merged), clashes };
}
