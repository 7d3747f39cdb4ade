"""Sockets of a libzmq.so.5, the real one or zuv's, in a process of their own
that may be killed. The lines are those of zuv_peer.c, with the name of a socket
in front, and a line "NAME open TYPE" makes one, in a context of its own.

"authenticate" puts one of pyzmq's authenticators into that context, and "zap" a
handler that always says the same, which runs where the socket does."""

import errno
import os
import sys

import zmq
from zmq.utils.monitor import recv_monitor_message

from parts import part_of, text_of, text_of_received

SENDS_ONLY = ('PUSH', 'PUB')
AT_A_TIME = 200
ZAP = 'inproc://zeromq.zap.01'
DOMAIN = 'global'

EVENTS = {
    zmq.EVENT_LISTENING: 'listening',
    zmq.EVENT_ACCEPTED: 'accepted',
    zmq.EVENT_ACCEPT_FAILED: 'accept-failed',
    zmq.EVENT_CLOSED: 'closed',
    zmq.EVENT_CONNECT_DELAYED: 'connect-delayed',
    zmq.EVENT_CONNECT_RETRIED: 'connect-retried',
    zmq.EVENT_CONNECTED: 'connected',
    zmq.EVENT_HANDSHAKE_SUCCEEDED: 'ready',
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: 'handshake-failed',
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: 'handshake-failed',
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: 'handshake-failed',
    zmq.EVENT_DISCONNECTED: 'disconnected',
}


def status_of(number):
  # libzmq's name for the end of a stream.
  return 'UV_EOF' if number == errno.EPIPE else f'UV_{errno.errorcode[number]}'


def words_of(event):
  """A monitor's event as zuv_peer.c tells it."""
  kind, value = event['event'], event['value']
  status, reason, peer_status, delay = '0', 0, 0, 0
  if kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
    status, reason = 'UV_EPROTO', value
  elif kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
    status, peer_status = 'UV_EACCES', value
  elif kind == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL and value > 0:
    status = status_of(value)
  elif kind == zmq.EVENT_CONNECT_RETRIED:
    delay = value
  return [EVENTS[kind], status, reason, event['endpoint'].decode() or '-', -1,
          peer_status, delay, '-']


class AsyncioAuthentication:
  """An authenticator of zmq.auth.asyncio in a loop and a thread of its own."""

  def __init__(self, context):
    import asyncio
    import threading
    import zmq.auth.asyncio
    self.asyncio = asyncio
    self.context = zmq.asyncio.Context.shadow(context.underlying)
    self.authenticator = zmq.auth.asyncio.AsyncioAuthenticator(self.context)
    self.started = threading.Event()
    self.thread = threading.Thread(
        target=lambda: asyncio.run(self.authenticate()))
    self.configure_plain = self.authenticator.configure_plain
    self.configure_curve = self.authenticator.configure_curve
    self.allow = self.authenticator.allow
    self.deny = self.authenticator.deny

  async def authenticate(self):
    self.loop = self.asyncio.get_running_loop()
    self.end = self.asyncio.Event()
    self.authenticator.start()
    self.started.set()
    await self.end.wait()
    self.authenticator.stop()

  def start(self):
    self.thread.start()
    self.started.wait()

  def stop(self):
    self.loop.call_soon_threadsafe(self.end.set)
    self.thread.join()


def make_authenticator(kind, context):
  if kind == 'asyncio':
    return AsyncioAuthentication(context)
  import zmq.auth.thread
  return zmq.auth.thread.ThreadAuthenticator(context)


class Handler:
  """A ZAP handler that runs in the process's only thread."""

  def __init__(self, context, kind):
    self.socket = context.socket(getattr(zmq, kind))
    self.socket.bind(ZAP)

  def serve(self, tell):
    while self.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
      parts = self.socket.recv_multipart()
      envelope = []
      if self.socket.getsockopt(zmq.TYPE) == zmq.ROUTER:
        envelope, parts = parts[:2], parts[2:]
      _, request, domain, address, identity, mechanism, *credentials = parts
      if mechanism == b'CURVE':
        credentials = [b'', b'', *credentials]
      credentials += [b''] * (3 - len(credentials))
      tell('asked', mechanism.decode(), *(text_of_received(part) for part in
                                          (domain, address, identity,
                                           *credentials)))
      self.socket.send_multipart([*envelope, b'1.0', request, self.status, b'',
                                  self.user_id, b''])


