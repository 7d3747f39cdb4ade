"""CURVE between zuv and libzmq: whatever is carried, and who is not let in
because of a key. Who may come in is the matter of test_zap.py."""

import contextlib
import signal

from security import *

CURVE = Curve()
# Milliseconds.
HEARTBEAT = {zmq.HEARTBEAT_IVL: 50, zmq.HEARTBEAT_TIMEOUT: 300,
             zmq.HEARTBEAT_TTL: 500}
INTERVAL = 20
LONGEST_INTERVAL = 16 * INTERVAL
RETRY = {zmq.RECONNECT_IVL: INTERVAL,
         zmq.RECONNECT_IVL_MAX: LONGEST_INTERVAL}


class Messages(SecurityTest):
  def meet(self, meeting, server_type, client_type):
    server = meeting.server(server_type, CURVE.server())
    client = meeting.client(client_type, CURVE.client())
    meeting.meet(server, client)
    return server, client

  @each_pairing()
  def test_both_ways(self, meeting):
    server, client = self.meet(meeting, 'DEALER', 'DEALER')
    self.carry_both_ways(server, client)

  @each_pairing()
  def test_mechanism_is_told(self, meeting):
    server = meeting.server('PULL', CURVE.server())
    client = meeting.client('PUSH', CURVE.client())
    meeting.begin(server, client)
    for peer in (server, client):
      event = peer.wait_event('ready', but_no=('handshake-failed',))
      if isinstance(peer, Zuv):
        self.assertEqual(event.mechanism, 'CURVE')

  @each_pairing()
  def test_req_rep(self, meeting):
    for types in (('REP', 'REQ'), ('REQ', 'REP')):
      server, client = self.meet(meeting, *types)
      asks, answers = ((client, server) if types[0] == 'REP' else
                       (server, client))
      for i in range(10):
        self.carry(asks, answers, b'question', b'%d' % i)
        self.carry(answers, asks, Pattern(i * 1000), b'answer')

  @each_pairing()
  def test_router_dealer(self, meeting):
    server = meeting.server('ROUTER', CURVE.server())
    client = meeting.client('DEALER', {**CURVE.client(),
                                       zmq.ROUTING_ID: b'name'})
    meeting.meet(server, client)
    for i in range(10):
      self.carry(client, server, b'', b'%d' % i, seen_from=[b'name'])
      self.carry(server, client, b'', b'answer', to=[b'name'])
    server = meeting.server('DEALER', {**CURVE.server(),
                                       zmq.ROUTING_ID: b'name'})
    client = meeting.client('ROUTER', CURVE.client())
    meeting.meet(server, client)
    self.carry(server, client, b'question', seen_from=[b'name'])
    self.carry(client, server, b'answer', to=[b'name'])

  @each_pairing()
  def test_subscriptions(self, meeting):
    """They are commands inside of messages."""
    for types in (('XPUB', 'SUB'), ('SUB', 'XPUB')):
      server, client = self.meet(meeting, *types)
      pub, sub = ((server, client) if types[0] == 'XPUB' else (client, server))
      sub.set(zmq.SUBSCRIBE, b'A')
      self.same(pub.receive(), [b'\1A'])
      pub.send(b'B', b'not wanted')
      self.carry(pub, sub, b'AB', Pattern(1000))
      long_topic = b'C' * 300
      sub.set(zmq.SUBSCRIBE, long_topic)
      self.same(pub.receive(), [b'\1' + long_topic])
      sub.set(zmq.UNSUBSCRIBE, b'A')
      self.same(pub.receive(), [b'\0A'])
      pub.send(b'AB', b'not wanted any more')
      self.carry(pub, sub, long_topic)

  @each_pairing()
  def test_subscribed_before(self, meeting):
    """What is subscribed to before there is a publisher is told to it."""
    server = meeting.server('XPUB', CURVE.server())
    client = meeting.client('SUB', CURVE.client())
    client.set(zmq.SUBSCRIBE, b'A')
    meeting.begin(server, client)
    self.same(server.receive(), [b'\1A'])
    self.carry(server, client, b'A')


