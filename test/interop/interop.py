"""What the interop tests share: a zuv socket in a process of its own (Zuv),
a socket of the real libzmq in this process (Libzmq) or in one that may be
killed (LibzmqProcess), all with the same methods, and the ways to join them.

A test is a function of a Stage, which owns what the test makes. Nothing waits
without a deadline, and nothing sleeps: what is waited for is always a line of
the peer, a message or an event."""

import functools
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import zmq
from zmq.utils.monitor import recv_monitor_message

# Seconds: sanitizers and a busy machine are slow.
DEADLINE = int(os.environ.get('ZUV_INTEROP_DEADLINE', 20))
SILENCE = 20  # milliseconds between two tries of something repeated
PERIOD = 251

MiB = 1024 * 1024
EDGES = (0, 1, 29, 30, 33, 34, 63, 64, 65, 254, 255, 256, 257, 4095, 4096,
         8191, 8192, 8193, 65535, 65536, 65537, MiB)
LARGEST = 64 * MiB
MANY = 100000


class Pattern(bytes):
  """SIZE bytes that count up from SEED: too large to write out."""

  def __new__(cls, size, seed=0):
    block = bytes((seed + i) % PERIOD for i in range(PERIOD))
    self = super().__new__(cls, (block * (size // PERIOD + 1))[:size])
    self.text = f'*{size}.{seed}'
    return self


def text_of(part):
  if isinstance(part, Pattern) and len(part) > 0:
    return part.text
  return bytes(part).hex() if len(part) > 0 else '-'


def part_of(text):
  if text == '-':
    return b''
  if text.startswith('*'):
    size, seed = text[1:].split('.')
    return Pattern(int(size), int(seed))
  if text.startswith('?'):
    raise AssertionError(f'received {text[1:]} bytes, not those sent')
  return bytes.fromhex(text)


def text_of_received(data):
  """As zuv_peer.c writes what it receives."""
  if len(data) > 32 and data[0] < PERIOD:
    pattern = Pattern(len(data), data[0])
    if data == pattern:
      return pattern.text
  return text_of(data)


class PeerProcess:
  """A socket in another process, driven by lines: see zuv_peer.c."""

  def __init__(self, arguments):
    self.name = arguments[-1]
    self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
    self.log = []
    self.queues = {}
    self.new_queue = threading.Lock()
    self.last_peer = b''
    self.reader = threading.Thread(target=self.read, daemon=True)
    self.reader.start()

  def queue(self, kind):
    with self.new_queue:
      return self.queues.setdefault(kind, queue.Queue())

  def read(self):
    for line in self.process.stdout:
      words = line.split()
      kind = words[0]
      self.log.append(line[:200].rstrip())
      if kind in ('ok', 'error'):
        self.queue('answer').put(words)
      elif kind == 'miscounted':
        self.queue('counted').put(words)
      else:
        self.queue(kind).put(words[1:])
    for kind in ('answer', 'message', 'event', 'sent', 'flooded', 'counted',
                 'closed'):
      self.queue(kind).put(None)

  def fail(self, what):
    last = '\n  '.join(self.log[-20:])
    raise AssertionError(f'{self.name}: {what}; its last lines were:\n  {last}')

  def wait(self, kind, seconds=DEADLINE):
    try:
      words = self.queue(kind).get(timeout=seconds)
    except queue.Empty:
      self.fail(f'no "{kind}" in {seconds} s')
    if words is None:
      self.fail(f'ended, no "{kind}"')
    return words

  def command(self, *words, error=None):
    try:
      self.process.stdin.write(' '.join(str(word) for word in words) + '\n')
      self.process.stdin.flush()
    except BrokenPipeError:
      self.fail(f'ended before "{words[0]}"')
    answer = self.wait('answer')
    if error is not None and answer != ['error', error]:
      self.fail(f'"{words[0]}" answered {answer}, not {error}')
    if error is None and answer[0] != 'ok':
      self.fail(f'"{words[0]}" answered {answer}')
    return answer[1:]

  def set(self, option, value):
    if isinstance(value, int):
      self.command('set-int', int(option), value)
    else:
      self.command('set-bytes', int(option), text_of(value))

  def bind(self, endpoint):
    return self.command('bind', endpoint)[0]

  def bind_again(self, endpoint):
    """Binds an endpoint whose last owner was just killed."""
    def bound():
      try:
        self.bind(endpoint)
        return True
      except AssertionError:
        if 'error UV_EADDRINUSE' not in self.log:
          raise
        return False
    wait_until(bound, f'{endpoint} is still in use')

  def connect(self, endpoint):
    self.command('connect', endpoint)

  def disconnect(self, endpoint):
    self.command('disconnect', endpoint)

  def send(self, *parts):
    self.command('send', *(text_of(part) for part in parts))

  def receive(self):
    words = self.wait('message')
    self.last_peer = part_of(words[0])
    return [part_of(word) for word in words[1:]]

  def arrived(self):
    """The message that is here already, or None."""
    return None if self.queue('message').empty() else self.receive()

  def close(self):
    """An orderly end: everything is sent, and nothing leaks."""
    self.command('close')
    self.wait('closed')
    self.process.stdin.close()
    self.reader.join(DEADLINE)
    status = self.process.wait(DEADLINE)
    self.process.stdout.close()
    if status != 0:
      self.fail(f'exited with {status}')

  def kill(self):
    """SIGKILL: no farewell."""
    self.process.kill()
    self.process.wait()
    self.reader.join(DEADLINE)
    self.process.stdout.close()
    try:
      self.process.stdin.close()
    except BrokenPipeError:
      pass

  @property
  def alive(self):
    return self.process.returncode is None


class Zuv(PeerProcess):
  program = None

  def __init__(self, type_name):
    super().__init__([Zuv.program, type_name])
    self.name = 'zuv ' + type_name

  def try_send(self, *parts, error=None):
    self.command('try', *(text_of(part) for part in parts), error=error)

  def wait_event(self, name):
    """The next event of this name, as [name, status, reason, endpoint, type].
    What comes before it is passed over."""
    while True:
      event = self.wait('event')
      if event[0] == name:
        return event

  def flood(self, count, size=16, prefix=()):
    self.command('flood', count, size, *(text_of(part) for part in prefix))

  def wait_flooded(self):
    self.wait('flooded')

  def expect(self, count):
    self.command('expect', count)

  def wait_counted(self, count):
    words = self.wait('counted', 2 * DEADLINE)
    if words != [str(count)]:
      self.fail(f'messages out of order: {words}')


class LibzmqProcess(PeerProcess):
  def __init__(self, type_name):
    here = os.path.dirname(os.path.abspath(__file__))
    super().__init__([sys.executable, os.path.join(here, 'libzmq_peer.py'),
                      type_name])
    self.name = 'libzmq ' + type_name


class Libzmq:
  """A libzmq socket with the methods of Zuv."""

  def __init__(self, context, type_name):
    self.socket = context.socket(getattr(zmq, type_name))
    self.socket.setsockopt(zmq.LINGER, 0)
    self.socket.setsockopt(zmq.RCVTIMEO, DEADLINE * 1000)
    self.socket.setsockopt(zmq.SNDTIMEO, DEADLINE * 1000)
    self.monitor = self.socket.get_monitor_socket()
    self.monitor.setsockopt(zmq.RCVTIMEO, DEADLINE * 1000)

  def set(self, option, value):
    self.socket.setsockopt(option, value)

  def bind(self, endpoint):
    self.socket.bind(endpoint)
    return self.socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b'\0').decode()

  def bind_again(self, endpoint):
    def bound():
      try:
        self.bind(endpoint)
        return True
      except zmq.ZMQError as error:
        if error.errno != zmq.EADDRINUSE:
          raise
        return False
    wait_until(bound, f'{endpoint} is still in use')

  def connect(self, endpoint):
    self.socket.connect(endpoint)

  def disconnect(self, endpoint):
    self.socket.disconnect(endpoint)

  def send(self, *parts):
    self.socket.send_multipart(parts)

  def receive(self):
    return self.socket.recv_multipart()

  def arrived(self):
    if self.socket.poll(SILENCE) == 0:
      return None
    return self.receive()

  def wait_event(self, wanted):
    while True:
      event = recv_monitor_message(self.monitor)
      if event['event'] == wanted:
        return event

  def wait_ready(self):
    """libzmq itself deals with a new peer only when it is called."""
    self.wait_event(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    self.socket.getsockopt(zmq.EVENTS)

  def flood(self, count, size=16, prefix=()):
    filler = b'x' * (size - 4)
    for i in range(count):
      self.socket.send_multipart((*prefix, i.to_bytes(4, 'big') + filler))

  def wait_flooded(self):
    pass

  def expect(self, count):
    pass

  def wait_counted(self, count):
    for i in range(count):
      number = int.from_bytes(self.receive()[-1][:4], 'big')
      if number != i:
        raise AssertionError(f'message {number} in place of {i}')

  def close(self):
    if self.socket.closed:
      return
    self.socket.disable_monitor()
    self.monitor.close(0)
    self.socket.close(0)


def wait_until(condition, what):
  """Tries a condition, one that waits a little by itself, until it holds."""
  end = time.monotonic() + DEADLINE
  while not condition():
    if time.monotonic() > end:
      raise AssertionError(what)


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
    try:
      for peer in self.peers:
        if isinstance(peer, Libzmq):
          continue
        if failed:
          peer.kill()
        elif peer.alive:
          peer.set(zmq.LINGER, 0)
          peer.close()
    finally:
      for peer in self.peers:
        if isinstance(peer, PeerProcess) and peer.process.poll() is None:
          peer.kill()
        elif isinstance(peer, Libzmq):
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
    return self.make(LibzmqProcess(type_name), options)

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
  """A test file's arguments: the zuv_peer program."""
  Zuv.program = sys.argv.pop(1)
  unittest.main(verbosity=2)
