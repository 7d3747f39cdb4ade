"""Who is let in: pyzmq's authenticators and plain ZAP handlers in front of
servers of either libzmq.so.5, a callback and a handler of the native API in
front of native ones, and clients of every kind."""

import itertools

from security import *
from zmq.auth import create_certificates, load_certificate
from zmq.utils import z85

CURVE, PLAIN, NULL = Curve(), Plain(), Null()
MECHANISMS = (NULL, PLAIN, CURVE)
DOMAIN = {zmq.ZAP_DOMAIN: b'global'}
RETRY = {zmq.RECONNECT_IVL: 10}
# libzmq keeps a peer of status 300 until then, and others now and then.
HURRY = {zmq.HANDSHAKE_IVL: 150}
HOSTED = (BLOCKING, LIBZMQ)


class ZapTest(SecurityTest):
  def server(self, meeting, way, options=None):
    return meeting.server('ROUTER', {**way.server(), **RETRY,
                                     **(options or {})})

  def client(self, meeting, way, options=None):
    return meeting.client('DEALER', {**(options or way.client()), **RETRY})

  def is_in(self, meeting, server, client, user=None):
    """Messages go both ways, and are of this user."""
    meeting.meet(server, client)
    client.send(b'question')
    id, question = server.receive()
    self.assertEqual(question, b'question')
    if user is not None:
      self.assertEqual(server.user(), user)
    self.carry(server, client, b'answer', to=[id])

  def is_out(self, meeting, server, client, status=400):
    endpoint = meeting.begin(server, client)
    if meeting.server_binds:
      client.offer(b'secret')
    self.refused(server, client, status, endpoint)
    if not meeting.server_binds:
      # libzmq's server tries again: to it, the connection was only lost.
      client.close()


class Authenticators(ZapTest):
  """Of pyzmq."""

  def in_front(self, meeting, kind, way, *rules):
    server = self.server(meeting, way, DOMAIN)
    server.command('authenticate', kind, *rules)
    return server

  def each(self, test):
    for kind, binding in (('thread', (True, False)), ('asyncio', (True,))):
      self.run_together(({'by': kind}, meeting,
                         functools.partial(test, kind=kind))
                        for meeting in meetings(binding, server_kinds=HOSTED))

  def judge(self, meeting, server, way, user, good, bad):
    """Those who are bad are refused and do not come back, who is good comes
    in, and nothing but its message arrives."""
    refused = []
    for options in bad:
      refused.append(self.client(meeting, way, options))
      self.is_out(meeting, server, refused[-1])
    self.is_in(meeting, server, self.client(meeting, way, good), user)
    if meeting.server_binds:
      self.no_attempt(server, *refused)
    self.no_message(server)

  def test_plain(self):
    def test(meeting, kind):
      server = self.in_front(meeting, kind, PLAIN, 'plain=admin:Password')
      self.judge(meeting, server, PLAIN, b'admin', good=PLAIN.client(),
                 bad=[PLAIN.client(user=b'nobody'),
                      PLAIN.client(password=b'password')])
    self.each(test)

  def test_curve(self):
    def test(meeting, kind):
      directory = meeting.directory.name
      _, path = create_certificates(directory, 'known')
      public, secret = load_certificate(path)
      server = self.in_front(meeting, kind, CURVE, f'curve={directory}')
      self.judge(meeting, server, CURVE, public,
                 good=CURVE.client(keys=(public, secret)), bad=[CURVE.client()])
    self.each(test)

  def test_address(self):
    """Nobody of a denied address comes in, with or without a password."""
    def test(meeting, kind):
      for way, rule in ((NULL, ()), (PLAIN, ('plain=admin:Password',)),
                        (CURVE, ('curve=*',))):
        server = self.in_front(meeting, kind, way, 'deny=127.0.0.1', *rule)
        client = self.client(meeting, way)
        self.is_out(meeting, server, client)
        self.no_message(server)
        server = self.in_front(meeting, kind, way, 'allow=127.0.0.1', *rule)
        self.is_in(meeting, server, self.client(meeting, way))
    self.each(test)


