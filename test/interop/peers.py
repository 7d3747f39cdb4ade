"""The peers of the interop tests, all with the same methods: a zuv socket of
the native API in a process of its own (Zuv), one of a libzmq.so.5, the real one
or zuv's, in another process (LibzmqPeer), and one of the real libzmq in this
process (Libzmq).

Nothing waits without a deadline, and nothing sleeps: what is waited for is
always a line of the peer, a message or an event."""

import collections
import itertools
import os
import queue
import subprocess
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from parts import part_of, text_of

# Seconds: sanitizers and a busy machine are slow.
DEADLINE = int(os.environ.get('ZUV_INTEROP_DEADLINE', 20))
SILENCE = 20  # milliseconds between two tries of something repeated

KINDS = ('answer', 'message', 'user', 'event', 'asked', 'sent', 'flooded',
         'counted', 'closed', 'ended')

Event = collections.namedtuple(
    'Event', 'name status reason endpoint type peer_status delay mechanism')
Ended = collections.namedtuple('Ended', 'name status parts')
Stats = collections.namedtuple(
    'Stats', 'late_replies messages_out bytes_out messages_in bytes_in peers')
Asked = collections.namedtuple(
    'Asked', 'mechanism domain address identity username password key')


def wait_until(condition, what):
  """Tries a condition, one that waits a little by itself, until it holds."""
  end = time.monotonic() + DEADLINE
  while not condition():
    if time.monotonic() > end:
      raise AssertionError(what)


class LinePeer:
  """A socket elsewhere, driven by lines: see zuv_peer.c. Who makes one writes
  the lines, and takes those that come."""

  def __init__(self, name):
    self.name = name
    self.log = []
    self.queues = {kind: queue.Queue() for kind in KINDS}
    self.last_peer = b''

  def queue(self, kind):
    return self.queues[kind]

  def take(self, words):
    kind = words[0]
    self.log.append(' '.join(words)[:200])
    if kind in ('ok', 'error'):
      self.queue('answer').put(words)
    elif kind == 'miscounted':
      self.queue('counted').put(words)
    else:
      self.queue(kind).put(words[1:])

  def take_end(self):
    for kind in KINDS:
      self.queue(kind).put(None)

  def fail(self, what):
    last = '\n  '.join(self.log[-20:])
    raise AssertionError(f'{self.name}: {what}; its last lines were:\n  {last}')

  def wait(self, kind, seconds=DEADLINE):
    try:
      words = self.queue(kind).get(timeout=max(seconds, 0))
    except queue.Empty:
      self.fail(f'no "{kind}" in {seconds:.0f} s')
    if words is None:
      self.fail(f'ended, no "{kind}"')
    return words

  def command(self, *words, error=None):
    try:
      self.write(' '.join(str(word) for word in words))
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

  def try_send(self, *parts, error=None):
    self.command('try', *(text_of(part) for part in parts), error=error)

  def offer(self, *parts):
    """Sends, if there is still somewhere to send to."""
    self.write(' '.join(['try', *(text_of(part) for part in parts)]))
    self.wait('answer')

  def receive(self):
    return self.message(self.wait('message'))

  def message(self, words):
    self.last_peer = part_of(words[0])
    return [part_of(word) for word in words[1:]]

  def arrived(self):
    """The message that is here, or comes in a moment, or None."""
    try:
      words = self.queue('message').get(timeout=SILENCE / 1000)
    except queue.Empty:
      return None
    if words is None:
      self.fail('ended')
    return self.message(words)

  def user(self):
    """Whom the message received last is of."""
    return part_of(self.wait('user')[0])

  def wait_asked(self):
    mechanism, *parts = self.wait('asked')
    return Asked(mechanism, *(part_of(part) for part in parts))

  def event(self, words):
    name, status, reason, endpoint, kind, peer_status, delay, mechanism = words
    return Event(name, status, int(reason), endpoint, int(kind),
                 int(peer_status), int(delay), mechanism)

  def wait_event(self, name, but_no=(), endpoint=None):
    """The next event of this name, and of this endpoint, if one is given; what
    comes before it is passed over."""
    end = time.monotonic() + DEADLINE
    while True:
      event = self.event(self.wait('event', end - time.monotonic()))
      if endpoint not in (None, event.endpoint):
        continue
      if event.name == name:
        return event
      if event.name in but_no:
        self.fail(f'{event} came, no "{name}"')

  def events(self):
    """Those that are here already."""
    events = []
    while not self.queue('event').empty():
      events.append(self.event(self.wait('event')))
    return events

  def flood(self, count, size=16, prefix=()):
    self.command('flood', count, size, *(text_of(part) for part in prefix))

  def wait_flooded(self):
    self.wait('flooded', 2 * DEADLINE)

  def expect(self, count):
    self.command('expect', count)

  def wait_counted(self, count):
    words = self.wait('counted', 2 * DEADLINE)
    if words != [str(count)]:
      self.fail(f'messages out of order: {words}')

  def request(self, name, milliseconds, *parts):
    self.command('request', name, milliseconds,
                 *(text_of(part) for part in parts))

  def wait_ended(self):
    name, status, *parts = self.wait('ended')
    return Ended(name, status, [part_of(part) for part in parts])

  def stats(self):
    return Stats(*map(int, self.command('stats')))

  def farewell(self):
    """An orderly end: everything is sent."""
    self.command('close')
    self.wait('closed')


