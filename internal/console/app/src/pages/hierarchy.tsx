import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useMemo, useRef, useState } from "react";
import type { GroupSeen as Group, Named, VisibilityAnswer } from "../answers_gen";
import { Page, Ready } from "../parts/page";
import { number, ProfileLink, TagList } from "../parts/show";
import { useRead } from "../query";
import { useInstance } from "../state";
import { t } from "../texts";
import { useAddress } from "../address";

const x = t.hierarchy;

const gap = 20;
const row = 56;

export default function Hierarchy() {
  const loaded = useRead("visibility");
  return (
    <Page title={x.title} description={x.text}>
      <Ready of={loaded}>{(data) => <Picture data={data} />}</Ready>
    </Page>
  );
}

const cut = (s: string, n: number) => (s.length > n ? `${s.slice(0, n - 1)}\u2026` : s);

interface Placed {
  group: Group;
  x: number;
  y: number;
  parent?: Placed;
}

/** Lays the levels out from left to right, one leaf a line, each parent centred on its children. */
function place(groups: Group[], space: number): { box: number; nodes: Placed[]; height: number; width: number } {
  const known = new Set(groups.map((g) => g.Id));
  const children = new Map<string, Group[]>();
  for (const g of groups) {
    const key = g.Parent && known.has(g.Parent) ? g.Parent : "";
    children.set(key, [...(children.get(key) ?? []), g]);
  }
  const nodes: Placed[] = [];
  const depthOf = (g: Group): number => 1 + Math.max(0, ...(children.get(g.Id) ?? []).map(depthOf));
  const levels = Math.max(1, ...(children.get("") ?? []).map(depthOf));
  // As wide as there is room, but never narrower than the text in the boxes.
  const least = Math.max(112, ...groups.map((g) => x.line(g.Users, g.SeenBy.length).length * 5.8 + 16));
  const width = Math.max(least, Math.min(200, Math.floor((space - 8 + gap) / levels) - gap));
  let line = 0;
  let deepest = 0;
  const walk = (group: Group, depth: number, parent?: Placed): Placed => {
    const node: Placed = { group, x: depth * (width + gap), y: 0, parent };
    nodes.push(node);
    deepest = Math.max(deepest, depth);
    const below = (children.get(group.Id) ?? []).sort((a, b) => a.Name.localeCompare(b.Name, "en")).map((c) => walk(c, depth + 1, node));
    node.y = below.length ? (below[0].y + below[below.length - 1].y) / 2 : line++ * row;
    return node;
  };
  for (const root of children.get("") ?? []) walk(root, 0);
  return { box: width, nodes, height: Math.max(1, line) * row, width: (deepest + 1) * (width + gap) - gap };
}

