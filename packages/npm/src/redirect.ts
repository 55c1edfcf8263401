import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";

import type { Lanyard } from "./server.js";

/** A request to AWS, which no test that uses lanyard may send. */
export class RealEndpointRefused extends Error {
  override readonly name = "RealEndpointRefused";
}

// How the names of all endpoints of AWS end, and how those of Amazon Connect begin.
const aws =
  /\.(amazonaws\.(com|com\.cn|eu)|api\.aws|api\.amazonwebservices\.(com\.cn|eu)|amazonaws-eusc\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/i;
const amazonConnect = /^connect(-fips)?\.[a-z0-9-]+\./i;

// Settings of the developer that would take a client elsewhere.
const removed = [
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_SESSION_TOKEN",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  "AWS_ROLE_ARN",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/**
 * Has clients of the AWS SDK that are used from now on talk to the server, unless their endpoint says otherwise, and
 * refuses requests to AWS. It returns what undoes that.
 */
export function redirect(server: Lanyard, options: { allowAws?: boolean } = {}): () => void {
  const restoreVariables = setVariables({ ...Object.fromEntries(removed.map((n) => [n, undefined])), ...server.environment() });
  const restoreRequests = guard(options.allowAws ?? false);
  return () => {
    restoreRequests();
    restoreVariables();
  };
}

function setVariables(variables: Record<string, string | undefined>): () => void {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  const set = (all: Record<string, string | undefined>) => {
    for (const [name, value] of Object.entries(all)) {
      value === undefined ? delete process.env[name] : (process.env[name] = value);
    }
  };
  set(variables);
  return () => set(before);
}

/** Has node:http and node:https refuse requests to AWS. */
function guard(allowAws: boolean): () => void {
  const before = [http, https].map((module) => ({ module, request: module.request, get: module.get }));
  for (const { module, request, get } of before) {
    const checked = (send: typeof request) =>
      function (this: unknown, ...args: Parameters<typeof request>) {
        check(hostOf(args[0], args[1]), allowAws);
        return send.apply(this, args);
      } as typeof request;
    module.request = checked(request);
    module.get = checked(get);
  }
  syncBuiltinESMExports();
  return () => {
    for (const { module, request, get } of before) {
      Object.assign(module, { request, get });
    }
    syncBuiltinESMExports();
  };
}

function hostOf(...args: unknown[]): string {
  for (const arg of args) {
    if (typeof arg === "string" && URL.canParse(arg)) {
      return new URL(arg).hostname;
    }
    const named = arg as { hostname?: string | null; host?: string | null } | null | undefined;
    if (typeof arg === "object" && (named?.hostname || named?.host)) {
      return (named.hostname ?? named.host ?? "").replace(/:\d+$/, "");
    }
  }
  return "";
}

function check(host: string, allowAws: boolean): void {
  if (!aws.test(host) || (allowAws && !amazonConnect.test(host))) {
    return;
  }
  throw new RealEndpointRefused(
    amazonConnect.test(host)
      ? `a test that uses lanyard sent a request to ${host}. Make the client without an endpoint, or with clientConfig().`
      : `a test that uses lanyard sent a request to ${host}. Use an emulator of that service, or let requests to AWS through: ` +
        "lanyard({ allowAws: true }).",
  );
}
