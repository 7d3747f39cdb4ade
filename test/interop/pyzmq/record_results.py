"""A plugin for pytest that writes what happens to a file while it happens, so
that a run which ends in a crash keeps the results of the tests before it.

ZUV_PYZMQ_PLAN names a file of JSON: `record`, the file to write, one line of
JSON an event; `tests`, the names of those to run, null for all; `done`, of
those not to run; `limit`, the seconds after which a test ends the process, with
the stacks of its threads in the file `stacks`.
"""
import faulthandler
import json
import os
import pathlib

import pytest

plan = None


def loaded_libraries():
    """The libzmq files that this process has mapped."""
    with open('/proc/self/maps') as maps:
        paths = {line.split(maxsplit=5)[-1].rstrip('\n') for line in maps}
    return sorted(path for path in paths
                  if os.path.basename(path).startswith('libzmq'))


def record(**event):
    plan['output'].write(json.dumps(event) + '\n')
    plan['output'].flush()


def reason_of(report):
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].replace('Skipped: ', '', 1)
    return str(report.longrepr or '')


def pytest_configure():
    global plan
    with open(os.environ['ZUV_PYZMQ_PLAN']) as file:
        plan = json.load(file)
    plan['output'] = open(plan['record'], 'a')
    plan['stacks'] = open(plan['stacks'], 'w')


def pytest_collectreport(report):
    if not report.passed:
        record(event='not collected', test=report.nodeid,
               outcome=report.outcome, reason=reason_of(report))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.zuv_name = f'{item.path.name}::{item.nodeid.split("::", 1)[1]}'
    record(event='collected', tests=[item.zuv_name for item in items],
           libraries=loaded_libraries())
    items[:] = [item for item in items if item.zuv_name not in plan['done'] and
                (plan['tests'] is None or item.zuv_name in plan['tests'])]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    record(event='began', test=item.zuv_name)
    faulthandler.dump_traceback_later(plan['limit'], exit=True,
                                      file=plan['stacks'])
    yield
    faulthandler.cancel_dump_traceback_later()
    record(event='ended', test=item.zuv_name)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    record(event='report', test=item.zuv_name, outcome=report.outcome,
           seconds=report.duration, reason=reason_of(report))
