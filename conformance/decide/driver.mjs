// Drives @lanyard/decide by commands, one in a line, as driver.py does lanyard-decide. It runs in the folder in which
// the package is installed.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const entry = createRequire(process.cwd() + '/').resolve('@lanyard/decide');
const { Decider } = await import(pathToFileURL(entry));
const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const realNow = Date.now;
const realSteady = performance.now.bind(performance);
let decider;

const ops = {
  async load(options) {
    decider = await Decider.load({ ...options, onError: (e) => say({ event: 'error', text: e.message }) });
    decider.onChange((status) => say({ event: 'change', ok: status.ok, reason: status.reason }));
    return ops.status();
  },
  async open(options) {
    decider = await Decider.fromSnapshot(options);
    return ops.status();
  },
  status: () => decider.status,
  decide: ({ questions }) => questions.map((q) => decider.decide(q)),
  explain: ({ question }) => decider.explain(question),
  refresh: () => decider.refresh(),
  close: () => decider?.close(),
  // A clock that is set, as on the machine of a user, while so many milliseconds pass.
  clock({ ahead, passed = 0 }) {
    Date.now = () => realNow() + ahead;
    performance.now = () => realSteady() + passed;
  },
  time({ question, count }) {
    for (let i = 0; i < count / 10; i++) decider.decide(question);
    const began = performance.now();
    for (let i = 0; i < count; i++) decider.decide(question);
    return (1000 * (performance.now() - began)) / count;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...members } = JSON.parse(line);
  try {
    say({ answer: (await ops[op](members)) ?? null });
  } catch (error) {
    say({ refused: error.message, kind: error.name, status: error.status ?? null });
  }
}
process.exit();
