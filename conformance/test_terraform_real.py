"""Terraform itself, with its AWS provider, against the server: apply, change, plan without a change, import, destroy.

It needs `terraform` on the PATH and a folder that holds the provider hashicorp/aws, as a filesystem mirror: a folder with
registry.terraform.io in it, named by LANYARD_TERRAFORM_PLUGINS or in one of the places below. Nothing is downloaded."""
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from centre import SAYS_NOTHING, Centre, fresh
from check import client
from server import KEY_ID, REGION, SECRET, Server

PLACES = ("~/.terraform.d/plugins", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins", "/opt/*")


def mirror():
    """The first folder that holds the provider, or None."""
    named = os.environ.get("LANYARD_TERRAFORM_PLUGINS")
    for place in [named] if named else PLACES:
        for folder in sorted(glob.glob(os.path.expanduser(place))):
            if pathlib.Path(folder, "registry.terraform.io/hashicorp/aws").is_dir():
                return folder
    return None


pytestmark = pytest.mark.skipif(not (shutil.which("terraform") and mirror()),
                                reason="Terraform or a mirror of its provider hashicorp/aws is not installed; see LANYARD_TERRAFORM_PLUGINS")


class Terraform:
    """One folder with a configuration and a state."""

    def __init__(self, folder, url, initialised=None):
        """initialised is another one, whose provider this one uses too."""
        self.folder = folder
        folder.mkdir()
        (folder / "terraformrc").write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n')
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))} | {
            "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
            "AWS_EC2_METADATA_DISABLED": "true"}
        self.write("provider", {
            "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
            "provider": {"aws": {
                "region": REGION, "access_key": KEY_ID, "secret_key": SECRET, "max_retries": 1, "endpoints": [{"connect": url}],
                "skip_credentials_validation": True, "skip_requesting_account_id": True, "skip_metadata_api_check": True,
                "skip_region_validation": True}}})
        if initialised:
            shutil.copytree(initialised.folder / ".terraform", folder / ".terraform", symlinks=True)
            shutil.copy(initialised.folder / ".terraform.lock.hcl", folder)
        else:
            self.run("init", "-input=false")

    def write(self, name, content):
        name = name if name.endswith(".tfvars") else name + ".tf"
        (self.folder / f"{name}.json").write_text(json.dumps(content, indent=1))

    def run(self, *args, codes=(0,)):
        done = subprocess.run(["terraform", *args[:1], "-no-color", *args[1:]], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=300)
        assert done.returncode in codes, f"terraform {' '.join(args)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def apply(self, resources):
        self.write("main", resources)
        return self.run("apply", "-auto-approve", "-input=false").stdout

    def assert_unchanged(self):
        """A plan finds nothing to change."""
        done = self.run("plan", "-input=false", "-detailed-exitcode", codes=(0, 2))
        noise = re.compile(r": (Refreshing state|Reading|Read complete)")
        planned = [line for line in done.stdout.splitlines() if line and not noise.search(line)]
        assert done.returncode == 0, "\n".join(["the plan is:", *planned])

    def state(self):
        """Address to values of everything that Terraform holds."""
        shown = self.run("show", "-json").stdout
        return {r["address"]: r["values"] for r in json.loads(shown).get("values", {}).get("root_module", {}).get("resources", [])}


FLOW = "${aws_connect_contact_flow.transfer.contact_flow_id}"
INSTANCE = "${aws_connect_instance.centre.id}"


def ref(kind, name, attribute=None):
    return "${aws_connect_" + f"{kind}.{name}.{attribute or kind + '_id'}" + "}"


def hour(day, start, end):
    return {"day": day, "start_time": {"hours": start, "minutes": 0}, "end_time": {"hours": end, "minutes": 30}}


def serves(queue, channel, priority=1, delay=0):
    return {"queue_id": ref("queue", queue), "channel": channel, "priority": priority, "delay": delay}


def resources(alias, round):
    """The configuration of a round. All have the same resources; of each something differs."""
    r = round
    tags = [{"Stage": "one", "Team": "Sales"}, {"Stage": "two"}, {}, {"Stage": "four", "Équipe": "été"}][r]
    inside = {"instance_id": INSTANCE, "tags": tags}
    described = {"description": f"As of round {r}"}
    optional = described if r != 2 else {}
    name = lambda what: f"{what} {r // 2}"
    levels = ["Country", "City" if r < 2 else "Town", "Street"][: 2 if r < 3 else 3]
    queues = [[serves("desk", "VOICE"), serves("desk", "CHAT", 2, 5), serves("service", "VOICE", 3)],
              [serves("desk", "VOICE", 9, 60), serves("service", "TASK", 1, 1)],
              [],
              [serves("service", c, 1 + i) for i, c in enumerate(("VOICE", "CHAT", "TASK", "EMAIL"))]][r]
    media = [{"channel": "VOICE", "concurrency": 1}] + [{"channel": c, "concurrency": 1 + r} for c in ("CHAT", "TASK", "EMAIL")[: r + 1]]
    phone = [{"phone_type": "SOFT_PHONE", "auto_accept": True, "after_contact_work_time_limit": 5},
             {"phone_type": "DESK_PHONE", "desk_phone_number": "+12065550100"},
             {"phone_type": "SOFT_PHONE"}, {"phone_type": "SOFT_PHONE", "after_contact_work_time_limit": 30}][r]
    # The provider sends no empty names and addresses, so it cannot take any away.
    identity = {"first_name": ["Jane", "Janet", "Janet", "J"][r], "last_name": ["Doe", "Doe", "Roe", "Roe"][r],
                "email": f"jane{r}@example.com", "secondary_email": f"j{r // 2}@example.com"}
    connects = [["phone", "queue"], ["phone", "queue", "user"], [], ["user"]][r]
    quick = lambda what, config: {"name": name(what), "quick_connect_config": config, **inside, **optional}
    return {
        "aws_connect_instance": {"centre": {
            "instance_alias": alias, "identity_management_type": "CONNECT_MANAGED", "inbound_calls_enabled": True,
            "outbound_calls_enabled": r % 2 == 0, "contact_flow_logs_enabled": r == 1, "early_media_enabled": r < 2, "tags": tags}},
        "aws_connect_hours_of_operation": {
            "day": {"name": name("Day"), "time_zone": ["Europe/Paris", "UTC", "Asia/Tokyo", "Europe/Paris"][r],
                    "config": [hour("MONDAY", 8, 17 + r), hour("TUESDAY", 9, 17)][: 1 + r % 2], **inside, **optional},
            "night": {"name": "Night", "time_zone": "UTC", "config": [hour("SUNDAY", 22, 23)], **inside}},
        "aws_connect_queue": {
            "sales": {"name": name("Sales"), "hours_of_operation_id": ref("hours_of_operation", "day" if r % 2 else "night"),
                      "quick_connect_ids": [ref("quick_connect", c) for c in connects], "status": "DISABLED" if r == 1 else "ENABLED",
                      "outbound_caller_config": {"outbound_caller_id_name": f"Shop {r}", **({} if r == 2 else {"outbound_flow_id": FLOW})},
                      **({} if r == 2 else {"max_contacts": 10 + r}), **inside, **optional},
            "desk": {"name": "Desk", "hours_of_operation_id": ref("hours_of_operation", "night"), **inside},
            "service": {"name": "Service", "hours_of_operation_id": ref("hours_of_operation", "day"), **inside}},
        "aws_connect_contact_flow": {"transfer": {"name": "Transfer", "type": "CONTACT_FLOW", "content": SAYS_NOTHING, **inside}},
        "aws_connect_quick_connect": {
            "phone": quick("Phone", {"quick_connect_type": "PHONE_NUMBER", "phone_config": {"phone_number": f"+1206555010{r}"}}),
            "queue": quick("Queue", {"quick_connect_type": "QUEUE", "queue_config": {"contact_flow_id": FLOW, "queue_id": ref("queue", "service")}}),
            "user": quick("User", {"quick_connect_type": "USER", "user_config": {"contact_flow_id": FLOW, "user_id": ref("user", "jane")}})},
        "aws_connect_routing_profile": {
            "agents": {"name": name("Agents"), "default_outbound_queue_id": ref("queue", "service"), "media_concurrencies": media,
                       "queue_configs": queues, **inside, **described}},
        "aws_connect_security_profile": {
            "lead": {"name": "Lead", "permissions": [["BasicAgentAccess"], ["BasicAgentAccess", "OutboundCallAccess"], [], ["Users.View"]][r],
                     **inside, **described},
            "agent": {"name": "Plain agent", **inside}},
        "aws_connect_user_hierarchy_structure": {
            "levels": {"instance_id": INSTANCE, "hierarchy_structure": {
                level: {"name": text} for level, text in zip(("level_one", "level_two", "level_three"), levels)}}},
        "aws_connect_user_hierarchy_group": {
            "france": {"name": name("France"), "depends_on": ["aws_connect_user_hierarchy_structure.levels"], **inside},
            "paris": {"name": "Paris", "parent_group_id": ref("user_hierarchy_group", "france", "hierarchy_group_id"),
                      "lifecycle": {"ignore_changes": ["parent_group_id"]}, **inside}},  # which the provider does not read
        "aws_connect_user": {
            "jane": {"name": "jane", "password": "Secret-1234", "routing_profile_id": ref("routing_profile", "agents"),
                     "security_profile_ids": [ref("security_profile", p) for p in (["lead"], ["agent"], ["agent", "lead"], ["lead"])[r]],
                     **({} if r == 2 else {"hierarchy_group_id": ref("user_hierarchy_group", "paris" if r % 2 else "france", "hierarchy_group_id")}),
                     "identity_info": identity, "phone_config": phone, "lifecycle": {"ignore_changes": ["password"]}, **inside}},
        "aws_connect_contact_flow_module": {
            "lookup": {"name": name("Look up order"), "content": json.dumps({"Version": "2019-10-30", "StartAction": "a", "Actions": [], "Round": r}),
                       **inside, **optional}},
    }


# The data sources, what they find and the attribute that they have in common with it.
FOUND = {
    "hours_of_operation": "day", "queue": "sales", "quick_connect": "phone", "routing_profile": "agents", "security_profile": "lead",
    "user": "jane", "contact_flow_module": "lookup", "user_hierarchy_group": "paris",
}
IDS = {"user_hierarchy_group": "hierarchy_group_id"}


def data_sources():
    by_name = {f"aws_connect_{kind}": {
        "by_name": {"instance_id": INSTANCE, "name": ref(kind, name, "name")},
        "by_id": {"instance_id": INSTANCE, IDS.get(kind, f"{kind}_id"): ref(kind, name, IDS.get(kind))}} for kind, name in FOUND.items()}
    return by_name | {
        "aws_connect_instance": {"by_name": {"instance_alias": ref("instance", "centre", "instance_alias")}, "by_id": {"instance_id": INSTANCE}},
        "aws_connect_user_hierarchy_structure": {"it": {"instance_id": INSTANCE, "depends_on": ["aws_connect_user_hierarchy_structure.levels"]}}}


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def initialised(server, tmp_path_factory):
    return Terraform(tmp_path_factory.mktemp("terraform") / "initialised", server.url)


def test_terraform(server, initialised, tmp_path):
    alias = fresh("tf")
    t = Terraform(tmp_path / "first", server.url, initialised)
    for round in range(4):
        t.apply({"resource": resources(alias, round)})
        t.assert_unchanged()

    t.apply({"resource": resources(alias, 3), "data": data_sources()})
    t.assert_unchanged()
    state = t.state()
    for kind, name in FOUND.items():
        made = state[f"aws_connect_{kind}.{name}"]
        for by in ("by_name", "by_id"):
            assert state[f"data.aws_connect_{kind}.{by}"]["arn"] == made["arn"], (kind, by)

    again = Terraform(tmp_path / "again", server.url, t)
    made = {a: v for a, v in state.items() if not a.startswith("data.")}
    said = again.apply({"resource": resources(alias, 3), "import": [{"to": a, "id": v["id"]} for a, v in made.items()]})
    assert f"{len(made)} imported, 0 added, 0 changed, 0 destroyed" in said, said
    again.assert_unchanged()
    unread = {"password", "parent_group_id"}
    assert {a: {k: x for k, x in v.items() if k not in unread} for a, v in again.state().items()} == {
        a: {k: x for k, x in v.items() if k not in unread} for a, v in made.items()}

    t.run("destroy", "-auto-approve", "-input=false")
    assert t.state() == {}
    connect = client(server)
    assert alias not in [i.get("InstanceAlias") for i in connect.list_instances()["InstanceSummaryList"]]


# All that provider 5.100 has for Amazon Connect.
RESOURCES = {f"aws_connect_{kind}" for kind in (
    "bot_association", "contact_flow", "contact_flow_module", "hours_of_operation", "instance", "instance_storage_config",
    "lambda_function_association", "phone_number", "queue", "quick_connect", "routing_profile", "security_profile", "user",
    "user_hierarchy_group", "user_hierarchy_structure", "vocabulary")}
DATA_SOURCES = RESOURCES - {"aws_connect_phone_number"} | {"aws_connect_prompt"}
MODULE = pathlib.Path(__file__).parent / "terraform"


def held(folder):
    """Address to values of all that Terraform holds, as its file has it: asking Terraform starts the provider."""
    out = {}
    for r in json.loads((folder / "terraform.tfstate").read_text())["resources"]:
        address = f"{'data.' if r['mode'] == 'data' else ''}{r['type']}.{r['name']}"
        for i in r["instances"]:
            out[address + (f"[{json.dumps(i['index_key'])}]" if "index_key" in i else "")] = i["attributes"]
    return out


def test_every_resource(server, initialised, tmp_path):
    """Every resource and data source of the provider, in one configuration with references, as modules are written."""
    alias, connect = fresh("module"), client(server)
    t = Terraform(tmp_path / "first", server.url, initialised)

    def apply(stage, *files):
        for file in files:
            shutil.copy(MODULE / file, t.folder)
        t.write("terraform.tfvars", {"alias": alias, "stage": stage})
        said = t.run("apply", "-auto-approve", "-input=false").stdout
        t.assert_unchanged()
        return said

    apply(0, "center.tf")
    instance = held(t.folder)["aws_connect_instance.this"]["id"]
    connect.create_prompt(InstanceId=instance, Name="Welcome", S3Uri="s3://prompts/welcome.wav")
    said = apply(1, "found.tf")
    assert re.search(r"Resources: [1-9]\d* added, [1-9]\d* changed, [1-9]\d* destroyed", said), said

    state = held(t.folder)
    made = {a: v for a, v in state.items() if not a.startswith("data.")}
    assert {a.split(".")[0] for a in made} == RESOURCES
    assert {a.split(".")[1] for a in state.keys() - made.keys()} == DATA_SOURCES
    for address, values in made.items():
        read = state.get(f"data.{address}")
        if read and "arn" in values:
            assert read["arn"] == values["arn"], address

    again = Terraform(tmp_path / "again", server.url, initialised)
    shutil.copy(MODULE / "center.tf", again.folder)
    again.write("terraform.tfvars", {"alias": alias, "stage": 1})
    again.write("import", {"import": [{"to": a, "id": v["id"]} for a, v in made.items()]})
    said = again.run("plan", "-input=false").stdout
    assert f"Plan: {len(made)} to import, 0 to add, 0 to change, 0 to destroy." in said, said

    t.run("destroy", "-auto-approve", "-input=false", "-refresh=false")
    assert held(t.folder) == {}
    assert alias not in [i.get("InstanceAlias") for i in connect.list_instances()["InstanceSummaryList"]]


def test_terraform_without_what_was_referred_to(server, initialised, tmp_path):
    """A resource and the reference to it go in one apply, and parts come back in another order."""
    centre = Centre(client(server))
    t = Terraform(tmp_path / "first", server.url, initialised)
    inside = {"instance_id": centre.id}
    connect = {"name": "Phone", "quick_connect_config": {"quick_connect_type": "PHONE_NUMBER", "phone_config": {"phone_number": "+12065550100"}},
               "lifecycle": {"create_before_destroy": True}, **inside}
    queue = {"name": "Q", "hours_of_operation_id": centre.basic_hours, **inside}
    t.apply({"resource": {"aws_connect_quick_connect": {"phone": connect},
                          "aws_connect_queue": {"q": queue | {"quick_connect_ids": [ref("quick_connect", "phone")]}}}})
    t.assert_unchanged()
    t.apply({"resource": {"aws_connect_queue": {"q": queue}}})
    t.assert_unchanged()
    assert list(t.state()) == ["aws_connect_queue.q"]


def test_export_hands_over_to_terraform(server, initialised, tmp_path):
    """What is exported for Terraform is imported, and then there is nothing to change."""
    alias = fresh("export")
    t = Terraform(tmp_path / "first", server.url, initialised)
    for round in (0, 3):
        t.apply({"resource": resources(alias, round)})
        again = Terraform(tmp_path / f"exported-{round}", server.url, initialised)
        server.run("export", "--format", "terraform", "--instance", alias, "--out", str(again.folder / "exported.tf"))
        again.run("fmt", "-check", "exported.tf")
        again.run("validate")
        said = again.run("plan", "-input=false").stdout
        plan = re.search(r"^Plan: (\d+) to import, 0 to add, 0 to change, 0 to destroy\.$", said, re.M)
        assert plan, said
        # All that the configuration has but the instance itself, and what every instance has besides.
        assert int(plan[1]) >= sum(len(v) for v in resources(alias, round).values()) - 1


def who(access):
    """Who gains, loses and reaches what, without what depends on the moment of asking."""
    return {of: sorted((e["action"], e.get("type", ""), str(e.get("before")), str(e.get("after")), str(e["who"].get("names")),
                        str([(h["profile"], h["count"]) for h in e["who"].get("holders", [])])) for e in access[of])
            for of in ("gains", "losses", "changed")} | {n: access[n] for n in ("affected", "gaining", "losing", "created", "deleted")}


def test_plan_says_what_apply_does(server, initialised, tmp_path):
    """Who gains and loses what by a plan of Terraform is what they gained and lost once it was applied."""
    alias = fresh("planned")
    t = Terraform(tmp_path / "first", server.url, initialised)
    t.apply({"resource": resources(alias, 0)})
    gains = 0
    for round in (1, 3):
        t.write("main", {"resource": resources(alias, round)})
        t.run("plan", "-input=false", "-out=saved")
        (t.folder / "saved.json").write_text(t.run("show", "-json", "saved").stdout)
        lines = [json.loads(l) for l in server.run("plan", "--terraform", str(t.folder / "saved.json"), "--format", "json",
                                                   "--instance", alias).splitlines()]
        said = next(l["access"] for l in lines if l["type"] == "access")
        before = str(tmp_path / f"before-{round}.backup")
        server.run("backup", before)
        t.run("apply", "-input=false", "saved")
        done = json.loads(server.run("diff", f"{before}#{alias}", alias, "--format", "json"))
        assert who(said) == who(done["access"]), round
        gains += said["gaining"]
        changed = {(c["type"], c["action"]) for c in done["changes"]}
        assert ("SecurityProfile", "update") in changed and ("User", "update") in changed, changed
    assert gains
