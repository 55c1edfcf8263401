"""The packages for JavaScript and Python that decide by themselves, as built and installed, against a server."""
import base64
import functools
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from centre import Centre, agent_arn
from check import client
from server import Server

HERE = pathlib.Path(__file__).parent
LANGUAGES = ("node", "python")
PATIENCE = 30
MISSING = "00000000-0000-4000-8000-000000000000"


def run(*command, **kw):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **kw)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folders in which the built packages are installed, and nothing else."""
    for program in ("node", "npm", "go"):
        if not shutil.which(program):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{program} is not installed")
    dist = tmp_path_factory.mktemp("dist")
    run(HERE.parent / ".ci" / "packages-decide", env={**os.environ, "DIST": str(dist)})
    node, python = tmp_path_factory.mktemp("node"), tmp_path_factory.mktemp("python")
    (node / "package.json").write_text('{"private": true}')
    with ThreadPoolExecutor() as both:
        jobs = [both.submit(run, "npm", "install", "--offline", "--no-audit", "--no-fund", str(next(dist.glob("*.tgz"))), cwd=node),
                both.submit(run, str(pathlib.Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--offline", "--no-deps",
                            "--python", sys.executable, "--target", str(python), str(next(dist.glob("*.whl"))))]
        for job in jobs:
            job.result()
    return {"node": node, "python": python, "dist": dist}


class Driver:
    """A program in another language that decides."""

    def __init__(self, language, folder):
        command, kw = {
            "node": (["node", str(HERE / "decide" / "driver.mjs")], {"cwd": folder}),
            "python": ([sys.executable, str(HERE / "decide" / "driver.py")], {"env": {**os.environ, "PYTHONPATH": str(folder)}}),
        }[language]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **kw)
        self.changed = threading.Condition()
        self.answers, self.events = [], []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.changed:
                (self.events if "event" in message else self.answers).append(message)
                self.changed.notify_all()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.reader.join()

    def wait(self, done, what):
        with self.changed:
            assert self.changed.wait_for(done, PATIENCE), f"{what} did not come: {self.events[-5:]}"

    def send(self, op, **members):
        self.process.stdin.write(json.dumps({"op": op, **members}) + "\n")
        self.process.stdin.flush()
        self.wait(lambda: self.answers, f"an answer to {op}")
        return self.answers.pop(0)

    def ask(self, op, **members):
        answer = self.send(op, **members)
        assert "answer" in answer, answer
        return answer["answer"]

    def decide(self, action, type=None, id=None, **resource):
        question = {"action": action}
        if type is not None:
            question["resource"] = {"type": type, "id": id or "", **resource}
        return self.ask("decide", questions=[question])[0]

    def until(self, done, what):
        """Waits for a state that a change of the server leads to."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < deadline, f"{what}: {self.ask('status')}, {self.events[-5:]}"
            time.sleep(0.01)


