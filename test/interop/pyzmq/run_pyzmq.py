#!/usr/bin/python3
"""Runs the tests of pyzmq, as Debian's python3-zmq brings them, on a libzmq of
choice.

    run_pyzmq.py --library-dir DIR [--junit FILE] [TEST...]

DIR holds the `libzmq.so.5` to test. As many have to pass as on libzmq, none may
fail, and none skip but those that skip there. TEST is the beginning of a name,
such as test_socket.py::TestSocket: only these are run, and nothing is counted.

The tests use ports of their own choice (5555, 6666, 6667, 10000 and more, 2222
to 7777), so two runs at a time on a machine disturb each other.

Exit code 77, which meson takes for a skipped test: something to run them with
is missing.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

HERE = pathlib.Path(__file__).resolve().parent

# What passes on libzmq 4.3.4, with all of OPTIONAL there.
PYZMQ_VERSION = '24.0.1'
PASSING = 393

# The beginnings of the names of those that skip there, 29 in all: for want of
# something that is not libzmq, or always.
SKIPPING = (
    'test_cffi_backend.py::',
    'test_context.py::TestContext::test_shadow_pyczmq',
    'test_draft.py::',
    'test_etc.py::test_has_',
    'test_pubsub.py::TestPubSubGreen::test_topic',
    'test_retry_eintr.py::TestEINTRSysCall::test_retry_getsockopt',
    'test_retry_eintr.py::TestEINTRSysCall::test_retry_setsockopt',
    'test_socket.py::TestSocket::test_large_send',
    'test_socket.py::TestSocket::test_shadow_pyczmq',
    'test_socket.py::TestSocketGreen::',
    'test_win32_shim.py::',
)
REQUIRED = {'pytest': 'python3-pytest', 'zmq.tests': 'python3-zmq',
            'tornado': 'python3-tornado', 'gevent': 'python3-gevent'}

# Tests that need a package more.
OPTIONAL = {
    'numpy': ('python3-numpy', ['test_message.py::TestFrame::'
                                'test_buffer_numpy']),
    'pyximport': ('cython3', ['test_cython.py::test_cython[2]',
                              'test_cython.py::test_cython[3]']),
}

# Not about the library: it checks the types of pyzmq's own source.
IGNORED_FILES = ['test_mypy.py']

# These lose a race of their own now and then, on libzmq, too, and get a second
# attempt in a process of its own. test_blank_root_topic publishes just after it
# has subscribed over tcp, and what fails leaves its handler in the logger for
# the tests after it.
RACES = ['test_log.py::TestPubLog::']

# pyzmq ends a test by SIGALRM after the first, which a call that blocks without
# answering EINTR survives; then the whole process ends after the second.
SECONDS_A_TEST = 30
SECONDS_A_STUCK_TEST = 60


def fail(text):
    sys.exit(f'run_pyzmq.py: {text}')


def skip(text):
    print(f'run_pyzmq.py: {text}')
    sys.exit(77)


def is_there(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class Run:
    """The results so far, and the processes that add to them."""

    def __init__(self, library, directory, seconds):
        self.library = library
        self.directory = directory
        self.deadline = time.monotonic() + seconds
        self.collected = []
        self.results = {}  # name: (outcome, reason, seconds)
        self.environment = dict(
            os.environ,
            LD_LIBRARY_PATH=os.pathsep.join(filter(None, [
                str(library.parent), os.environ.get('LD_LIBRARY_PATH')])),
            PYTHONPATH=os.pathsep.join(filter(None, [
                str(HERE), os.environ.get('PYTHONPATH')])),
            PYTHONDONTWRITEBYTECODE='1',
            PYTHONNOUSERSITE='1',
            ZMQ_TEST_TIMEOUT=str(SECONDS_A_TEST),
            ZUV_PYZMQ_PLAN=str(directory / 'plan.json'))

    def check_library(self, paths):
        if not any(os.path.samefile(path, self.library) for path in paths):
            fail(f'{self.library} was not loaded, but {paths}')
        if len(paths) > 1:
            fail(f'more than one libzmq was loaded: {paths}')

    def look(self):
        """What Python says when it only imports zmq."""
        program = ('import json, zmq, record_results as r; print(json.dumps(['
                   'zmq.__version__, zmq.zmq_version(), zmq.__path__[0],'
                   'zmq.has("zuv"), r.loaded_libraries()]))')
        result = subprocess.run([sys.executable, '-c', program],
                                env=self.environment, stdout=subprocess.PIPE,
                                text=True, timeout=60, cwd=self.directory)
        if result.returncode != 0:
            fail(f'zmq cannot be imported on {self.library}')
        version, libzmq, package, is_zuv, paths = json.loads(result.stdout)
        self.check_library(paths)
        name = 'zuv as libzmq' if is_zuv else 'libzmq'
        print(f'pyzmq {version} of {package}\n{name} {libzmq} of {paths[0]}',
              flush=True)
        return version, pathlib.Path(package) / 'tests'

    def run(self, tests_dir, tests, done):
        """One process of pytest. Returns how it ended, None for well."""
        (self.directory / 'pytest.ini').write_text('[pytest]\n')
        record = self.directory / 'record'
        record.write_text('')
        (self.directory / 'plan.json').write_text(json.dumps({
            'record': str(record), 'stacks': str(self.directory / 'stacks'),
            'tests': tests, 'done': done, 'limit': SECONDS_A_STUCK_TEST}))
        command = [sys.executable, '-m', 'pytest', '-p', 'record_results',
                   '-p', 'no:cacheprovider', '-p', 'no:faulthandler', '-q',
                   '--disable-warnings', '--tb=short',
                   '-c', str(self.directory / 'pytest.ini'),
                   *[f'--ignore={tests_dir / name}' for name in IGNORED_FILES],
                   str(tests_dir)]
        process = subprocess.Popen(command, env=self.environment,
                                   cwd=self.directory, start_new_session=True)
        end = None
        try:
            code = process.wait(max(1, self.deadline - time.monotonic()))
            # pytest's own: 1 when tests failed, 5 when there was none to run
            if code < 0:
                end = f'signal {signal.Signals(-code).name}'
            elif code not in (0, 1, 5):
                end = f'exit code {code}'
        except subprocess.TimeoutExpired:
            end = 'out of time'
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        return self.read(record, end)

    def read(self, record, end):
        running = None
        finished = False
        for line in record.read_text().splitlines():
            event = json.loads(line)
            kind, test = event['event'], event.get('test')
            if kind == 'collected':
                self.check_library(event['libraries'])
                self.collected = event['tests']
                finished = True
            elif kind == 'not collected' and event['outcome'] == 'failed':
                self.results[test] = ('failed', event['reason'], 0)
            elif kind == 'began':
                running = test
                self.results[test] = ('passed', '', 0)
            elif kind == 'ended':
                running = None
            elif kind == 'report':
                outcome, reason, seconds = self.results[test]
                if outcome != 'failed' and event['outcome'] != 'passed':
                    outcome, reason = event['outcome'], event['reason']
                self.results[test] = (outcome, reason,
                                      seconds + event['seconds'])
        if not finished:
            fail('pytest did not get as far as the tests')
        if running is not None:
            stacks = (self.directory / 'stacks').read_text()
            if stacks:
                end = f'more than {SECONDS_A_STUCK_TEST} s'
            self.results[running] = ('killed', f'{end}\n{stacks}', 0)
            return running
        if end is not None:
            self.results['the end of the process'] = ('killed', end, 0)
        return None

    def run_all(self, tests_dir, wanted, left_out):
        """The rest anew after each test that took the process with it."""
        tests = None
        if wanted:
            tests = [name for name in self.names(tests_dir)
                     if name.startswith(tuple(wanted))]
        while self.run(tests_dir, tests, left_out + list(self.results)):
            if time.monotonic() > self.deadline:
                fail('out of time')

    def names(self, tests_dir):
        self.run(tests_dir, [], [])
        return self.collected

    def repeat_races(self, tests_dir):
        for race in RACES:
            if any(name.startswith(race) and outcome == 'failed'
                   for name, (outcome, _, _) in self.results.items()):
                print(f'\n{race} failed, a second attempt:', flush=True)
                self.run(tests_dir, [name for name in self.collected
                                     if name.startswith(race)], [])

    def having(self, *outcomes):
        return [name for name in sorted(self.results)
                if self.results[name][0] in outcomes]

    def show(self, title, names):
        print(f'\n{title}: {len(names)}')
        for name in names:
            outcome, reason, _ = self.results[name]
            if outcome != 'killed':
                reason = (reason.splitlines() or [''])[-1]
            print(f'  {name}: {outcome}: {reason}')

    def write_junit(self, path):
        suite = ElementTree.Element('testsuite', name='pyzmq',
                                    tests=str(len(self.results)))
        for name, (outcome, reason, seconds) in sorted(self.results.items()):
            file, _, test = name.partition('::')
            case = ElementTree.SubElement(suite, 'testcase', name=test,
                                          classname=file, time=f'{seconds:.3f}')
            if outcome != 'passed':
                kind = 'skipped' if outcome == 'skipped' else 'failure'
                ElementTree.SubElement(case, kind, message=reason[-2000:])
        ElementTree.ElementTree(suite).write(path, encoding='utf-8')


def judge(run, least, is_part):
    """The lists, and what is wrong with them."""
    failed = run.having('failed', 'killed')
    skipped = run.having('skipped')
    passed = run.having('passed')
    run.show('skipped', skipped)
    run.show('failed', failed)
    wrong = [f'{name} failed' for name in failed]
    wrong += [f'{name} skipped' for name in skipped
              if not name.startswith(SKIPPING)]
    if not is_part and len(passed) < least:
        wrong.append(f'{least} tests should have passed')
    print(f'\n{len(passed)} passed')
    return wrong


def main():
    parser = argparse.ArgumentParser(
        description='Run the tests of pyzmq on a libzmq of choice.')
    parser.add_argument('--library-dir', required=True, type=pathlib.Path)
    parser.add_argument('--junit', type=pathlib.Path)
    parser.add_argument('--time-limit', type=int, default=840,
                        help='seconds for all of it')
    parser.add_argument('tests', nargs='*')
    arguments = parser.parse_args()

    for module, package in REQUIRED.items():
        if not is_there(module):
            skip(f'needs {package}')
    library = arguments.library_dir.resolve() / 'libzmq.so.5'
    if not library.exists():
        fail(f'no {library}')

    left_out = []
    for module, (package, tests) in OPTIONAL.items():
        if not is_there(module):
            print(f'without {package}, {len(tests)} fewer can pass')
            left_out += tests

    with tempfile.TemporaryDirectory(prefix='pyzmq-') as directory:
        run = Run(library, pathlib.Path(directory), arguments.time_limit)
        version, tests_dir = run.look()
        if version != PYZMQ_VERSION:
            skip(f'the tests are those of pyzmq {PYZMQ_VERSION}')
        began = time.monotonic()
        run.run_all(tests_dir, arguments.tests, left_out)
        run.repeat_races(tests_dir)
    wrong = judge(run, PASSING - len(left_out), bool(arguments.tests))
    print(f'in {time.monotonic() - began:.0f} s')
    if arguments.junit:
        run.write_junit(arguments.junit)
    if wrong:
        fail('\n  '.join(['wrong:'] + wrong))


if __name__ == '__main__':
    main()
