import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import type { By } from "../answers_gen";
import { t } from "../texts";
import { When, Who } from "./show";

const x = t.review;

export type Side = "mine" | "theirs";

export interface Clash {
  kind: string;
  label: string;
  mine: string;
  theirs: string;
  base: string;
}

interface Props {
  header: string;
  by: By | null | undefined;
  time: string | undefined;
  theirs: ReactNode;
  mine: ReactNode;
  clashes: Clash[];
  close: () => void;
  drop: () => void;
  /** Called with a side for every clash. */
  merge: (sides: Side[]) => void;
}

/** Shown when another user saved first: nothing is overwritten before the user has seen both versions. */
export function ConflictModal({ header, by, time, theirs, mine, clashes, close, drop, merge }: Props) {
  const [sides, setSides] = useState<Record<number, Side>>({});
  return (
    <Modal
      visible
      size="max"
      header={header}
      onDismiss={close}
      closeAriaLabel={t.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {x.back}
            </Button>
            <Button onClick={drop}>{x.dropMine}</Button>
            <Button variant="primary" disabled={!clashes.every((_, i) => sides[i])} onClick={() => merge(clashes.map((_, i) => sides[i]))}>
              {x.mergeAction}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <Alert type="warning">
          {x.conflictText} <Who by={by} />, <When time={time} />
        </Alert>
        <div className="columns">
          <section data-side="theirs">
            <Header variant="h2">{x.theirs}</Header>
            {theirs}
          </section>
          <section data-side="mine">
            <Header variant="h2">{x.mine}</Header>
            {mine}
          </section>
        </div>
        {clashes.length === 0 && <Alert type="success">{x.noClash}</Alert>}
        {clashes.length > 0 && (
          <section>
            <Header variant="h2" description={x.clashText}>
              {x.clash}
            </Header>
            <SpaceBetween size="m">
              {clashes.map((c, i) => (
                <div key={i} data-conflict={c.kind}>
                  <Box variant="h3">{c.label}</Box>
                  <RadioGroup
                    ariaLabel={c.label}
                    value={sides[i] ?? null}
                    onChange={(e) => setSides({ ...sides, [i]: e.detail.value as Side })}
                    items={[
                      { value: "mine", label: x.takeMine(c.mine) },
                      { value: "theirs", label: x.takeTheirs(c.theirs) },
                    ]}
                  />
                  <Box color="text-body-secondary">{x.was(c.base)}</Box>
                </div>
              ))}
            </SpaceBetween>
          </section>
        )}
      </SpaceBetween>
    </Modal>
  );
}