class World:
    """An instance with users whom tags and the hierarchy restrict."""

    def __init__(self, server):
        self.server = server
        self.centre = c = Centre(client(server))
        self.instance = c.id
        c.levels(2)
        self.europe = c.group()
        self.france = c.group(self.europe)
        fr, de = {"Country": "FR"}, {"Country": "DE"}
        self.supervisor = c.profile(
            Permissions=["Users.View", "Users.Edit", "Queues.View", "Queues.Edit"], AllowedAccessControlTags=fr,
            TagRestrictedResources=["User", "Queue"])
        self.leader = c.profile(
            Permissions=["Users.View", "ContactSearch.View", "RestrictContactAccessByHierarchy.View"],
            HierarchyRestrictedResources=["User"],
            Applications=[{"Namespace": "tools", "ApplicationPermissions": ["refund"], "Type": "MCP"}])
        self.plain = c.profile(Permissions=["Queues.View"])
        self.agent = agent_arn(":1")
        c.associate_security_profiles(EntityType="AI_AGENT", EntityArn=self.agent, SecurityProfiles=[{"Id": self.leader}])
        self.paris, self.berlin = c.queue(Tags=fr), c.queue(Tags=de)
        self.users = {
            "claire": c.user([self.supervisor], Tags=fr, HierarchyGroupId=self.france),
            "louis": c.user([self.plain, self.leader], Tags=de, HierarchyGroupId=self.europe),
            "hidden": c.user([self.plain], Tags=de),
        }

    @functools.cache
    def token(self, *flags):
        return self.server.run("token", "create", "--instance", self.instance, "--output", "table", *flags).strip()

    def get(self, path, token=None):
        request = urllib.request.Request(self.server.url + path, headers={"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def snapshot(self, user, **query):
        parameters = "&".join(f"{k}={v}" for k, v in {"id": self.users[user], **query}.items())
        return self.get(f"/lanyard/v1/subject-snapshot?{parameters}", self.token())

    def keys(self):
        return json.loads(self.get("/.well-known/lanyard-keys.json"))

    def questions(self):
        """Questions, and the same as the caller of the decision API must ask them: there, tags of users do not count."""
        tags = {"claire": {"Country": "FR"}, "louis": {"Country": "DE"}, "hidden": {"Country": "DE"}}
        groups = {"claire": [self.europe, self.france], "louis": self.europe, "hidden": ""}
        for action in ("Users.View", "Users.Edit", "Queues.View", "Queues.Edit", "ContactSearch.View", "Prompts.View", "No.Such"):
            yield {"action": action}
        for user, id in self.users.items():
            for action in ("Users.View", "Users.Edit", "Queues.View"):
                for surface in ("admin", "reports"):
                    yield {"action": action, "surface": surface,
                           "resource": {"type": "User", "id": id, "tags": tags[user], "group": groups[user]}}
        for queue in (self.paris, self.berlin):
            for action in ("Queues.View", "Queues.Edit"):
                yield {"action": action, "resource": {"type": "Queue", "id": queue}}
        for group in (self.europe, [self.europe, self.france], [MISSING, MISSING]):
            yield {"action": "ContactSearch.View", "resource": {"type": "Contact", "id": "c", "group": group, "channel": "VOICE"}}
        for tool in ("refund", "Rückgabe ☂", "x" * 200):
            yield {"action": tool, "resource": {"type": "Application", "id": "tools"}}

    def evaluations(self, questions, subject):
        """What the server decides."""
        items = []
        for q in questions:
            r = q.get("resource", {"type": "Instance", "id": ""})
            group = r.get("group", "")
            items.append({"action": {"name": q["action"]}, "context": {"surface": q.get("surface", "admin")},
                          "resource": {"type": r["type"], "id": r["id"], "properties": {
                              "hierarchy_group": group[-1] if isinstance(group, list) else group, **({"channel": r["channel"]} if "channel" in r else {})}}})
        properties = {"assisting": subject["assisting"]} if "assisting" in subject else {}
        body = {"subject": {"type": subject["type"], "id": subject["id"], "properties": properties}, "evaluations": items}
        request = urllib.request.Request(
            self.server.url + "/access/v1/evaluations", json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return [(e["decision"], e["context"]["reason"], e["context"].get("profile")) for e in json.load(answer)["evaluations"]]


@pytest.fixture(scope="module")
def world():
    with Server() as server:
        yield World(server)


@pytest.fixture(scope="module")
def drivers(installed):
    """One of each language, both at once: compiling the module takes Python seconds."""
    drivers = {language: Driver(language, installed[language]) for language in LANGUAGES}
    yield drivers
    for driver in drivers.values():
        driver.close()


@pytest.fixture(params=LANGUAGES)
def driver(request, drivers):
    driver = drivers[request.param]
    driver.ask("clock", ahead=0)
    driver.events.clear()
    yield driver
    driver.ask("close")


def test_size(installed):
    """What is downloaded is smaller than 3 MB."""
    for package in installed["dist"].iterdir():
        assert 1 << 20 < package.stat().st_size < 3_000_000, package


def test_answers_are_the_servers(world, driver):
    token = world.token()
    subjects = [{"type": "user", "id": id} for id in world.users.values()] + [
        {"type": "ai_agent", "id": world.agent}, {"type": "ai_agent", "id": world.agent, "assisting": world.users["louis"]}]
    questions = list(world.questions())
    allowed = 0
    for subject in subjects:
        status = driver.ask("load", url=world.server.url, token=token, subject=subject, follow=False)
        assert status["ok"] and status["instance"] == world.instance, status
        got = [(d["allow"], d["reason"], d.get("profile")) for d in driver.ask("decide", questions=questions)]
        want = world.evaluations(questions, subject)
        assert got == want, [(q, g, w) for q, g, w in zip(questions, got, want) if g != w]
        allowed += sum(g[0] for g in got)
        for q, d in zip(questions, got):
            x = driver.ask("explain", question=q)
            assert (x["allow"], x["reason"]) == d[:2] and x["why"], (q, x, d)
    assert allowed > 25


def test_own_snapshot(world, driver):
    """A token that is bound to a user gets that user's rights; they say why not, and nothing about others."""
    token = world.token("--user", world.users["claire"])
    assert driver.ask("load", url=world.server.url, token=token, follow=False)["subject"]["id"] == world.users["claire"]
    x = driver.ask("explain", question={"action": "Users.Edit", "resource": {"type": "User", "id": world.users["louis"],
                                                                          "tags": {"Country": "DE"}}})
    assert "requires tag Country=FR; the resource has Country=DE" in x["why"]
    assert x["profiles"][0]["failed"][0]["want"] == "Country=FR"
    unknown = driver.decide("Users.Edit", "User", world.users["louis"])
    assert not unknown["allow"] and unknown["reason"] == "unknown resource" and "tags" in unknown["why"]
    # What the snapshot knows counts, and not what a page says of it.
    assert not driver.decide("Queues.Edit", "Queue", world.berlin, tags={"Country": "FR"})["allow"]
    payload = world.get("/lanyard/v1/subject-snapshot", token).split(".")[1]
    payload = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    for other in (world.users["louis"], world.users["hidden"], world.plain, world.leader, world.berlin, world.agent):
        assert other not in payload
    refused = driver.send("load", url=world.server.url, token=token, subject={"id": world.users["louis"]})
    assert refused["kind"] == "LanyardError" and refused["status"] == 403 and "another subject" in refused["refused"]


def test_bad_questions(world, driver):
    driver.ask("load", url=world.server.url, token=world.token(), subject={"id": world.users["claire"]}, follow=False)
    for question in ({"action": 7}, {"action": "x", "surface": "moon"}, {"action": "x", "resource": {"type": "User", "id": 7}},
                     {"action": "x", "resource": {"type": "User", "tags": {"k": None}}}, {"action": "x" * 300_000}):
        refused = driver.send("decide", questions=[question])
        assert refused["kind"] in ("TypeError", "RangeError", "ValueError") and " must be " in refused["refused"], refused
    assert driver.decide("Users.View")["allow"]
    big = {"k" * 100 + str(i): "v" * 200 for i in range(500)}  # the memory of the module grows
    assert not driver.decide("Users.View", "User", "x", tags=big)["allow"]
    assert driver.decide("Users.View", "User", "x", tags={**big, "Country": "FR"})["allow"]


def test_useless_snapshots_deny_everything(world, driver):
    good, keys = world.snapshot("claire"), world.keys()
    other_keys = {"keys": [dict(k, kid=k["kid"][::-1]) for k in keys["keys"]]}
    head, payload, signature = good.split(".")
    forged = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    forged["Rights"]["Profiles"][0]["Permissions"].append("SecurityProfiles.Edit")
    forged = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    rows = [
        ("ok", {"snapshot": good}, 0, None),
        ("ok", {"snapshot": good, "subject": {"id": world.users["claire"]}, "instance": world.instance}, 0, None),
        ("forged", {"snapshot": f"{head}.{forged}.{signature}"}, 0, "forged snapshot"),
        ("without signature", {"snapshot": f"{head}.{payload}."}, 0, "forged snapshot"),
        ("of another's signature", {"snapshot": f"{head}.{payload}." + world.snapshot("louis").split(".")[2]}, 0, "forged snapshot"),
        ("truncated", {"snapshot": good[:-1]}, 0, None),
        ("truncated in the payload", {"snapshot": good[:len(good) // 2]}, 0, "invalid snapshot"),
        ("empty", {"snapshot": ""}, 0, "no snapshot"),
        ("no snapshot at all", {"snapshot": "☂" * 1000}, 0, "invalid snapshot"),
        ("too large", {"snapshot": "x" * 6_000_000}, 0, None),
        ("of another key", {"snapshot": good, "keys": other_keys}, 0, "unknown key"),
        ("of no keys", {"snapshot": good, "keys": {"keys": []}}, 0, "unknown key"),
        ("of another subject", {"snapshot": good, "subject": {"id": world.users["louis"]}}, 0, "another subject"),
        ("of another instance", {"snapshot": good, "instance": MISSING}, 0, "another instance"),
        ("expired", {"snapshot": good}, 301_000, "expired snapshot"),
        ("of the future", {"snapshot": good}, -400_000, "snapshot from the future"),
    ]
    for name, options, ahead, reason in rows:
        driver.ask("clock", ahead=ahead)
        answer = driver.send("open", **{"keys": keys, **options})
        if name == "too large":
            assert "too large" in answer["refused"]
            continue
        decision = driver.decide("Users.View")
        if name == "ok":
            assert answer["answer"]["ok"] and decision["allow"], answer
            continue
        assert not answer["answer"]["ok"] and not decision["allow"], (name, answer, decision)
        assert decision["reason"] == (reason or decision["reason"]) and "snapshot" in decision["reason"] + decision["why"], (name, decision)
        assert decision["why"] == answer["answer"]["why"] == driver.ask("explain", question={"action": "Users.View"})["why"], name


def test_a_clock_that_is_set_back_prolongs_nothing(world, driver):
    driver.ask("open", snapshot=world.snapshot("claire", lifetime=60), keys=world.keys())
    driver.ask("clock", ahead=-200_000, passed=50_000)
    assert driver.decide("Users.View")["allow"]
    driver.ask("clock", ahead=-200_000, passed=61_000)
    assert driver.decide("Users.View")["reason"] == "expired snapshot"


def test_following(world, driver):
    """Changes are followed, until the user is deleted: then everything is denied."""
    c = world.centre
    profile = c.profile(Permissions=["Queues.View"])
    user = c.user([profile])
    token = world.token("--user", user)
    driver.ask("load", url=world.server.url, token=token)
    assert not driver.decide("Prompts.View")["allow"]
    for grants in (True, False):
        c.update_security_profile(SecurityProfileId=profile, Permissions=["Queues.View"] + ["Prompts.View"] * grants)
        began = time.monotonic()
        driver.until(lambda: driver.decide("Prompts.View")["allow"] == grants, "the change is not followed")
        assert time.monotonic() - began < 5
    c.delete_user(UserId=user)
    driver.until(lambda: not driver.decide("Queues.View")["allow"], "a deleted user is allowed")
    decision = driver.decide("Queues.View")
    assert decision["reason"] == "refused by the server" and "does not exist" in decision["why"], decision
    changes = [e for e in driver.events if e["event"] == "change"]
    assert [e["ok"] for e in changes] == [True, True, False], driver.events


def test_a_server_that_is_away(world, driver):
    """Without the server, the last rights are used until they expire; when it is back, the rights are."""
    driver.ask("load", url=world.server.url, token=world.token("--user", world.users["claire"]))
    world.server.kill()
    driver.wait(lambda: any(e["event"] == "error" for e in driver.events), "an error")
    assert driver.decide("Users.View")["allow"]
    driver.ask("clock", ahead=300_000)
    assert driver.decide("Users.View")["reason"] == "expired snapshot"
    driver.ask("clock", ahead=0)
    world.server.start()
    grants = ["Users.View", "Users.Edit", "Queues.View", "Queues.Edit"]
    for more in (["Prompts.View"], []):
        world.centre.update_security_profile(SecurityProfileId=world.supervisor, Permissions=grants + more)
        driver.until(lambda: driver.decide("Prompts.View")["allow"] == bool(more), "the rights are not back")


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers what a proxy might: keys that are none at first, and snapshots that are cut at first or somebody else's later."""

    def do_GET(self):
        body, missing = self.server.answer(self.path.split("?")[0])
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body.encode())
        self.close_connection = True

    def log_message(self, *_):
        pass


def test_what_comes_in_between(world, driver):
    """An answer that is cut is a LanyardError, keys that are none are asked for again, and the subject stays the same."""
    snapshots = [(world.snapshot("claire"), 7), (world.snapshot("claire"), 0), ("nothing", 0), (world.snapshot("louis"), 0)]
    keys = ['"sign in first"', *[json.dumps(world.keys())] * 9]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as liar:
        liar.answer = lambda path: snapshots.pop(0) if path.endswith("snapshot") else (keys.pop(0), 0)
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{liar.server_port}"
        assert driver.send("load", url=url, follow=False).get("kind") == "LanyardError"
        assert driver.ask("load", url=url, follow=False)["ok"] and driver.decide("Users.View")["allow"]
        for reason in ("invalid snapshot", "another subject"):
            driver.ask("refresh")
            decision = driver.decide("Users.View")
            assert not decision["allow"] and decision["reason"] == reason, decision
        liar.shutdown()


PAGE = """<!DOCTYPE html><title>desktop</title><body><script type="module">
import { Decider } from "/node_modules/@lanyard/decide/dist/index.js";
const result = { questions: QUESTIONS };
try {
  const decider = await Decider.load({ url: "URL", token: "TOKEN", follow: false });
  result.answers = result.questions.map((q) => [decider.decide(q).allow, decider.decide(q).reason]);
} catch (error) {
  result.error = String(error);
}
await fetch("/result", { method: "POST", body: JSON.stringify(result.error ?? result.answers) });
</script>"""


def test_in_a_browser(world, installed, tmp_path):
    """A page of another origin decides by its user's rights."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("chromium is not installed")
    questions = list(world.questions())
    page = PAGE.replace("QUESTIONS", json.dumps(questions)).replace("URL", world.server.url)
    (installed["node"] / "page.html").write_text(page.replace("TOKEN", world.token("--user", world.users["claire"])))
    handler = functools.partial(Pages, directory=str(installed["node"]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        pages.result = queue.Queue()
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}",
             f"http://localhost:{pages.server_port}/page.html"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            got = pages.result.get(timeout=PATIENCE)
        finally:
            browser.terminate()
            browser.wait(PATIENCE)
            pages.shutdown()
    want = world.evaluations(questions, {"type": "user", "id": world.users["claire"]})
    assert json.loads(got) == [list(w[:2]) for w in want], got


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serves files, and takes what the page found out."""

    extensions_map = {".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html"}

    def do_POST(self):
        self.server.result.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_speed(world, driver):
    """A decision takes less than 20 µs, on a machine that does nothing else; here, several times as long at most."""
    driver.ask("load", url=world.server.url, token=world.token(), subject={"id": world.users["claire"]}, follow=False)
    question = {"action": "Users.View", "resource": {"type": "User", "id": world.users["louis"], "tags": {"Country": "FR"}}}
    best = min(driver.ask("time", question=question, count=2000) for _ in range(5))
    assert best < 100, f"a decision takes {best} µs"