function Picture({ data }: { data: VisibilityAnswer }) {
  const instance = useInstance();
  const scroll = useRef<HTMLDivElement>(null);
  const [space, setSpace] = useState(900);
  useEffect(() => {
    const watch = new ResizeObserver(([e]) => setSpace(Math.floor(e.contentRect.width)));
    watch.observe(scroll.current!);
    return () => watch.disconnect();
  }, []);
  const { nodes, height, width: w, box: width } = useMemo(() => place(data.Groups, space), [data, space]);
  const { get, set } = useAddress({});
  const [profile, chosen] = [get("profile"), get("group")];
  const setChosen = (group: string) => set({ group });
  const profiles = useMemo(() => {
    const all = new Map<string, Named>();
    for (const g of data.Groups) for (const p of g.SeenBy) all.set(p.Id, p);
    return [...all.values()].sort((a, b) => a.Name.localeCompare(b.Name, "en"));
  }, [data]);
  const group = data.Groups.find((g) => g.Id === chosen);
  const shown = (name: string) => cut(name, Math.floor((width - 18) / 7.6));
  const option = (p: Named) => ({ value: p.Id, label: p.Name });
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            description={x.pictureText}
            actions={
              <Select
                selectedOption={profiles.some((p) => p.Id === profile) ? option(profiles.find((p) => p.Id === profile)!) : { value: "", label: x.anyProfile }}
                options={[{ value: "", label: x.anyProfile }, ...profiles.map(option)]}
                onChange={(e) => set({ profile: e.detail.selectedOption.value ?? "" })}
                ariaLabel={x.highlight}
              />
            }
          >
            {x.groups}
          </Header>
        }
      >
        <div className="scroll" ref={scroll} tabIndex={0} role="region" aria-label={x.groups}>
          <svg className="hierarchy" width={w + 8} height={height + 8} viewBox={`-4 -4 ${w + 8} ${height + 8}`} role="group" aria-label={x.groups}>
            {nodes.map((n) => n.parent && <path key={n.group.Id} className="edge" d={`M${n.parent.x + width},${n.parent.y + 22} C${n.x - gap / 2},${n.parent.y + 22} ${n.x - gap / 2},${n.y + 22} ${n.x},${n.y + 22}`} />)}
            {nodes.map((n) => {
              const seen = n.group.SeenBy.some((p) => p.Id === profile);
              return (
                <g
                  key={n.group.Id}
                  className={`group ${profile && seen ? "seen" : ""} ${profile && !seen ? "dim" : ""} ${chosen === n.group.Id ? "chosen" : ""}`}
                  role="button"
                  tabIndex={0}
                  aria-pressed={chosen === n.group.Id}
                  // The visible text is the name, unless it is shortened.
                  aria-label={shown(n.group.Name) === n.group.Name ? undefined : x.describe(n.group.Name, n.group.Users, n.group.SeenBy.length)}
                  onClick={() => setChosen(n.group.Id)}
                  onKeyDown={(e) => {
                    if (e.key !== "Enter" && e.key !== " ") return;
                    e.preventDefault();
                    setChosen(n.group.Id);
                  }}
                >
                  <rect x={n.x} y={n.y} width={width} height={44} rx={8} />
                  <text x={n.x + 10} y={n.y + 18} className="title">
                    {shown(n.group.Name)}{" "}
                  </text>
                  <text x={n.x + 10} y={n.y + 35}>
                    {x.line(n.group.Users, n.group.SeenBy.length)}
                  </text>
                </g>
              );
            })}
          </svg>
        </div>
        {data.Groups.length === 0 && <Box textAlign="center">{x.none}</Box>}
        {data.Truncated && <Box color="text-body-secondary">{x.truncated}</Box>}
      </Container>
      <div className="columns">
        <Container header={<Header variant="h2">{group ? x.seenBy(group.Name) : x.choose}</Header>}>
          {group && (
            <SpaceBetween size="xs">
              {group.SeenBy.length === 0 && <Box>{x.notSeen}</Box>}
              {group.SeenBy.map((p) => (
                <div key={`${p.Id} ${p.Own}`}>
                  <ProfileLink profile={p} /> <span className="secondary">{p.Own ? x.own(p.Holders) : x.named(p.Holders)}</span>
                </div>
              ))}
              <Link href={`#/instances/${instance}/users?group=${group.Id}&group_name=${encodeURIComponent(group.Name)}`}>{x.people}</Link>
            </SpaceBetween>
          )}
        </Container>
        <Container header={<Header variant="h2" description={x.everywhereText}>{x.everywhere}</Header>}>
          <SpaceBetween size="s">
            {data.Everywhere.length === 0 && <Box>{x.nobodyEverywhere}</Box>}
            {data.Everywhere.map((p) => (
              <div key={p.Id} className="field-pair tight">
                <span>
                  <ProfileLink profile={p} /> <span className="secondary">{x.holders(p.Holders)}</span>
                </span>
                {Object.keys(p.Tags).length > 0 && <TagList tags={p.Tags} />}
              </div>
            ))}
            <KeyValuePairs columns={1} items={[{ label: x.ungrouped, value: number.format(data.Ungrouped) }]} />
          </SpaceBetween>
        </Container>
      </div>
    </SpaceBetween>
  );
}
