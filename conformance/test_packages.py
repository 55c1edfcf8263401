"""The packages for Python and npm, as their users have them: built, installed from the built files into environments that
have nothing else of lanyard, and used by the projects of docs/testing.md."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parent.parent
HERE = pathlib.Path(__file__).parent / "packages"
VERSION = (ROOT / "cmd/lanyard/VERSION").read_text().strip()
FILE = re.compile(r"^```\w+ (\S+\.\w+)\n(.*?)^```$", re.M | re.S)
JS = ("profiles.test.mjs", "team.test.mjs", "profiles.jest.cjs", "vitest.config.mjs", "script.mjs")
WANTED = ["boto3", "pytest", "pytest-xdist"]


def unavailable(why):
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


def run(*command, cwd=ROOT, env=None, code=0, timeout=120):
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    assert code is None or done.returncode == code, said[-8000:]
    return said


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The files that make packages builds for this platform."""
    if not shutil.which("go") or not shutil.which("npm"):
        unavailable("Go or Node (with npm) is not installed")
    dist = tmp_path_factory.mktemp("dist")
    run(str(ROOT / ".ci/packages"), env=os.environ | {"DIST": str(dist), "PLATFORMS": "host", "PACKAGES": "python npm"}, timeout=600)
    return dist


def only(folder, pattern):
    found = list(folder.glob(pattern))
    assert len(found) == 1, (pattern, sorted(p.name for p in folder.iterdir()))
    return found[0]


class Trap:
    """An address that nobody may connect to. It stands for every proxy and endpoint in a developer's settings."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.heard = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                connection.settimeout(2)
                with connection, contextlib.suppress(OSError):
                    self.heard.append(connection.recv(300))


@pytest.fixture
def trap():
    trap = Trap()
    yield trap
    trap.socket.close()
    assert trap.heard == [], "a test reached an address of the developer's settings"


@pytest.fixture
def hostile(trap, tmp_path):
    """The environment of somebody who is signed in to production, with everything pointing at it."""
    (tmp_path / "config").write_text(f"""[profile production]
region = eu-west-2
endpoint_url = {trap.url}
use_fips_endpoint = true
services = all
role_arn = arn:aws:iam::999999999999:role/admin
source_profile = production
[services all]
connect =
  endpoint_url = {trap.url}
