"""The container image, built and run with Docker or Buildah: its size, its user, its health check, and an emulator in it."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import time

import boto3
import pytest

ROOT = pathlib.Path(__file__).parent.parent
NAME = "lanyard:conformance"


def docker_runs():
    return shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


if not docker_runs() and not shutil.which("buildah"):
    if os.environ.get("CI") == "true":
        pytest.fail("building the image requires Docker or Buildah: apt-get install buildah", pytrace=False)
    pytest.skip("neither Docker nor Buildah is installed", allow_module_level=True)


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


class Docker:
    """What the tests do with Docker."""

    def inspect(self):
        return json.loads(run("docker", "image", "inspect", NAME))[0]["Config"]

    def save(self, file):
        run("docker", "save", "-o", str(file), NAME)

    def start(self, port, *arguments):
        self.container = run("docker", "run", "-d", "--read-only", "-p", f"127.0.0.1:{port}:4580", NAME, *arguments)
        return subprocess.Popen(["docker", "logs", "-f", self.container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def command(self, port, *arguments):
        return subprocess.run(["docker", "exec", self.container, "/lanyard", *arguments], capture_output=True, text=True)

    def stop(self, process):
        run("docker", "stop", self.container)
        return int(run("docker", "wait", self.container))

    def close(self):
        run("docker", "rm", "-f", self.container)


class Buildah:
    """The same with Buildah: a container is the root folder of the image, with the user and variables of its configuration."""

    def __init__(self):
        self.container = run(*self.buildah, "from", "--pull-never", NAME)

    buildah = ("buildah", "--storage-driver", "vfs")

    def inspect(self):
        return json.loads(run(*self.buildah, "inspect", "--type", "image", NAME))["Docker"]["config"]

    def save(self, file):
        run(*self.buildah, "push", NAME, f"docker-archive:{file}")

    def start(self, port, *arguments):
        return subprocess.Popen(self.line(port, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def line(self, port, *arguments):
        return [*self.buildah, "run", "--isolation", "chroot", "--env", f"LANYARD_LISTEN=127.0.0.1:{port}", self.container, "--",
                "/lanyard", *arguments]

    def command(self, port, *arguments):
        return subprocess.run(self.line(port, *arguments), capture_output=True, text=True)

    def stop(self, process):
        """Buildah passes no signals on, so the program in the container gets one itself."""
        children, [pid] = pathlib.Path("/proc"), [process.pid]
        while True:
            below = (children / str(pid) / "task" / str(pid) / "children").read_text().split()
            if not below:
                break
            pid = int(below[0])
        os.kill(pid, signal.SIGTERM)
        return process.wait(20)

    def close(self):
        run(*self.buildah, "rm", self.container)


@pytest.fixture(scope="module")
def engine():
    run(str(ROOT / ".ci/image"), NAME)
    engine = Docker() if docker_runs() else Buildah()
    yield engine
    engine.close()


def test_image_is_small_and_has_no_root(engine, tmp_path):
    config = engine.inspect()
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/lanyard"] and config["Cmd"] == ["serve"]
    assert list(config["Volumes"]) == ["/var/lib/lanyard"] and list(config["ExposedPorts"]) == ["4580/tcp"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/lanyard", "healthcheck"]
    engine.save(tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as image:
        layers = {layer for entry in json.load(image.extractfile("manifest.json")) for layer in entry["Layers"]}
        names = {name for layer in layers for name in tarfile.open(fileobj=image.extractfile(layer)).getnames()}
    assert {n for n in names if not n.rstrip("/") in ("var", "var/lib", "var/lib/lanyard")} == {"lanyard"}
    packed = subprocess.run(["gzip", "-1", "-c", tmp_path / "image.tar"], capture_output=True).stdout
    assert len(packed) < 40e6, "as registries keep it"


def test_emulator_in_the_image(engine):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    began = time.monotonic()
    process = engine.start(port, "serve", "--emulator", "--store", "memory")
    shown = []
    for line in process.stdout:
        shown.append(line)
        if line.strip() == "Ready.":
            break
        assert time.monotonic() < began + 20
    else:
        pytest.fail("the emulator did not become ready:\n" + "".join(shown))
    connect = boto3.client("connect", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                           aws_access_key_id="123456789012", aws_secret_access_key="any")
    made = connect.create_instance(IdentityManagementType="SAML", InstanceAlias="centre", InboundCallsEnabled=True, OutboundCallsEnabled=True)
    assert connect.describe_instance(InstanceId=made["Id"])["Instance"]["InstanceStatus"] == "ACTIVE"
    healthy = engine.command(port, "healthcheck")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    assert engine.stop(process) == 0
    assert engine.command(port, "healthcheck").returncode != 0
