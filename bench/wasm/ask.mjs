// Asks an engine in WebAssembly, and prints as JSON what it found: the bytes of its module, the nanoseconds a decision and
// the milliseconds until the first decision about another subject. It must answer as the file says that lanyard's server
// does. Each engine has a process of its own: with all in one, V8 11.3 fails where it compiles the loop.
//
//   node ask.mjs ENGINE SUBJECTS.json POLICY.wasm LANYARD MILLISECONDS
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";

const [, , name, file, policy, lanyard, milliseconds] = process.argv;
const require = createRequire(import.meta.url);
const { keys, subjects } = JSON.parse(await readFile(file, "utf8"));
const { Decider } = await import(`${lanyard}/index.js`);
const { loadPolicy } = require("@open-policy-agent/opa-wasm");
const cedar = require("@cedar-policy/cedar-wasm/nodejs");

const policyModule = await WebAssembly.compile(await readFile(policy));
const ownModule = await WebAssembly.compile(await readFile(`${lanyard}/lanyard.wasm`));
const cedarFile = require.resolve("@cedar-policy/cedar-wasm/nodejs").replace(/cedar_wasm\.js$/, "cedar_wasm_bg.wasm");

const engines = {
  lanyard: {
    wasm: `${lanyard}/lanyard.wasm`,
    async load(subject) {
      const decider = await Decider.fromSnapshot({ snapshot: subject.Snapshot, keys, wasm: ownModule });
      return (asked) => decider.decide(asked.Lanyard).allow;
    },
  },
  opa: {
    wasm: policy,
    async load(subject) {
      const loaded = await loadPolicy(policyModule);
      loaded.setData(subject.Data);
      return (asked) => loaded.evaluate(asked.OPA)[0].result;
    },
  },
  cedar: {
    wasm: cedarFile,
    async load(subject, i) {
      const made = cedar.preparsePolicySet(`subject ${i}`, { staticPolicies: subject.Policies });
      if (made.type !== "success") {
        throw new Error(JSON.stringify(made));
      }
      for (const asked of subject.Asked) {
        asked.Cedar.preparsedPolicySetId = `subject ${i}`;
      }
      return (asked) => {
        const answer = cedar.statefulIsAuthorized(asked.Cedar);
        if (answer.type !== "success" || answer.response.diagnostics.errors.length > 0) {
          throw new Error(JSON.stringify(answer));
        }
        return answer.response.decision === "allow";
      };
    },
  },
};

const engine = engines[name];
if (engine === undefined) {
  throw new Error(`ENGINE must be ${Object.keys(engines).join(", ")}, got ${name}`);
}
const bytes = await readFile(engine.wasm);
const found = { bytes: bytes.length, compressed: gzipSync(bytes, { level: 9 }).length };
const questions = [];
for (const [i, subject] of subjects.entries()) {
  const decide = await engine.load(subject, i);
  for (const asked of subject.Asked) {
    const answer = decide(asked);
    if (answer !== asked.Answer) {
      throw new Error(`${name} disagrees: it says ${answer} to ${JSON.stringify(asked.Lanyard)} of subject ${i}`);
    }
    questions.push([decide, asked]);
  }
}

/** Asks for so long, in an order in which the subjects alternate, and returns the nanoseconds a decision. */
function time(ms) {
  const began = performance.now();
  let count = 0;
  let took = 0;
  while (took < ms) {
    for (let i = 0; i < 500; i++) {
      const [decide, one] = questions[(count * 7919) % questions.length];
      decide(one);
      count++;
    }
    took = performance.now() - began;
  }
  return (1e6 * took) / count;
}

time(3000); // Node.js compiles what is called often again, in the background
found.decision = time(Number(milliseconds));
const loads = [];
for (let i = 0; i < 20; i++) {
  const began = performance.now();
  const decide = await engine.load(subjects[i], i);
  decide(subjects[i].Asked[0]);
  loads.push(performance.now() - began);
}
found.load = loads.sort((a, b) => a - b)[loads.length / 2];
found.questions = questions.length;
found.allowed = questions.filter(([, asked]) => asked.Answer).length;
console.log(JSON.stringify(found));
process.exit();
