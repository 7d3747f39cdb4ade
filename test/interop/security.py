"""What the tests of security share: the pairings of a server and a client, each
of which is the native zuv, zuv's libzmq.so.5 or the real one, the mechanisms,
and who lets clients in."""

import argparse
import contextlib

from interop import *

QUIET = 200  # milliseconds in which nothing is to happen
SECURITY_SIZES = (0, 1, 222, 223, 255, 256, 4095, 4096, 8191, 65536, MiB,
                  16 * MiB)
SECURITY_MANY = 10000

NATIVE, BLOCKING, LIBZMQ = 'native', 'blocking', 'libzmq'
KINDS_OF_PEERS = (NATIVE, BLOCKING, LIBZMQ)

MECHANISM_MISMATCH = 0x11000002
CRYPTOGRAPHIC = 0x11000001
UNEXPECTED_COMMAND = 0x10000001
INVALID_STATUS_CODE = 0x20000004

# What ends a connection whose peer has closed it.
GONE = ('UV_EOF', 'UV_ECONNRESET', 'UV_EPIPE')


class Pool:
  """The processes that serve one test after the other: one for all servers and
  one for all clients of a library, so that neither waits for the other."""

  processes = {}
  libzmq_of_zuv = None
  reference = False

  @classmethod
  def process(cls, kind, role):
    process = cls.processes.get((kind, role))
    if process is None or not process.alive:
      directory = cls.libzmq_of_zuv if kind == BLOCKING else None
      process = cls.processes[kind, role] = LibzmqProcess(directory)
    return process

  @classmethod
  def finish(cls):
    for way, process in cls.processes.items():
      if process.alive and process.finish() != 0:
        raise AssertionError(f'{way} did not end well')


class Meeting(Stage):
  """The stage of a server and of clients of it."""

  def __init__(self, server_kind, client_kind, server_binds=True):
    super().__init__('tcp')
    self.server_kind = server_kind
    self.client_kind = client_kind
    self.server_binds = server_binds
    self.name = (f'{server_kind} server that '
                 f'{"binds" if server_binds else "connects"}, '
                 f'{client_kind} client')

  def peer(self, kind, role, type_name, options=None):
    if kind == NATIVE:
      peer = Zuv(type_name)
    else:
      peer = LibzmqPeer(Pool.process(kind, role), type_name)
    peer.name = f'{kind} {role} {type_name}'
    return self.make(peer, options)

  def lone(self, kind, role, type_name, options=None):
    """In a process of its own, which may be killed."""
    if kind == NATIVE:
      return self.peer(kind, role, type_name, options)
    peer = LonePeer(type_name, Pool.libzmq_of_zuv if kind == BLOCKING else None)
    peer.name = f'{kind} {role} {type_name}'
    return self.make(peer, options)

  def server(self, type_name, options=None):
    return self.peer(self.server_kind, 'server', type_name, options)

  def client(self, type_name, options=None):
    return self.peer(self.client_kind, 'client', type_name, options)

  def ways(self, server, client):
    """Binder and connecter."""
    return (server, client) if self.server_binds else (client, server)

  def begin(self, server, client):
    """Lets them meet, whatever comes of it. The endpoint is returned."""
    binder, connecter = self.ways(server, client)
    endpoint = binder.bind(self.wildcard())
    connecter.connect(endpoint)
    return endpoint

  def meet(self, server, client):
    endpoint = self.begin(server, client)
    for peer in (server, client):
      peer.wait_event('ready', but_no=('handshake-failed',), endpoint=endpoint)
    return endpoint


def pairings(server_kinds=KINDS_OF_PEERS, client_kinds=KINDS_OF_PEERS):
  """Those of which one side at least is zuv. Two of the same are left to other
  tests."""
  if Pool.reference:
    both = LIBZMQ in server_kinds and LIBZMQ in client_kinds
    return [(LIBZMQ, LIBZMQ)] if both else []
  return [(server, client) for server in server_kinds for client in client_kinds
          if server != client and
          (Pool.libzmq_of_zuv or BLOCKING not in (server, client))]


def meetings(binding=(True, False), **kinds):
  """One of each pairing, with the server binding and connecting."""
  for server_kind, client_kind in pairings(**kinds):
    for server_binds in binding:
      yield Meeting(server_kind, client_kind, server_binds)


def each_pairing(binding=(True, False), **kinds):
  """Runs a test with all these meetings."""
  def decorate(test):
    @functools.wraps(test)
    def run(self):
      self.run_together(({}, meeting, functools.partial(test, self))
                        for meeting in meetings(binding, **kinds))
    return run
  return decorate


# ---- Mechanisms ----

