import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import Table from "@cloudscape-design/components/table";
import { dropDraft, useDrafts } from "../drafts";
import { Page } from "../parts/page";
import { When } from "../parts/show";
import { useInstance } from "../state";
import { t } from "../texts";

const x = t.drafts;

/** The drafts in this tab. */
export default function Drafts() {
  const all = useDrafts(useInstance());
  return (
    <Page title={x.title} description={x.text}>
      <Table
        variant="container"
        items={all}
        trackBy="key"
        ariaLabels={{ tableLabel: x.title }}
        columnDefinitions={[
          { id: "title", header: x.page, isRowHeader: true, cell: (d) => <Link href={d.page}>{d.title}</Link> },
          { id: "time", header: x.time, cell: (d) => <When time={d.time} /> },
          {
            id: "drop",
            header: x.drop,
            cell: (d) => (
              <Button onClick={() => dropDraft(d.key)} ariaLabel={x.dropOf(d.title)}>
                {x.drop}
              </Button>
            ),
          },
        ]}
        empty={<Box textAlign="center">{x.none}</Box>}
      />
    </Page>
  );
}
