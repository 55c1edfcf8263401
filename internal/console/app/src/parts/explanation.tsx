import type { Evaluation, Finding } from "../questions_gen";
import { useInstance } from "../state";
import { t } from "../texts";

const x = t.check;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  kind: "yes" | "no" | "idle";
  title: string;
  lines: string[];
  href?: string;
  from?: number;
}

const line = 18;
const cut = (s: string, n: number) => (s.length > n ? `${s.slice(0, n - 1)}\u2026` : s);

/** Text in lines of at most n characters, broken between words. */
function wrap(s: string, n: number): string[] {
  const out: string[] = [];
  for (const word of s.split(" ")) {
    const last = out.at(-1);
    if (last !== undefined && last.length + word.length < n) out[out.length - 1] = `${last} ${word}`;
    else out.push(cut(word, n));
  }
  return out.length > 3 ? [...out.slice(0, 2), cut(out.slice(2).join(" "), n)] : out;
}

/** The answer, the profiles it rests on, and the conditions that each of them fails. */
export function Explanation({ evaluation, question, action, named }: { evaluation: Evaluation; question: string; action: string; named: (text: string) => string }) {
  const instance = useInstance();
  const findings = evaluation.context.profiles ?? [];
  const boxes: Box[] = [];
  const root: Box = { x: 0, y: 0, width: 200, height: 0, kind: evaluation.decision ? "yes" : "no", title: evaluation.decision ? x.allowed : x.denied, lines: wrap(question, 25) };
  root.height = 34 + root.lines.length * line;
  boxes.push(root);
  let y = 0;
  findings.forEach((f: Finding) => {
    const failed = f.failed ?? [];
    const kind = f.allows ? "yes" : f.grants ? "no" : "idle";
    const said = wrap(f.allows ? x.grantsAndFits : f.grants ? x.grantsButNot : x.grantsNot(action), 30);
    const box: Box = {
      x: 224,
      y,
      width: 232,
      height: 34 + said.length * line,
      kind,
      title: cut(f.name || t.hiddenProfile, 26),
      lines: said,
      href: `#/instances/${instance}/profiles/${f.profile}${f.grants && !f.allows ? "?tab=reach" : ""}`,
      from: 0,
    };
    const at = boxes.push(box) - 1;
    let below = y;
    for (const c of failed) {
      const lines = [...wrap(x.required(named(c.want)), 34), ...wrap(c.have ? x.has(named(c.have)) : x.hasNothing, 34)];
      boxes.push({ x: 480, y: below, width: 268, height: 34 + lines.length * line, kind: "no", title: x.conditions[c.kind] ?? c.kind, lines, from: at });
      below += 34 + lines.length * line + 14;
    }
    y = Math.max(y + box.height + 16, below);
  });
  const height = Math.max(y, root.height + 8);
  root.y = Math.max(0, (height - root.height) / 2 - 8);
  const described = [x.says(evaluation.decision, question), ...findings.map((f) => x.saysProfile(f.name, f.grants, f.allows))].join(" ");
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={x.tree}>
      <svg className="explanation" viewBox={`-4 -4 756 ${height + 8}`} width={756} height={height + 8} role="group" aria-label={described}>
        {boxes.map((b, i) =>
          b.from === undefined ? null : <path key={i} className={`edge ${b.kind}`} d={edge(boxes[b.from], b)} />,
        )}
        {boxes.map((b, i) => {
          const shape = (
            <>
              <title>{[b.title, ...b.lines].join(". ")}</title>
              <rect x={b.x} y={b.y} width={b.width} height={b.height} rx={8} />
              <text x={b.x + 14} y={b.y + 22} className="title">
                {b.kind === "yes" ? "\u2713 " : b.kind === "no" ? "\u2717 " : "\u2013 "}
                {b.title}
              </text>
              {b.lines.map((l, j) => (
                <text key={j} x={b.x + 14} y={b.y + 22 + (j + 1) * line}>
                  {l}
                </text>
              ))}
            </>
          );
          return (
            <g key={i} className={`box ${b.kind}`}>
              {b.href ? <a href={b.href}>{shape}</a> : shape}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function edge(a: Box, b: Box): string {
  const [x1, y1, x2, y2] = [a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2];
  const half = (x1 + x2) / 2;
  return `M${x1},${y1} C${half},${y1} ${half},${y2} ${x2},${y2}`;
}