class Peer:
  def __init__(self, name, type_name):
    self.name = name
    self.context = zmq.Context()
    self.socket = self.context.socket(getattr(zmq, type_name))
    self.monitor = self.socket.get_monitor_socket()
    self.receives = type_name not in SENDS_ONLY
    self.authenticator = None
    self.handler = None
    self.sent = self.to_send = 0
    self.counted = self.expected = 0

  def say(self, *words):
    print(self.name, *words, flush=True)

  def register(self, poller):
    flags = zmq.POLLIN if self.receives else 0
    if self.to_send:
      flags |= zmq.POLLOUT
    if flags:
      poller.register(self.socket, flags)
    poller.register(self.monitor, zmq.POLLIN)
    if self.handler:
      poller.register(self.handler.socket, zmq.POLLIN)

  def serve(self):
    """Whatever can be done without waiting."""
    while self.monitor.getsockopt(zmq.EVENTS) & zmq.POLLIN:
      event = recv_monitor_message(self.monitor)
      if event['event'] in EVENTS:
        self.say('event', *words_of(event))
    if self.handler:
      self.handler.serve(self.say)
    if self.receives:
      self.receive()
    if self.to_send:
      self.flood()

  def receive(self):
    for _ in range(AT_A_TIME):
      if not self.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
        return
      frames = self.socket.recv_multipart(copy=False)
      if self.expected:
        self.count(frames[-1].bytes)
        continue
      try:
        self.say('user', text_of(frames[-1].get('User-Id').encode()))
      except zmq.ZMQError:
        pass
      self.say('message', '-', *(text_of_received(frame.bytes)
                                 for frame in frames))

  def count(self, part):
    if int.from_bytes(part[:4], 'big') != self.counted:
      self.say('miscounted', self.counted)
      self.expected = 0
      return
    self.counted += 1
    if self.counted == self.expected:
      self.say('counted', self.counted)
      self.expected = 0

  def flood(self):
    for _ in range(AT_A_TIME):
      if self.sent == self.to_send:
        self.say('flooded', self.sent)
        self.sent = self.to_send = 0
        return
      try:
        self.socket.send_multipart(
            [*self.prefix, self.sent.to_bytes(4, 'big') + self.filler],
            zmq.NOBLOCK)
      except zmq.Again:
        return
      self.sent += 1

  def run(self, name, words):
    """One command; the answer."""
    run = getattr(self, 'do_' + name.replace('-', '_'), None)
    if run is None:
      return ['error', 'unknown']
    return ['ok', *(run(*words) or [])]

  def do_set_int(self, option, value):
    self.socket.setsockopt(int(option), int(value))

  def do_set_bytes(self, option, value):
    self.socket.setsockopt(int(option), part_of(value))

  def do_bind(self, endpoint):
    self.socket.bind(endpoint)
    return [self.socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b'\0').decode()]

  def do_connect(self, endpoint):
    self.socket.connect(endpoint)

  def do_disconnect(self, endpoint):
    self.socket.disconnect(endpoint)

  def do_send(self, *parts):
    self.socket.send_multipart([part_of(part) for part in parts])

  def do_try(self, *parts):
    self.socket.send_multipart([part_of(part) for part in parts], zmq.NOBLOCK)

  def do_flood(self, count, size, *prefix):
    self.to_send = int(count)
    self.filler = b'x' * (int(size) - 4)
    self.prefix = [part_of(part) for part in prefix]

  def do_expect(self, count):
    self.expected = int(count)
    self.counted = 0

  def do_authenticate(self, kind, *rules):
    """thread | asyncio, then any of allow=ADDRESS, deny=ADDRESS,
    plain=USER:PASSWORD, curve=DIRECTORY. To pyzmq, "*" is the empty domain."""
    self.authenticator = make_authenticator(kind, self.context)
    self.authenticator.start()
    for rule in rules:
      what, _, value = rule.partition('=')
      if what == 'plain':
        self.authenticator.configure_plain(DOMAIN, dict([value.split(':')]))
      elif what == 'curve':
        self.authenticator.configure_curve(DOMAIN, value)
      else:
        getattr(self.authenticator, what)(value)

  def do_zap(self, kind, status, user_id='-'):
    if self.handler is None:
      self.handler = Handler(self.context, kind)
    self.handler.status = status.encode()
    self.handler.user_id = part_of(user_id)

  def do_close(self):
    self.socket.disable_monitor()
    self.monitor.close(0)
    if self.authenticator:
      self.authenticator.stop()
    if self.handler:
      self.handler.socket.close(0)
    self.socket.close()
    self.context.term()


class Process:
  def __init__(self):
    self.peers = {}
    self.waiting = b''

  def run_line(self, line):
    name, command, *words = line.split()
    try:
      if command == 'open':
        self.peers[name] = Peer(name, *words)
      answer = (['ok'] if command == 'open' else
                self.peers[name].run(command, words))
    except zmq.ZMQError as error:
      answer = ['error', status_of(error.errno)]
    print(name, *answer, flush=True)
    if command == 'close' and answer == ['ok']:
      print(name, 'closed', flush=True)
      del self.peers[name]

  def read(self):
    """False at the end."""
    data = os.read(0, 1 << 20)
    *lines, self.waiting = (self.waiting + data).split(b'\n')
    for line in lines:
      self.run_line(line.decode())
    return bool(data)

  def run(self):
    while True:
      poller = zmq.Poller()
      poller.register(0, zmq.POLLIN)
      for peer in self.peers.values():
        peer.register(poller)
      ready = dict(poller.poll())
      if 0 in ready and not self.read():
        break
      for peer in self.peers.values():
        peer.serve()
    for peer in self.peers.values():
      peer.socket.setsockopt(zmq.LINGER, 0)
      peer.do_close()


if __name__ == '__main__':
  print('libzmq', zmq.zmq_version(), zmq.has('zuv'), flush=True)
  Process().run()