class Connections(SecurityTest):
  def test_both_ping(self):
    """PING and PONG are inside of messages. All at the same time, for it is the
    waiting that takes long."""
    with contextlib.ExitStack() as stack:
      met = []
      for kinds in pairings():
        for server_binds in (True, False):
          meeting = stack.enter_context(Meeting(*kinds, server_binds))
          server = meeting.server('DEALER', {**CURVE.server(), **HEARTBEAT})
          client = meeting.client('DEALER', {**CURVE.client(), **HEARTBEAT})
          meeting.meet(server, client)
          met.append((meeting, server, client))
      time.sleep(3 * HEARTBEAT[zmq.HEARTBEAT_TIMEOUT] / 1000)
      for meeting, server, client in met:
        with self.subTest(way=meeting.name):
          for peer in (server, client):
            for event in peer.events():
              self.assertNotEqual(event.name, 'disconnected',
                                  f'{peer.name}: {event}')
          self.carry(server, client, b'still there')
          self.carry(client, server, b'still here')

  @each_pairing(binding=(True,))
  def test_libzmq_misses_pongs(self, meeting):
    """A process that does not run answers nothing, and is found again."""
    kinds = (meeting.server_kind, meeting.client_kind)
    if set(kinds) != {LIBZMQ, NATIVE}:
      return
    options = [HEARTBEAT if kind == LIBZMQ else {} for kind in kinds]
    server = meeting.server('DEALER', {**CURVE.server(), **options[0]})
    client = meeting.client('DEALER', {**CURVE.client(), **options[1]})
    meeting.meet(server, client)
    zuv, other = ((server, client) if kinds[0] == NATIVE else (client, server))
    zuv.process.send_signal(signal.SIGSTOP)
    try:
      other.wait_event('disconnected')
    finally:
      zuv.process.send_signal(signal.SIGCONT)
    zuv.wait_event('disconnected')
    zuv.wait_event('ready')
    other.wait_event('ready')
    self.carry(client, server, b'back again')

  @each_pairing()
  def test_server_restarts(self, meeting):
    """A killed one; what the client has queued meanwhile arrives."""
    client = meeting.client('PUSH', {**CURVE.client(), **RETRY})
    server = meeting.lone(meeting.server_kind, 'server', 'PULL',
                          CURVE.server())
    endpoint = meeting.meet(server, client)
    self.carry(client, server, b'hello')
    for _ in range(2):
      server.kill()
      client.wait_event('disconnected')
      if meeting.server_binds:
        for i in range(10):
          client.send(b'%d' % i)
      server = meeting.lone(meeting.server_kind, 'server', 'PULL',
                            CURVE.server())
      if meeting.server_binds:
        server.bind_again(endpoint)
        for i in range(10):
          self.same(server.receive(), [b'%d' % i])
      else:
        server.connect(endpoint)
        client.wait_event('ready', but_no=('handshake-failed',))
      self.carry(client, server, b'hello again')

  @each_pairing()
  def test_client_restarts(self, meeting):
    """Each of them has keys of its own for the connection."""
    server = meeting.server('PULL', {**CURVE.server(), **RETRY})
    client = meeting.lone(meeting.client_kind, 'client', 'PUSH',
                          CURVE.client())
    endpoint = meeting.meet(server, client)
    self.carry(client, server, b'hello')
    client.kill()
    server.wait_event('disconnected')
    client = meeting.lone(meeting.client_kind, 'client', 'PUSH',
                          CURVE.client())
    if meeting.server_binds:
      client.connect(endpoint)
    else:
      client.bind_again(endpoint)
    server.wait_event('ready')
    client.wait_event('ready')
    self.carry(client, server, b'hello again')


class WrongKeys(SecurityTest):
  def wrong(self):
    return zmq.curve_keypair()[0]

  @each_pairing()
  def test_server_key(self, meeting):
    """The server tells why. The client knows only that the server has gone, and
    tries again, if it is the one to connect."""
    server = meeting.server('PULL', {**CURVE.server(), **RETRY})
    client = meeting.client('PUSH', {**CURVE.client(server_key=self.wrong()),
                                     **RETRY})
    if meeting.server_binds:
      endpoint = server.bind(meeting.wildcard())
      client.connect(endpoint)
      client.send(b'secret')
    else:
      meeting.begin(server, client)
    self.failed(server, 'UV_EPROTO', reason=CRYPTOGRAPHIC)
    self.failed(client, GONE)
    if not meeting.server_binds:
      self.no_attempt(server)
    self.no_message(server)

  @each_pairing(binding=(True,))
  def test_attempts_are_bounded(self, meeting):
    """Every failed handshake is followed by a pause; zuv's become longer."""
    server = meeting.server('PULL', CURVE.server())
    client = meeting.client('PUSH', {**CURVE.client(server_key=self.wrong()),
                                     **RETRY})
    meeting.begin(server, client)
    self.at_the_end(lambda: self.bounded(meeting, server, client))

  def bounded(self, meeting, server, client):
    delays = [client.wait_event('connect-retried').delay for _ in range(5)]
    self.assertGreaterEqual(min(delays), INTERVAL)
    attempts = sum(event.name == 'accepted' for event in server.events())
    if meeting.client_kind == LIBZMQ:
      return
    self.assertEqual(delays, [INTERVAL * 2 ** i for i in range(5)])
    self.assertLessEqual(attempts, 6)

  @each_pairing(binding=(True,))
  def test_secret_key_of_another(self, meeting):
    """A client that has only the public key of somebody who is let in."""
    server = meeting.server('PULL', CURVE.server())
    stolen = (CURVE.client_public, zmq.curve_keypair()[1])
    client = meeting.client('PUSH', CURVE.client(keys=stolen))
    meeting.begin(server, client)
    self.failed(server, 'UV_EPROTO', reason=CRYPTOGRAPHIC)
    self.failed(client, GONE)
    self.no_message(server)

  @each_pairing(binding=(True,))
  def test_others_are_not_disturbed(self, meeting):
    server = meeting.server('PULL', CURVE.server())
    good = meeting.client('PUSH', CURVE.client())
    endpoint = meeting.meet(server, good)
    bad = meeting.client('PUSH', {**CURVE.client(server_key=self.wrong()),
                                  **RETRY})
    bad.connect(endpoint)
    for i in range(3):
      server.wait_event('handshake-failed')
      self.carry(good, server, b'%d' % i)
    bad.disconnect(endpoint)
    self.no_message(server)


if __name__ == '__main__':
  security_main()