class Curve:
  name = 'CURVE'
  number = zmq.CURVE

  def __init__(self):
    self.public, self.secret = zmq.curve_keypair()
    self.client_public, self.client_secret = zmq.curve_keypair()

  def server(self):
    return {zmq.CURVE_SERVER: 1, zmq.CURVE_SECRETKEY: self.secret}

  def client(self, keys=None, server_key=None):
    public, secret = keys or (self.client_public, self.client_secret)
    return {zmq.CURVE_SERVERKEY: server_key or self.public,
            zmq.CURVE_PUBLICKEY: public, zmq.CURVE_SECRETKEY: secret}


class Plain:
  name = 'PLAIN'
  number = zmq.PLAIN
  user = b'admin'
  password = b'Password'

  def server(self):
    return {zmq.PLAIN_SERVER: 1}

  def client(self, user=user, password=password):
    return {zmq.PLAIN_USERNAME: user, zmq.PLAIN_PASSWORD: password}


class Null:
  """NULL with ZAP: the domain asks for it."""
  name = 'NULL'
  number = zmq.NULL

  def server(self):
    return {zmq.ZAP_DOMAIN: b'global'}

  def client(self):
    return {}


def let_in(server, user=b'somebody'):
  """Everyone who comes to this server, by the means of its kind."""
  if isinstance(server, Zuv):
    server.command('auth', 'allow', text_of(user))
  else:
    server.command('zap', 'REP', 200, text_of(user))


class SecurityTest(InteropTest):
  def run_together(self, runs):
    """Each run is what to call it, a meeting and a test of that. The meetings
    last until all tests are through, so that one time in which nothing is to
    happen serves all of them. A test that fails takes the processes of others
    with it, which are not looked at any more."""
    self.checks = []
    with contextlib.ExitStack() as stack:
      for label, meeting, test in runs:
        label = {**label, 'way': meeting.name}
        with self.subTest(**label), contextlib.ExitStack() as failing:
          failing.enter_context(meeting)
          self.label = label
          failing.callback(self.checks.clear)
          test(meeting)
          failing.pop_all()
          stack.push(meeting)
      time.sleep(QUIET / 1000)
      for label, check in self.checks:
        with self.subTest(**label):
          check()

  def at_the_end(self, check):
    self.checks.append((self.label, check))

  def no_message(self, *peers):
    """Nor does one come a little later."""
    def check():
      for peer in peers:
        if not peer.queue('message').empty():
          peer.fail(f'received {short(peer.receive())}')
    self.at_the_end(check)

  def no_attempt(self, *peers):
    """Nobody comes back, who would do so after a tenth of that time."""
    def check():
      for peer in peers:
        for event in peer.events():
          if event.name in ('accepted', 'connected', 'connect-retried',
                            'ready'):
            peer.fail(f'{event} came after the end')
    self.at_the_end(check)

  def failed(self, peer, status, reason=0, peer_status=0, endpoint=None):
    """The peer tells that the handshake failed like this, and the end of the
    connection."""
    statuses = status if isinstance(status, tuple) else (status,)
    event = peer.wait_event('handshake-failed', ('ready',), endpoint)
    if (event.status not in statuses or event.reason != reason or
        event.peer_status != peer_status):
      peer.fail(f'{event}, not {status} {reason:#x} {peer_status}')
    peer.wait_event('disconnected', ('ready',), endpoint)

  def refused(self, server, client, status, endpoint=None):
    """Both ends tell the same reason."""
    for peer in (server, client):
      self.failed(peer, 'UV_EACCES', peer_status=status, endpoint=endpoint)

  def carry_both_ways(self, one, other):
    """Single parts of the sizes where something changes, multiparts, and many
    at the same time."""
    for sender, receiver in ((one, other), (other, one)):
      for size in SECURITY_SIZES:
        self.carry(sender, receiver, Pattern(size, size % PERIOD))
      self.carry(sender, receiver, b'', b'', b'')
      self.carry(sender, receiver, b'', Pattern(100000, 7), b'', b'\0' * 300,
                 Pattern(70000, 9), b'end')
      self.carry(sender, receiver, *(b'%d' % i for i in range(300)))
    for peer in (one, other):
      peer.expect(SECURITY_MANY)
    for peer in (one, other):
      peer.flood(SECURITY_MANY)
    for peer in (one, other):
      peer.wait_counted(SECURITY_MANY)
      peer.wait_flooded()


def security_main():
  """A test file's arguments: the zuv_peer program, and the directory of zuv's
  libzmq.so.5, without which only the native API is tested. --reference: is all
  of it true of two real libzmqs?"""
  parser = argparse.ArgumentParser(add_help=False)
  parser.add_argument('zuv_peer')
  parser.add_argument('--libzmq-of-zuv', metavar='DIRECTORY')
  parser.add_argument('--reference', action='store_true')
  arguments, rest = parser.parse_known_args()
  Zuv.program = arguments.zuv_peer
  Pool.libzmq_of_zuv = arguments.libzmq_of_zuv
  Pool.reference = arguments.reference
  sys.argv[1:] = rest
  program = unittest.main(verbosity=2, exit=False)
  Pool.finish()
  sys.exit(not program.result.wasSuccessful())