class Handlers(ZapTest):
  """Of the same process: what they say is what happens, and what they are told
  is what the client said."""

  def each(self, test, binding=(True, False)):
    for kinds in pairings():
      self.run_together(self.runs(test, kinds, binding))

  def runs(self, test, kinds, binding):
    ways = ('REP', 'ROUTER') + ('callback',) * (kinds[0] == NATIVE)
    for way, mechanism, server_binds in itertools.product(ways, MECHANISMS,
                                                          binding):
      yield ({'by': way, 'mechanism': mechanism.name},
             Meeting(*kinds, server_binds),
             functools.partial(test, mechanism=mechanism,
                               say=functools.partial(self.say, way)))

  def say(self, way, server, status, user=b''):
    """What whoever is asked answers from now on."""
    if way != 'callback':
      server.command('zap', way, status, text_of(user))
    elif status == 200:
      server.command('auth', 'allow', text_of(user))
    else:
      server.command('auth', 'deny', status)

  def test_allow(self):
    def test(meeting, mechanism, say):
      server = self.server(meeting, mechanism, DOMAIN)
      say(server, 200, b'somebody')
      self.is_in(meeting, server, self.client(meeting, mechanism), b'somebody')
      asked = server.wait_asked()
      self.assertEqual(asked[:3], (mechanism.name, b'global', b'127.0.0.1'))
      self.assertEqual(asked[4:], {
          NULL: (b'', b'', b''), PLAIN: (PLAIN.user, PLAIN.password, b''),
          CURVE: (b'', b'', z85.decode(CURVE.client_public))}[mechanism])
    self.each(test)

  def test_deny(self):
    """For good: nobody tries again."""
    def test(meeting, mechanism, say):
      server = self.server(meeting, mechanism, DOMAIN)
      clients = []
      for status in (400, 500):
        say(server, status)
        clients.append(self.client(meeting, mechanism))
        self.is_out(meeting, server, clients[-1], status)
      if meeting.server_binds:
        self.no_attempt(server, *clients)
      self.no_message(server)
    self.each(test)

  def test_not_now(self):
    """300 is told to nobody, so the client tries again."""
    def test(meeting, mechanism, say):
      server = self.server(meeting, mechanism, {**DOMAIN, **HURRY})
      say(server, 300)
      client = self.client(meeting, mechanism)
      meeting.begin(server, client)
      client.send(b'question')
      self.failed(server, 'UV_EACCES', peer_status=300)
      self.failed(client, GONE)
      say(server, 200)
      client.wait_event('ready')
      self.assertEqual(server.receive()[1], b'question')
    self.each(test, binding=(True,))

  @each_pairing(binding=(True,))
  def test_no_such_status(self, meeting):
    """What the handler says wrong is its server's fault, and may heal."""
    for way in MECHANISMS:
      server = self.server(meeting, way, {**DOMAIN, **HURRY})
      server.command('zap', 'REP', 201)
      client = self.client(meeting, way)
      meeting.begin(server, client)
      client.send(b'question')
      self.failed(server, 'UV_EPROTO', reason=INVALID_STATUS_CODE)
      self.failed(client, GONE)
      server.command('zap', 'REP', 200)
      client.wait_event('ready')
      self.assertEqual(server.receive()[1], b'question')


class NoHandler(ZapTest):
  @each_pairing(binding=(True,))
  def test_plain(self, meeting):
    """Nobody comes in, until there is one."""
    server = self.server(meeting, PLAIN, HURRY)
    client = self.client(meeting, PLAIN)
    meeting.begin(server, client)
    client.send(b'question')
    self.failed(server, 'UV_EFAULT')
    self.failed(client, GONE)
    let_in(server)
    client.wait_event('ready')
    self.assertEqual(server.receive()[1], b'question')

  @each_pairing()
  def test_others(self, meeting):
    """CURVE and NULL let in everyone, unless the domain is to be enforced."""
    for way in (CURVE, NULL):
      for options in ({}, DOMAIN, {zmq.ZAP_ENFORCE_DOMAIN: 1}):
        server = meeting.server('ROUTER', {
            **(CURVE.server() if way is CURVE else {}), **options})
        self.is_in(meeting, server, self.client(meeting, way))

  @each_pairing(binding=(True,))
  def test_enforced_domain(self, meeting):
    for way in (CURVE, NULL):
      server = self.server(meeting, way, {**DOMAIN, **HURRY,
                                          zmq.ZAP_ENFORCE_DOMAIN: 1})
      client = self.client(meeting, way)
      meeting.begin(server, client)
      client.send(b'question')
      self.failed(server, 'UV_EFAULT')
      self.failed(client, GONE)
      let_in(server)
      client.wait_event('ready')
      self.assertEqual(server.receive()[1], b'question')


class Later(ZapTest):
  """The callback of the native API need not answer at once."""

  @each_pairing(binding=(True,), server_kinds=(NATIVE,))
  def test_in_order(self, meeting):
    """Whoever is in already is not kept waiting."""
    server = self.server(meeting, PLAIN)
    server.command('auth', 'allow')
    first = self.client(meeting, PLAIN)
    endpoint = meeting.meet(server, first)
    server.wait_asked()
    server.command('auth', 'later')
    waiting = {}
    for name in (b'one', b'two', b'three'):
      waiting[name] = self.client(meeting, PLAIN, PLAIN.client(user=name))
      waiting[name].connect(endpoint)
      self.assertEqual(server.wait_asked().username, name)
      first.send(name)
      self.assertEqual(server.receive()[1], name)
    server.command('auth-answer', 'deny', 400)
    self.refused(server, waiting[b'one'], 400)
    waiting[b'two'].set(zmq.LINGER, 0)
    waiting[b'two'].close()
    server.wait_event('disconnected')
    server.command('auth-answer', 'allow', error='UV_ECANCELED')
    waiting[b'three'].send(b'hello')
    server.command('auth-answer', 'allow', text_of(b'third'))
    server.wait_event('ready')
    self.assertEqual(server.receive()[1], b'hello')
    self.assertEqual(server.user(), b'third')
    self.no_attempt(server, waiting[b'one'])

  @each_pairing(binding=(True,), server_kinds=(NATIVE,))
  def test_too_late(self, meeting):
    """The handshake's time is the callback's time, too."""
    for way in MECHANISMS:
      server = self.server(meeting, way, HURRY)
      server.command('auth', 'later')
      client = self.client(meeting, way)
      meeting.begin(server, client)
      server.wait_asked()
      self.failed(server, 'UV_ETIMEDOUT')
      server.command('auth-answer', 'allow', error='UV_ECANCELED')
      server.wait_asked()
      server.command('auth-answer', 'allow')
      client.wait_event('ready')


if __name__ == '__main__':
  security_main()