""")
    (tmp_path / "credentials").write_text("[production]\naws_access_key_id = AKIAPRODUCTION000000\naws_secret_access_key = s3cr3t\n")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LANYARD_", "PYTEST_", "PYTHON", "npm_"))}
    proxies = {name: trap.url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")}
    return clean | proxies | {"RUN": f"{tmp_path}", "NO_COLOR": "1", "NODE_NO_WARNINGS": "1"} | {
        "NO_PROXY": "", "no_proxy": "", "AWS_PROFILE": "production", "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_ENDPOINT_URL": trap.url, "AWS_ENDPOINT_URL_CONNECT": trap.url,
        "AWS_ACCESS_KEY_ID": "AKIAPRODUCTION000001", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "t0ken",
        "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-2", "AWS_MAX_ATTEMPTS": "9",
        "LANYARD_LISTEN": "0.0.0.0:1", "LANYARD_STORE": "postgres://127.0.0.1:1/nothing", "LANYARD_SEED": "/nowhere"}


def servers_of(env):
    """The servers that runs with an environment have started, by process id; none are found without /proc."""
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"--stop-at-eof" in (folder / "cmdline").read_bytes() and f"RUN={env['RUN']}".encode() in (folder / "environ").read_bytes():
                found.add(int(folder.name))
    return found


def await_none(env):
    for pid in servers_of(env):
        await_gone(pid)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return pathlib.Path(f"/proc/{pid}/stat").exists() and ") Z " in pathlib.Path(f"/proc/{pid}/stat").read_text()


def await_gone(pid):
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, f"server {pid} outlives the test run that started it"
        time.sleep(0.01)


def write_project(folder):
    """The files that docs/testing.md shows."""
    for name, text in FILE.findall((ROOT / "docs/testing.md").read_text()):
        (folder / name).write_text(text)
    return folder


# Python


@pytest.fixture(scope="session")
def python(built, tmp_path_factory):
    """The Python of a fresh environment with the wheel, boto3 and pytest."""
    folder = tmp_path_factory.mktemp("venv")
    venv = folder / "venv"
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", (HERE.parent / "requirements.txt").read_text(), re.M))
    uv = str(pathlib.Path(sys.executable).parent / "uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, str(venv))
    python = venv / "bin/python"
    installed = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(python), str(only(built, "*.whl")), *(f"{n}=={pinned[n]}" for n in WANTED)],
        capture_output=True, text=True, env=os.environ | {"UV_NATIVE_TLS": "true"})
    if installed.returncode != 0 and re.search("error sending request|dns error|timed out|network", installed.stderr):
        unavailable("PyPI cannot be reached")
    assert installed.returncode == 0, installed.stderr
    return str(python)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(ROOT / "packages/python/examples/test_update_security_profile.py", folder)
    return write_project(folder)


def test_python_project(python, project, hostile):
    """The examples pass with xdist, whatever the settings of the developer say. Each worker has one server, and its tests
    see nothing of each other."""
    shutil.copy(HERE / "test_isolation.py", project)
    shutil.copy(HERE / "imported.py", project)
    shutil.copy(HERE / "conftest.py", project)
    said = run(python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--strict-markers", "--strict-config",
               cwd=project, env=hostile | {"STARTED": str(project / "started")})
    assert re.search(r"\d\d+ passed", said) and "failed" not in said and "warning" not in said, said
    started = [line.split() for line in (project / "started").read_text().splitlines()]
    workers, urls = {w for w, _, _ in started}, {u for _, u, _ in started}
    assert len(workers) == len(urls) == 2, started
    ready = [float(seconds) for _, _, seconds in started]
    assert min(ready) < 0.5, f"servers took {ready} seconds to start"
    await_none(hostile)
    assert sorted(p.name for p in project.iterdir() if "lanyard" in p.name) == [], "a run leaves nothing in the project"


def test_python_failures(python, project, hostile):
    """What fails says why: the assertions, seeds with the place in the file, unknown names, faults that nothing declares."""
    shutil.copy(HERE / "failing.py", project / "test_failing.py")
    (project / "broken.yaml").write_text(
        "Resources:\n  Night:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      SecurityProfileName: 7\n      Nonsense: 1\n")
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "test_failing.py", cwd=project, env=hostile, code=1)
    flat = re.sub(r"\s+(E\s+)?", " ", said)
    for reason in (
        'AssertionError: this must be allowed, got denied: User claire may not Users.Edit on User jonas: profile "Supervisor France" '
        "requires tag Country=FR; the resource has Country=DE.",
        'AssertionError: this must be denied, got allowed: User claire may Users.Edit on User claire: profile "Supervisor France" grants it.',
        "UnknownName: User nobody may not Users.Edit",
        "UnknownName: User claire may not Users.Edti",
        "broken.yaml:6:7: property \"Nonsense\" does not exist",
        "RealEndpointRefused: a test that uses lanyard sent a request to sts.",
        "exception must be one that ListSecurityProfiles declares",
        "operation must be one that lanyard serves",
        'resource must be TYPE/NAME or TYPE/ID, such as User/ann, got "jonas"',
    ):
        assert reason in flat, f"{reason}\n{said}"
    assert re.search(r"^6 failed, 3 errors in", said, re.M), said


def test_python_without_pytest(python, project, hostile):
    run(python, "-m", "unittest", "-q", "test_with_unittest", cwd=project, env=hostile)
    assert run(python, "script.py", cwd=project, env=hostile).strip() != ""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_python_run_is_ended(python, tmp_path, hostile, how):
    """A run that is killed or interrupted leaves no server, even if a child that it forked lives on."""
    (tmp_path / "test_hang.py").write_text(
        "import os, time\n\ndef test_hang(lanyard):\n    if os.fork() == 0:\n        time.sleep(20)\n        os._exit(0)\n"
        "    print(lanyard.process_id, flush=True)\n    time.sleep(60)\n")
    with subprocess.Popen([python, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"], cwd=tmp_path, text=True, env=hostile,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as tests:
        try:
            server = int(next(line for line in tests.stdout if line.strip().isdigit()))
            assert not gone(server)
            assert server in servers_of(hostile) or not pathlib.Path("/proc").exists()
            tests.send_signal(how)
            await_gone(server)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(tests.pid, signal.SIGKILL)


def test_python_version(python, built):
    bin = pathlib.Path(python).parent
    assert run(str(bin / "lanyard"), "version") == f"lanyard {VERSION}\n"
    said = run(python, "-c", "import importlib.metadata as m, lanyard; print(m.version('lanyard-server')); print(lanyard.__file__)")
    assert said.splitlines()[0] == VERSION
    assert (pathlib.Path(said.splitlines()[1]).parent / "py.typed").exists()
    assert only(built, "*.tar.gz").name == f"lanyard_server-{VERSION}.tar.gz"


def test_python_on_another_platform(built, tmp_path):
    """The source archive installs everywhere. Without a program it says which platforms there are, when it is used."""
    run("tar", "xzf", str(only(built, "*.tar.gz")), cwd=tmp_path)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=only(tmp_path, "lanyard_server-*/"))
    wheel = only(tmp_path, "*-py3-none-any.whl")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LANYARD_")} | {"PYTHONPATH": str(wheel)}
    said = run(sys.executable, "-c", "import lanyard\nwith lanyard.Server(): pass", env=clean, code=1)
    assert "UnsupportedPlatform: the platform must be Linux (x86_64 or aarch64), macOS (x86_64 or arm64) or Windows" in said
    assert "set LANYARD_BIN to its path" in said
    said = run(sys.executable, "-c", "import lanyard._binary as b; raise SystemExit(b.main())", env=clean, code=1)
    assert said.startswith("lanyard: error: the platform must be Linux")


def test_packages_of_other_platforms(built, tmp_path):
    """The names and files by which pip and npm choose a package, for platforms on which these tests do not run."""
    programs = {"linux/arm64": "lanyard", "darwin/arm64": "lanyard", "windows/amd64": "lanyard.exe"}
    dist = tmp_path / "dist"
    dist.mkdir()
    for platform, name in programs.items():
        folder = tmp_path / platform.replace("/", "-")
        folder.mkdir()
        (folder / name).write_text(platform)
        (folder / name).chmod(0o755)
    env = os.environ | {"DIST": str(dist), "VERSION": VERSION, "PLATFORMS": " ".join(programs), "BINARIES": str(tmp_path),
                        "PYTHON": sys.executable}
    run(str(ROOT / "packages/python/pack"), env=env)
    run("node", "pack.mjs", cwd=ROOT / "packages/npm", env=env)
    found = {}
    for wheel in dist.glob("*.whl"):
        with zipfile.ZipFile(wheel) as files:
            program = next(i for i in files.infolist() if "/bin/" in i.filename)
            found[wheel.name.split("-", 2)[2]] = (program.filename, files.read(program).decode(), program.external_attr >> 16 & 0o777)
    assert found == {
        "py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64.whl": ("lanyard/bin/lanyard", "linux/arm64", 0o755),
        "py3-none-macosx_12_0_arm64.whl": ("lanyard/bin/lanyard", "darwin/arm64", 0o755),
        "py3-none-win_amd64.whl": ("lanyard/bin/lanyard.exe", "windows/amd64", 0o755)}
    found = {}
    for tarball in dist.glob("lanyard-server-*-*.tgz"):
        with tarfile.open(tarball) as files:
            program = next(m for m in files.getmembers() if "/bin/" in m.name)
            manifest = json.load(files.extractfile("package/package.json"))
            found[manifest["name"]] = (program.name, program.mode & 0o111, manifest["os"], manifest["cpu"], manifest["version"])
    assert found == {
        "@lanyard/server-linux-arm64": ("package/bin/lanyard", 0o111, ["linux"], ["arm64"], VERSION),
        "@lanyard/server-darwin-arm64": ("package/bin/lanyard", 0o111, ["darwin"], ["arm64"], VERSION),
        "@lanyard/server-win32-x64": ("package/bin/lanyard.exe", 0o111, ["win32"], ["x64"], VERSION)}
    with tarfile.open(only(dist, f"lanyard-server-{VERSION}.tgz")) as files:
        wanted = json.load(files.extractfile("package/package.json"))["optionalDependencies"]
    names = [f"@lanyard/server-{os}-{cpu}" for os in ("linux", "darwin", "win32") for cpu in ("x64", "arm64")]
    assert wanted == dict.fromkeys(names, VERSION)


# JavaScript


@pytest.fixture(scope="session")
def node(built, tmp_path_factory):
    """A fresh project with the packages. It is below the folder that has Vitest and Jest, where Node finds them."""
    stamp, lists = HERE / "node_modules/.lanyard.sum", [HERE / "package.json", HERE / "package-lock.json"]
    now = "".join(p.read_text() for p in lists)
    if not stamp.exists() or stamp.read_text() != now:
        done = subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=HERE, capture_output=True,
                              text=True)
        if done.returncode != 0:
            unavailable(f"npm cannot install Vitest and Jest:\n{done.stderr}")
        stamp.write_text(now)
    folder = HERE / "run" / f"{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": "project", "private": True, "jest": {
        "testMatch": ["**/*.jest.cjs"], "globalSetup": "@lanyard/server/global-setup"}}))
    files = [str(p) for p in built.glob("lanyard-server-*.tgz")]
    assert len(files) == 2, files
    run("npm", "install", "--offline", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *files, cwd=folder)
    write_project(folder)
    shutil.copy(ROOT / "packages/npm/examples/update-security-profile.test.mjs", folder)
    for name in ("isolation.test.mjs", "isolation2.test.mjs", "failing.mjs", "hang.mjs", "types.ts", "nodetest.mjs", "isolation.jest.cjs"):
        shutil.copy(HERE / name, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def tool(name):
    return str(HERE / "node_modules/.bin" / name)


def test_vitest_project(node, hostile):
    """The examples pass, whatever the settings of the developer say. Test files share the servers of global-setup."""
    started = node / "started"
    started.write_text("")
    said = run(tool("vitest"), "run", "--maxWorkers=1", cwd=node, env=hostile | {"STARTED": str(started)})
    assert re.search(r"Tests +\d+ passed", said) and "failed" not in said, said
    assert len(set(started.read_text().split())) == 1, "two test files on one worker share a server"
    await_none(hostile)


def test_jest_project(node, hostile):
    said = run(tool("jest"), "--ci", "--runInBand", cwd=node, env=hostile)
    assert re.search(r"Tests: +\d+ passed", said) and "did not exit" not in said, said
    await_none(hostile)


def test_node_project(node, hostile):
    """node:test, a script, types, and the command."""
    run("node", "--test", "nodetest.mjs", cwd=node, env=hostile)
    assert re.match(r"http://127\.0\.0\.1:\d+ [0-9a-f-]{36}\n$", run("node", "script.mjs", cwd=node, env=hostile))
    assert run("node_modules/.bin/lanyard", "version", cwd=node) == f"lanyard {VERSION}\n"
    for name in ("server", f"server-{'linux' if sys.platform == 'linux' else 'darwin'}-*"):
        manifest = only(node / "node_modules/@lanyard", f"{name}/package.json")
        assert json.loads(manifest.read_text())["version"] == VERSION
    shutil.copy(node / "types.ts", node / "types.mts")  # as a CommonJS and as an ECMAScript module
    run(str(ROOT / "packages/npm/node_modules/.bin/tsc"), "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022",
        "--skipLibCheck", "--types", "", "types.ts", "types.mts", cwd=node)


def test_javascript_failures(node, hostile):
    said = run("node", "failing.mjs", cwd=node, env=hostile)
    for reason in (
        'this must be allowed, got denied: User claire may not Users.Edit on User jonas: profile "Supervisor France" requires tag '
        "Country=FR; the resource has Country=DE.",
        "this must be denied, got allowed: User claire may Users.Edit on User claire",
        "UnknownName: User nobody may not Users.Edit",
        "broken.yaml:6:",
        "RealEndpointRefused: a test that uses lanyard sent a request to sts.",
        "RealEndpointRefused: a test that uses lanyard sent a request to connect.eu-west-2.amazonaws.com",
        "exception must be one that ListSecurityProfiles declares",
        "UnsupportedPlatform: the platform must be one of linux-x64, linux-arm64, darwin-x64, darwin-arm64, win32-x64, win32-arm64, "
        "got sunos-x64",
        "UnsupportedPlatform: the package @lanyard/server-win32-arm64 does not exist in node_modules",
    ):
        assert reason in said, f"{reason}\n{said}"


def test_javascript_run_is_killed(node):
    with subprocess.Popen(["node", "hang.mjs"], cwd=node, text=True, stdout=subprocess.PIPE) as program:
        server = int(program.stdout.readline())
        assert not gone(server)
        program.kill()
        await_gone(server)
