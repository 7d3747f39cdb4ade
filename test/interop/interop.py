"""What the interop tests share: the ways in which peers (peers.py) meet.

A test is a function of a Stage, which owns what the test makes."""

import functools
import sys
import tempfile
import unittest

import zmq

from parts import PERIOD, Pattern
from peers import *

MiB = 1024 * 1024
EDGES = (0, 1, 29, 30, 33, 34, 63, 64, 65, 254, 255, 256, 257, 4095, 4096,
         8191, 8192, 8193, 65535, 65536, 65537, MiB)
LARGEST = 64 * MiB
MANY = 100000


class Stage:
  """Owns the sockets of one run of a test, and knows which way they meet."""

  def __init__(self, transport='tcp', zuv_binds=True):
    self.transport = transport
    self.zuv_binds = zuv_binds
    self.name = transport + (', zuv binds' if zuv_binds else ', zuv connects')
    self.context = zmq.Context()
    self.directory = tempfile.TemporaryDirectory(prefix='zuv-')
    self.peers = []
    self.endpoints = 0

  def __enter__(self):
    return self

  def __exit__(self, kind, value, trace):
    failed = kind is not None
    away = [peer for peer in self.peers if isinstance(peer, LinePeer)]
    try:
      for peer in away:
        if failed:
          peer.kill()
        elif peer.alive:
          peer.set(zmq.LINGER, 0)
          peer.close()
    finally:
      for peer in self.peers:
        if peer in away and peer.alive:
          peer.kill()
        elif peer not in away:
          peer.close()
      self.context.destroy(0)
      self.directory.cleanup()

  def make(self, peer, options):
    self.peers.append(peer)
    for option, value in (options or {}).items():
      peer.set(option, value)
    return peer

  def zuv(self, type_name, options=None):
    return self.make(Zuv(type_name), options)

  def libzmq(self, type_name, options=None):
    return self.make(Libzmq(self.context, type_name), options)

  def libzmq_process(self, type_name, options=None):
    return self.make(LonePeer(type_name), options)

  @property
  def largest(self):
    """Where it would take too long to send the largest every way."""
    return LARGEST if self.transport == 'tcp' else MiB

  def wildcard(self):
    if self.transport == 'tcp':
      return 'tcp://127.0.0.1:*'
    self.endpoints += 1
    return f'ipc://{self.directory.name}/{self.endpoints}'

  def join(self, zuv, other):
    """Binds one side, connects the other and waits until both are ready for
    each other. The endpoint is returned."""
    binder, connecter = (zuv, other) if self.zuv_binds else (other, zuv)
    endpoint = binder.bind(self.wildcard())
    connecter.connect(endpoint)
    zuv.wait_event('ready')
    if isinstance(other, Libzmq):
      other.wait_ready()
    return endpoint


def each_way(test):
  """Runs a test over tcp and ipc, with either side bound."""
  @functools.wraps(test)
  def run(self):
    for transport in ('tcp', 'ipc'):
      for zuv_binds in (True, False):
        stage = Stage(transport, zuv_binds)
        with self.subTest(way=stage.name), stage:
          test(self, stage)
  return run


def each_direction(test):
  """Runs a test over tcp with either side bound."""
  @functools.wraps(test)
  def run(self):
    for zuv_binds in (True, False):
      stage = Stage('tcp', zuv_binds)
      with self.subTest(way=stage.name), stage:
        test(self, stage)
  return run


def one_way(zuv_binds):
  """Runs a test over tcp, with the given side bound."""
  def decorate(test):
    @functools.wraps(test)
    def run(self):
      with Stage('tcp', zuv_binds) as stage:
        test(self, stage)
    return run
  return decorate


class InteropTest(unittest.TestCase):
  longMessage = False
  maxDiff = 1000

  def carry(self, sender, receiver, *parts, to=(), seen_from=()):
    """One message, sent behind `to` and received behind `seen_from`."""
    sender.send(*to, *parts)
    self.same(receiver.receive(), [*seen_from, *parts])

  def same(self, received, parts):
    received = [bytes(part) for part in received]
    parts = [bytes(part) for part in parts]
    if received != parts:
      raise AssertionError(f'received {short(received)}, not {short(parts)}')

  def carry_all_sizes(self, sender, receiver, largest=MiB, **envelope):
    """Single parts of the sizes where something changes, then multiparts."""
    for size in (*EDGES, largest):
      if size <= largest:
        self.carry(sender, receiver, Pattern(size, size % PERIOD), **envelope)
    self.carry(sender, receiver, b'', b'', b'', **envelope)
    self.carry(sender, receiver, b'', Pattern(100000, 7), b'', b'\0' * 300,
               Pattern(70000, 9), b'end', **envelope)
    self.carry(sender, receiver, *(b'%d' % i for i in range(1000)),
               **envelope)

  def carry_many(self, sender, receiver, count=MANY, prefix=()):
    receiver.expect(count)
    sender.flood(count, prefix=prefix)
    receiver.wait_counted(count)
    sender.wait_flooded()


def short(parts):
  return [part if len(part) < 60 else f'{len(part)} bytes {part[:20]}...'
          for part in parts]


def main():
  """A test file's argument: the zuv_peer program."""
  Zuv.program = sys.argv.pop(1)
  unittest.main(verbosity=2)