class Process:
  """A program that is driven by lines."""

  def __init__(self, arguments, environment=None):
    self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True,
                                    env=environment)
    self.reader = threading.Thread(target=self.read, daemon=True)

  def write(self, line):
    self.process.stdin.write(line + '\n')
    self.process.stdin.flush()

  def finish(self):
    """Its exit status, after the end of its input."""
    self.process.stdin.close()
    self.reader.join(DEADLINE)
    status = self.process.wait(DEADLINE)
    self.process.stdout.close()
    return status

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


class Zuv(LinePeer, Process):
  program = None

  def __init__(self, type_name):
    LinePeer.__init__(self, 'zuv ' + type_name)
    Process.__init__(self, [Zuv.program, type_name])
    self.reader.start()

  def read(self):
    for line in self.process.stdout:
      if line.endswith('\n'):
        self.take(line.split())
    self.take_end()

  def close(self):
    """Everything is sent, and nothing leaks."""
    self.farewell()
    status = self.finish()
    if status != 0:
      self.fail(f'exited with {status}')


class LibzmqProcess(Process):
  """A process with sockets of a libzmq: that of the given directory, or the
  one that Python finds."""

  def __init__(self, directory=None):
    here = os.path.dirname(os.path.abspath(__file__))
    environment = dict(os.environ)
    if directory is not None:
      environment['LD_LIBRARY_PATH'] = directory
    super().__init__([sys.executable, os.path.join(here, 'libzmq_peer.py')],
                     environment)
    self.peers = {}
    self.names = itertools.count()
    line = self.process.stdout.readline()
    if line.split()[0:1] + line.split()[2:] != ['libzmq',
                                                str(directory is not None)]:
      self.process.kill()
      raise AssertionError(f'not the libzmq that was to be loaded: {line!r}')
    self.reader.start()

  def read(self):
    for line in self.process.stdout:
      name, *words = line.split()
      if name in self.peers and line.endswith('\n'):
        self.peers[name].take(words)
    for peer in list(self.peers.values()):
      peer.take_end()


class LibzmqPeer(LinePeer):
  """A socket of a LibzmqProcess."""

  def __init__(self, process, type_name):
    super().__init__('libzmq ' + type_name)
    self.owner = process
    self.id = str(next(process.names))
    self.open = True
    process.peers[self.id] = self
    self.command('open', type_name)

  @property
  def process(self):
    return self.owner.process

  def write(self, line):
    self.owner.write(f'{self.id} {line}')

  def close(self):
    self.farewell()
    self.open = False
    del self.owner.peers[self.id]

  def kill(self):
    """The process, with every other socket in it."""
    if self.owner.alive:
      self.owner.kill()

  @property
  def alive(self):
    return self.open and self.owner.alive


class LonePeer(LibzmqPeer):
  """A socket of the real libzmq in a process that it has for itself."""

  def __init__(self, type_name, directory=None):
    super().__init__(LibzmqProcess(directory), type_name)

  def close(self):
    super().close()
    status = self.owner.finish()
    if status != 0:
      self.fail(f'exited with {status}')


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
