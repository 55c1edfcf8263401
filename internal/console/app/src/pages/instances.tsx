import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { instancesQuery } from "../instances";
import { Page, Ready } from "../parts/page";
import { When } from "../parts/show";
import { t } from "../texts";

const x = t.instances;

/** The operator's first page: the choice of a contact centre. */
export default function Instances() {
  const loaded = useQuery(instancesQuery);
  return (
    <Page title={x.title} description={x.text}>
      <Ready of={loaded}>
        {(data) => (
          <Table
            variant="container"
            items={data}
            trackBy="Id"
            ariaLabels={{ tableLabel: x.title }}
            columnDefinitions={[
              { id: "alias", header: x.alias, isRowHeader: true, cell: (i) => <Link href={`#/instances/${i.Id}/overview`}>{i.InstanceAlias || i.Id}</Link> },
              { id: "id", header: x.id, cell: (i) => <span className="mono">{i.Id}</span> },
              { id: "made", header: x.made, cell: (i) => <When time={i.CreatedTime === undefined ? undefined : new Date(i.CreatedTime * 1000).toISOString()} /> },
            ]}
            empty={<Box textAlign="center">{x.none}</Box>}
          />
        )}
      </Ready>
    </Page>
  );
}
