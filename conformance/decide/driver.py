"""Drives lanyard-decide by commands, one in a line, as driver.mjs does @lanyard/decide."""
import dataclasses
import json
import sys
import threading
import time

import lanyard_decide
from lanyard_decide import Decider, Subject

decider, saying = None, threading.Lock()
real_time, real_steady = time.time, time.monotonic


def say(message):
    with saying:  # threads of a Decider say things too
        print(json.dumps(message, default=str), flush=True)


def subject(members):
    named = members.pop("subject", None)
    return {"subject": Subject(**named)} if named else {}


def load(url, **members):
    global decider
    decider = Decider.load(url, **subject(members), **members, on_error=lambda e: say({"event": "error", "text": str(e)}))
    decider.on_change(lambda status: say({"event": "change", "ok": status.ok, "reason": status.reason}))
    return status()


def open_snapshot(snapshot, keys, **members):
    global decider
    decider = Decider.from_snapshot(snapshot, keys, **subject(members), **members)
    return status()


def status():
    return dataclasses.asdict(decider.status)


def ask(question):
    return question["action"], question.get("resource"), question.get("surface", "admin")


def decide(questions):
    out = []
    for action, resource, surface in map(ask, questions):
        out.append(dataclasses.asdict(decider.decide(action, resource, surface=surface)))
    return out


def explain(question):
    action, resource, surface = ask(question)
    return dataclasses.asdict(decider.explain(action, resource, surface=surface))


def clock(ahead, passed=0):
    lanyard_decide.time.time = lambda: real_time() + ahead / 1000
    lanyard_decide.time.monotonic = lambda: real_steady() + passed / 1000


def measure(question, count):
    action, resource, surface = ask(question)
    began = time.perf_counter()
    for _ in range(count):
        decider.decide(action, resource, surface=surface)
    return (time.perf_counter() - began) / count * 1e6


ops = {"load": load, "open": open_snapshot, "status": status, "decide": decide, "explain": explain, "clock": clock,
       "refresh": lambda: decider.refresh(), "close": lambda: decider and decider.close(), "time": measure}
threading.Thread(target=Decider, daemon=True).start()  # which compiles the module, while others do what they do
for line in sys.stdin:
    members = json.loads(line)
    try:
        say({"answer": ops[members.pop("op")](**members)})
    except Exception as error:
        say({"refused": str(error), "kind": type(error).__name__, "status": getattr(error, "status", None)})
