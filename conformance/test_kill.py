"""SIGKILL under load: what was answered is there after a restart on the same folder, and nothing is torn."""
import json
import random
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from centre import Centre, fresh, granular
from check import client
from server import Server

ROUNDS, WRITERS = 4, 6


class Writer(threading.Thread):
    """Creates profiles and updates them, and remembers what it was told was done."""

    def __init__(self, server, instance, number):
        super().__init__()
        self.connect, self.instance, self.number = client(server), instance, number
        self.created, self.deleted = {}, set()  # id to the last acknowledged stamp; the one that was under way
        self.under_way = {}
        self.failed = None

    def run(self):
        n = 0
        try:
            while True:
                n += 1
                stamp = f"w{self.number}n{n}"
                if n % 4 == 1 or not self.created:
                    name = fresh(stamp)
                    id = self.connect.create_security_profile(InstanceId=self.instance, SecurityProfileName=name, **fields("first"))["SecurityProfileId"]
                    self.created[id] = "first"
                elif n % 9 == 0:
                    id = random.choice(list(self.created))
                    self.under_way[id] = None
                    self.connect.delete_security_profile(InstanceId=self.instance, SecurityProfileId=id)
                    self.deleted.add(id)
                    del self.created[id], self.under_way[id]
                else:
                    id = random.choice(list(self.created))
                    self.under_way[id] = stamp
                    self.connect.update_security_profile(InstanceId=self.instance, SecurityProfileId=id, **fields(stamp))
                    self.created[id] = stamp
                    del self.under_way[id]
        except (BotoCoreError, ConnectionError):
            pass  # the server is gone
        except BaseException as e:
            self.failed = e


def fields(stamp):
    return {"Description": stamp, "AllowedAccessControlTags": {"stamp": stamp}, "TagRestrictedResources": ["User"],
            "Applications": [{"Namespace": stamp, "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}],
            "GranularAccessControlConfiguration": granular(stamp=[stamp])}


def stamps(r):
    d = r["describe"]
    return {d["Description"], d["AllowedAccessControlTags"]["stamp"], r["applications"][0]["Namespace"],
            d["GranularAccessControlConfiguration"]["DataTableAccessControlConfiguration"]["PrimaryAttributeAccessControlConfiguration"]
            ["PrimaryAttributeValues"][0]["Values"][0]}


def test_acknowledged_is_kept():
    with Server() as server:
        centre = Centre(client(server))
        acknowledged = 0
        for _ in range(ROUNDS):
            writers = [Writer(server, centre.id, n) for n in range(WRITERS)]
            for w in writers:
                w.start()
            time.sleep(random.uniform(0.3, 0.9))
            server.kill()
            for w in writers:
                w.join(60)
                assert w.failed is None, w.failed
            server.start()
            centre.connect = connect = client(server)
            for w in writers:
                for id, stamp in w.created.items():
                    allowed = {stamp} | ({w.under_way[id]} if id in w.under_way else set())
                    try:
                        found = stamps(centre.reads(id))
                    except connect.exceptions.ResourceNotFoundException:
                        found = {None}
                    assert len(found) == 1, f"{id} is torn: {found}"
                    assert found <= allowed, f"{id} shows {found}, acknowledged was {allowed}"
                    acknowledged += 1
                for id in w.deleted:
                    try:
                        centre.describe_security_profile(SecurityProfileId=id)
                        raise AssertionError(f"{id} is back after its deletion was answered")
                    except ClientError as e:
                        assert e.response["Error"]["Code"] == "ResourceNotFoundException"
        assert acknowledged > 50
        records = [json.loads(line) for line in server.run("audit", "--output", "json").splitlines()]
        assert sum(r["eventName"] == "CreateSecurityProfile" for r in records) >= acknowledged // 2


def test_term_finishes_what_it_began():
    with Server() as server:
        centre = Centre(client(server))
        writer = Writer(server, centre.id, 0)
        writer.start()
        time.sleep(0.5)
        server.process.terminate()
        assert server.process.wait(30) == 0
        writer.join(30)
        assert writer.failed is None
        server.start()
        centre.connect = client(server)
        for id, stamp in writer.created.items():
            if id not in writer.under_way:
                assert stamps(centre.reads(id)) == {stamp}


def test_a_second_server_on_the_folder_refuses():
    import subprocess
    with Server() as server:
        second = subprocess.run([server.binary, "serve", "--listen", "127.0.0.1:0", "--data", server.data], env=server.environment(),
                                capture_output=True, text=True, timeout=20)
        assert second.returncode != 0 and second.stderr
        assert client(server).list_instances()["InstanceSummaryList"] == []
