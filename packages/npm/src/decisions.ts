/** TYPE/NAME or TYPE/ID, such as "User/ann", or a resource as AuthZEN has it. */
export type Resource = string | { type: string; id: string; properties?: Record<string, unknown> };

export interface QuestionOptions {
  /** Tags of a resource that is about to be created, or that lanyard does not store. */
  tags?: Record<string, string>;
  /** The resource is about to be created. */
  isNew?: boolean;
  /** The user whom the subject, an AI agent, assists. */
  assisting?: string;
  /** Another instance than the one of the server. */
  instanceId?: string;
  /** More context, as AuthZEN has it. */
  context?: Record<string, unknown>;
}

/** The answer to a question. */
export interface Decision {
  allowed: boolean;
  reason: string;
  explanation: string;
  hints: string[];
}

/** What a question names does not exist. */
export class UnknownName extends Error {
  override readonly name = "UnknownName";
}

/** An assertion about a decision does not hold. Test runners show its message. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

type Post = (target: string, body: unknown) => Promise<any>;

export async function decide(
  post: Post,
  instanceId: string,
  subject: string,
  permission: string,
  resource: Resource | undefined,
  options: QuestionOptions,
): Promise<Decision> {
  const base = `/instances/${options.instanceId ?? instanceId}/access/v1`;
  const found = await resourceOf(post, base, resource, options);
  const answer = await post(`${base}/evaluation`, {
    subject: subjectOf(subject, options.assisting),
    action: { name: permission },
    resource: found,
    context: { ...options.context, explain: true },
  });
  const { reason = "", explanation = "", hints = [] } = answer.context ?? {};
  const named = typeof resource === "string" ? resource.slice(resource.indexOf("/") + 1) : ""; // by whoever asked
  return { allowed: answer.decision, reason, explanation: named ? explanation.replaceAll(found.id, named) : explanation, hints };
}

/** Returns the decision as assertions show it. */
export function describe(d: Decision): string {
  return [`${d.allowed ? "allowed" : "denied"}: ${d.explanation}`, ...d.hints.map((h) => `  hint: ${h}`)].join("\n");
}

/**
 * Throws if a decision that denies is about something that does not exist: a misspelt name is denied, too. An AI agent
 * exists by its profiles alone.
 */
export function refuseUnknown(d: Decision, subject: string): void {
  if (d.reason.startsWith("unknown") && !(d.reason === "unknown subject" && subject.includes(":ai-agent/"))) {
    throw new UnknownName(`${d.explanation} Set unknown: true if that is what you test.`);
  }
}

function subjectOf(subject: string, assisting: string | undefined): unknown {
  if (subject.includes(":ai-agent/")) {
    return { type: "ai_agent", id: subject, ...(assisting ? { properties: { assisting } } : {}) };
  }
  return { type: "user", id: subject.startsWith("arn:") ? subject.slice(subject.lastIndexOf("/") + 1) : subject };
}

async function resourceOf(post: Post, base: string, resource: Resource | undefined, options: QuestionOptions) {
  if (resource === undefined) {
    return { type: "Instance", id: "" };
  }
  if (typeof resource !== "string") {
    return resource;
  }
  const slash = resource.indexOf("/");
  if (slash < 0) {
    throw new TypeError(`resource must be TYPE/NAME or TYPE/ID, such as User/ann, got ${JSON.stringify(resource)}`);
  }
  const type = resource.slice(0, slash);
  const ref = resource.slice(slash + 1);
  const properties = { ...(options.tags ? { tags: options.tags } : {}), ...(options.isNew ? { new: true } : {}) };
  return { type, id: options.isNew ? ref : await lookup(post, base, type, ref), properties };
}

async function lookup(post: Post, base: string, type: string, ref: string): Promise<string> {
  const { results } = await post(`${base}/lookup`, { resource: { type, id: ref } });
  const ids: string[] = results.map((r: { id: string }) => r.id);
  if (ids.length === 0 || ids.includes(ref)) {
    return ref; // of a type without names, or something deleted: the decision tells
  }
  if (ids.length > 1) {
    throw new UnknownName(`${type} must be named by its id, got ${JSON.stringify(ref)}, which is the name of ${ids.join(", ")}`);
  }
  return ids[0]!;
}
